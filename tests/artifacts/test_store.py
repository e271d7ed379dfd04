from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mvops.artifacts.store import ArtifactStore
from mvops.errors import ArtifactError, MissingExtraError

pytestmark = pytest.mark.real("artifacts", "folder", "a folder")

DATA = b"a model" * 1000
SHA = hashlib.sha256(DATA).hexdigest()


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
                time.sleep(0.001)  # a turn for the reader

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes, reads, patience = set(), 0, time.monotonic() + 60
    try:
        while reads < 300 or (len(outcomes) < 2 and time.monotonic() < patience):  # both threads have to get a turn
            reads += 1
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
    assert [p.name for p in (tmp_path / "artifacts").rglob("*") if p.is_file()] == [SHA[:2]]


def test_a_store_that_was_taken_away_is_made_again(tmp_path):
    store = ArtifactStore("artifacts", tmp_path)
    store.put_bytes(b"other", "skops")
    shutil.rmtree(tmp_path / "artifacts")
    assert store.read_bytes(store.put_bytes(DATA, "skops")) == DATA


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


@pytest.mark.parametrize(
    "url",
    [
        "carrier-pigeon://loft",
        "s3://bucket/../other/models",
        "s3://bucket/models/..",
        "s3://bucket/models?versionId=3",
        "s3://bucket/models#x",
        "s3://bucket/a b",
        "s3://bucket/%2e%2e/other",
        "s3://key:secret@bucket/models",
        "s3://key@bucket/models",
        "s3://Bucket/models",
        "s3://b/models",
        "s3://",
        "s3:///models",
        "s3://bucket//models",
        "sftp://user:secret@host/models",
        "simplecache::s3://bucket/models",
        "https://bucket.s3.amazonaws.com/models?X-Amz-Signature=1",
    ],
)
def test_a_url_that_is_no_place_is_refused(tmp_path, url):
    with pytest.raises(ArtifactError, match="cannot be used") as refused:
        ArtifactStore(url, tmp_path).has(SHA)
    assert "secret" not in str(refused.value)


def test_a_scheme_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    loaded = importlib.import_module("fsspec.registry")._registry  # it remembers what another test has used
    for scheme in ("s3", "s3a"):
        monkeypatch.delitem(loaded, scheme, raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'mvops\[s3\]'"):
        ArtifactStore("s3://bucket/models", tmp_path).has(SHA)


def test_opening_a_store_loads_no_library(tmp_path):
    script = f"""
import sys
from pathlib import Path
from mvops.artifacts.store import ArtifactStore
ArtifactStore("s3://bucket/models", Path({str(tmp_path)!r}))
print("s3fs" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
