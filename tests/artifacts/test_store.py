from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mvops.artifacts.store import ArtifactStore
from mvops.core.version import Artifact
from mvops.errors import ArtifactError, BackendError

pytestmark = pytest.mark.real("artifacts", "folder", "a folder")

DATA = b"a model" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStore]:
    """A store in a folder, and one behind fsspec that is not."""
    if request.param == "local":
        yield ArtifactStore(".mvops/artifacts", tmp_path)
        return
    folder = f"memory://{uuid.uuid4().hex}"
    yield ArtifactStore(folder, tmp_path)
    fs, path = fsspec.url_to_fs(folder)
    if fs.exists(path):
        fs.rm(path, recursive=True)


def test_what_is_put_can_be_read_by_artefact_or_address(store):
    artifact = store.put_bytes(DATA, "skops")
    assert artifact == Artifact(sha256=SHA, format="skops", size=7000)
    assert store.read_bytes(artifact) == store.read_bytes(SHA) == DATA
    assert store.has(SHA)


def test_a_file_is_the_same_artefact_as_its_bytes(store, tmp_path):
    source = tmp_path / "model.bin"
    source.write_bytes(DATA * 500)
    artifact = store.put_file(source, "skops")
    assert artifact == store.put_bytes(DATA * 500, "skops")
    assert store.read_bytes(artifact) == DATA * 500


def test_nothing_is_an_artefact_too(store, tmp_path):
    (tmp_path / "empty").touch()
    assert store.put_file(tmp_path / "empty", "json") == store.put_bytes(b"", "json")
    assert store.read_bytes(hashlib.sha256(b"").hexdigest()) == b""


def test_a_missing_artefact_is_named_with_its_store(store):
    assert not store.has(SHA)
    with pytest.raises(ArtifactError, match=f"{SHA} is missing") as caught:
        store.read_bytes(SHA)
    assert "artifacts" in caught.value.hint


@pytest.mark.parametrize("address", ["", "a" * 63, "A" * 64, "../" * 21 + "x", "a" * 64 + "\n", "ab/" + "c" * 61])
def test_an_address_is_a_hash_and_never_a_path(store, address):
    for use in (store.read_bytes, store.has):
        with pytest.raises(ArtifactError, match="not the address"):
            use(address)


def test_a_missing_source_is_named(store, tmp_path):
    with pytest.raises(ArtifactError, match=r"nowhere\.bin cannot be read"):
        store.put_file(tmp_path / "nowhere.bin", "skops")


def local_file(root: Path, sha256: str) -> Path:
    return root / ".mvops" / "artifacts" / sha256[:2] / sha256[2:]


def test_the_layout_on_disk(tmp_path):
    ArtifactStore(".mvops/artifacts", tmp_path).put_bytes(DATA, "skops")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [local_file(tmp_path, SHA)]


@pytest.mark.parametrize("position", [0, 1, 3500, 6999])
def test_one_flipped_bit_is_refused_and_putting_it_again_heals(tmp_path, position):
    store = ArtifactStore(".mvops/artifacts", tmp_path)
    store.put_bytes(DATA, "skops")
    damaged = bytearray(DATA)
    damaged[position] ^= 1
    local_file(tmp_path, SHA).write_bytes(damaged)
    with pytest.raises(ArtifactError, match="damaged"):
        store.read_bytes(SHA)
    assert store.read_bytes(store.put_bytes(DATA, "skops")) == DATA


def test_a_truncated_artefact_is_refused(tmp_path):
    store = ArtifactStore(".mvops/artifacts", tmp_path)
    store.put_bytes(DATA, "skops")
    os.truncate(local_file(tmp_path, SHA), 6999)
    with pytest.raises(ArtifactError, match="damaged"):
        store.read_bytes(SHA)


def test_a_file_that_is_swapped_all_the_time_is_read_right_or_not_at_all(tmp_path):
    store = ArtifactStore(".mvops/artifacts", tmp_path)
    store.put_bytes(DATA, "skops")
    file, evil, stop = local_file(tmp_path, SHA), tmp_path / "evil", threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for content in (b"evil" * 1000, DATA):
                evil.write_bytes(content)
                evil.replace(file)

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes = set()
    try:
        for _ in range(300):
            try:
                outcomes.add(store.read_bytes(SHA))
            except ArtifactError:
                outcomes.add(b"refused")
    finally:
        stop.set()
        thread.join()
    assert outcomes == {DATA, b"refused"}


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / SHA[:2]).write_text("in the way")
    with pytest.raises(ArtifactError, match="cannot be written"):
        store.put_bytes(DATA, "skops")
    assert [p.name for p in (tmp_path / "artifacts").iterdir()] == [SHA[:2]]


def test_a_store_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "artifacts").write_text("a file")
    with pytest.raises(ArtifactError, match="cannot be written"):
        ArtifactStore("artifacts", tmp_path).put_bytes(DATA, "skops")


def test_an_absolute_path_and_a_file_url_are_the_same_store(tmp_path):
    here, there = ArtifactStore(str(tmp_path / "a"), Path("/")), ArtifactStore(f"file://{tmp_path}/a", Path("/"))
    assert there.read_bytes(here.put_bytes(DATA, "x")) == DATA


def test_the_file_is_readable_by_whom_the_umask_lets(tmp_path):
    ArtifactStore(".mvops/artifacts", tmp_path).put_bytes(DATA, "skops")
    mask = os.umask(0)
    os.umask(mask)
    assert local_file(tmp_path, SHA).stat().st_mode & 0o777 == 0o666 & ~mask


def test_many_writers_of_the_same_artefact_do_not_disturb_each_other(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    threads = [threading.Thread(target=store.put_bytes, args=(DATA, "x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read_bytes(SHA) == DATA
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_an_unknown_scheme_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be used"):
        ArtifactStore("carrier-pigeon://loft", tmp_path)


def test_a_scheme_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(BackendError, match="s3fs"):
        ArtifactStore("s3://bucket/models", tmp_path)
