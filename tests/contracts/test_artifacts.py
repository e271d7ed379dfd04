"""The examination of the artefact stores: whole or not at all, and nobody else's bytes under an artefact's name."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mvops.artifacts.store import ArtifactStore
from mvops.core.version import Artifact
from mvops.errors import ArtifactError

DATA = b"a model" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
BIG = 110 << 20  # bytes: what is larger than 100 MiB goes to S3 in parts


@dataclass(frozen=True)
class Place:
    """What a store's file makes ready: a URL, and ways to look and to write behind the store's back."""

    url: str
    root: Path
    kept: Callable[[], dict[str, bytes]]  # path below `url` -> content
    replace: Callable[[str, bytes], object]


class Spot:
    """A corner of the place that only one test uses."""

    def __init__(self, place: Place) -> None:
        self._place, self._folder = place, uuid.uuid4().hex
        self.store = ArtifactStore(f"{place.url}/{self._folder}", place.root)

    def kept(self) -> dict[str, bytes]:
        start = f"{self._folder}/"
        return {key.removeprefix(start): data for key, data in self._place.kept().items() if key.startswith(start)}

    def damage(self, sha256: str, data: bytes) -> None:
        self._place.replace(f"{self._folder}/{sha256[:2]}/{sha256[2:]}", data)


@pytest.fixture
def spot(shared: Place) -> Spot:
    return Spot(shared)


@pytest.fixture
def store(spot: Spot) -> ArtifactStore:
    return spot.store


def test_what_is_put_can_be_read_by_artefact_or_address(store: ArtifactStore) -> None:
    artifact = store.put_bytes(DATA, "skops")
    assert artifact == Artifact(sha256=SHA, format="skops", size=7000)
    assert store.read_bytes(artifact) == store.read_bytes(SHA) == DATA
    assert store.has(SHA)


def test_an_artefact_is_where_its_hash_says_and_there_is_nothing_else(spot: Spot) -> None:
    spot.store.put_bytes(DATA, "skops")
    spot.store.put_bytes(DATA, "skops")
    assert spot.kept() == {f"{SHA[:2]}/{SHA[2:]}": DATA}


def test_a_file_is_the_same_artefact_as_its_bytes(spot: Spot, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(DATA * 500)
    artifact = spot.store.put_file(source, "skops")
    assert artifact == spot.store.put_bytes(DATA * 500, "skops")
    assert spot.store.read_bytes(artifact) == DATA * 500
    assert len(spot.kept()) == 1


def test_a_file_larger_than_one_request_comes_back_whole(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    block = os.urandom(1 << 20)
    source.write_bytes(block * (BIG >> 20))
    artifact = store.put_file(source, "skops")
    assert artifact.size == BIG
    assert hashlib.sha256(store.read_bytes(artifact)).hexdigest() == artifact.sha256


def test_nothing_is_an_artefact_too(store: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert store.put_file(tmp_path / "empty", "json") == store.put_bytes(b"", "json")
    assert store.read_bytes(hashlib.sha256(b"").hexdigest()) == b""


def test_a_missing_artefact_is_named_with_its_store(store: ArtifactStore) -> None:
    assert not store.has(SHA)
    with pytest.raises(ArtifactError, match=f"{SHA} is missing") as caught:
        store.read_bytes(SHA)
    assert caught.value.hint is not None
    assert "artifacts" in caught.value.hint


@pytest.mark.parametrize("address", ["", "a" * 63, "A" * 64, "../" * 21 + "x", "a" * 64 + "\n", "ab/" + "c" * 61])
def test_an_address_is_a_hash_and_never_a_path(store: ArtifactStore, address: str) -> None:
    for use in (store.read_bytes, store.has):
        with pytest.raises(ArtifactError, match="not the address"):
            use(address)


def test_a_missing_source_is_named(spot: Spot, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"nowhere\.bin cannot be read"):
        spot.store.put_file(tmp_path / "nowhere.bin", "skops")
    assert spot.kept() == {}


@pytest.mark.parametrize(
    "damaged", [b"", DATA[:-1], DATA + b"\0", b"x" + DATA[1:]], ids=["empty", "cut", "long", "bit"]
)
def test_damage_is_refused_and_putting_it_again_heals(spot: Spot, damaged: bytes) -> None:
    spot.store.put_bytes(DATA, "skops")
    spot.damage(SHA, damaged)
    with pytest.raises(ArtifactError, match="damaged"):
        spot.store.read_bytes(SHA)
    assert spot.store.read_bytes(spot.store.put_bytes(DATA, "skops")) == DATA


def test_many_writers_of_the_same_artefact_do_not_disturb_each_other(spot: Spot) -> None:
    threads = [threading.Thread(target=spot.store.put_bytes, args=(DATA, "x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spot.store.read_bytes(SHA) == DATA
    assert len(spot.kept()) == 1


def test_a_child_that_was_forked_reads_it_too(store: ArtifactStore, shared: Place) -> None:
    """Pipelines and workers fork: a client's threads and locks do not come along."""
    if shared.url.startswith("memory"):
        return  # no other process has this memory
    store.put_bytes(DATA, "x")
    script = f"""
import multiprocessing, sys
from pathlib import Path
from mvops.artifacts.store import ArtifactStore
store = ArtifactStore({store._url!r}, Path({str(shared.root)!r}))
store.has({SHA!r})
def read():
    other = ArtifactStore({store._url!r}, Path({str(shared.root)!r}))
    sys.exit(0 if len(other.read_bytes({SHA!r})) == 7000 else 3)
child = multiprocessing.get_context("fork").Process(target=read)
child.start()
child.join(30)
print(child.exitcode)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stdout.strip() == "0", done.stderr
