"""What mvops reads of DVC's own files, and what it makes of DVC's errors; DVC itself runs in tests/cli/test_dvc.py."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mvops.backends.data_versioners._dvc_calls import _said
from mvops.backends.data_versioners._dvc_content import unchanged
from mvops.backends.data_versioners._dvc_files import Out, find_repository, remotes, tracked
from mvops.errors import BackendError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "data/folder").mkdir(parents=True)
    return tmp_path


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def found(root: Path, name: str) -> Out | None:
    return tracked(root, [root / name])[root / name]


def test_the_entry_of_the_file_itself_goes_before_that_of_a_folder_around_it(root: Path) -> None:
    (root / "data.dvc").write_text("outs:\n- {md5: aa.dir, path: data}\n")
    (root / "data/one.csv.dvc").write_text("outs:\n- {md5: bb, path: one.csv}\n")
    (root / "data/other.dvc").write_text("wdir: ..\nouts:\n- {md5: cc, path: data/two.csv}\n")
    entries = {name: found(root, f"data/{name}") for name in ("one.csv", "two.csv", "folder/three.csv")}
    assert {name: out and out.hash for name, out in entries.items()} == {
        "one.csv": "bb", "two.csv": "cc", "folder/three.csv": "aa.dir",
    }  # fmt: skip
    assert found(root, "elsewhere.csv") is None


def test_what_a_stage_or_an_import_makes_is_only_dvcs_to_change(root: Path) -> None:
    (root / "pipeline").mkdir()
    (root / "pipeline/dvc.yaml").write_text("stages:\n  make: {cmd: x, wdir: .., outs: [data/made.csv]}\n")
    (root / "pipeline/dvc.lock").write_text("stages:\n  make:\n    outs:\n    - {path: data/made.csv, md5: aa}\n")
    (root / "data/got.csv.dvc").write_text("deps:\n- {path: s3://x/y}\nouts:\n- {md5: bb, path: got.csv}\n")
    for name, hash_ in (("made", "aa"), ("got", "bb")):
        out = found(root, f"data/{name}.csv")
        assert out is not None
        assert (out.hash, out.made) == (hash_, True)


def test_content_is_compared_as_dvc_does(root: Path) -> None:
    (root / "data/folder/x.parquet").write_text("1\n")
    (root / "data/folder/y.parquet").write_text("2\n")
    (root / "data/text.csv").write_bytes(b"a\r\nb\r\n")
    documents = {
        "data/folder": {"md5": "073a4dd51b73a9824b1df665ae465838.dir", "hash": "md5"},  # as DVC 3.67 wrote it
        "data/text.csv": {"md5": md5(b"a\nb\n")},  # as DVC 2 wrote it
    }
    outs = [Out(root / name, root / "x.dvc", document, made=False) for name, document in documents.items()]
    assert unchanged(outs, root / "cache") == {root / name for name in documents}
    new = Out(root / "data/text.csv", root / "x.dvc", {"md5": md5(b"a\nb\n"), "hash": "md5"}, made=False)
    gone = Out(root / "data/gone.csv", root / "x.dvc", {"md5": "aa"}, made=False)
    uncommitted = Out(root / "data/text.csv", root / "x.dvc", {}, made=False)
    assert unchanged([new, gone, uncommitted], root / "cache") == set()
    (root / "data/folder/y.parquet").write_text("3\n")
    assert unchanged(outs, root / "cache") == {root / "data/text.csv"}


def test_a_file_that_is_not_yaml_is_told_with_its_place(root: Path) -> None:
    (root / "data/one.csv.dvc").write_text("<<<<<<< HEAD\nouts: [\n")
    with pytest.raises(BackendError, match=r"one\.csv\.dvc: DVC's file cannot be read"):
        found(root, "data/one.csv")


def test_remotes_are_read_from_all_of_dvcs_configurations(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "global").mkdir()
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(root / "global"))
    (root / "global/config").write_text("[core]\n    remote = far\n['remote \"far\"']\n    url = s3://bucket/x\n")
    assert remotes(root) == ("far", {"far": "s3://bucket/x"})
    (root / ".dvc/config").write_text("['remote \"near\"']\n    url = ../../near\n")
    (root / ".dvc/config.local").write_text("[core]\n    remote = near\n")
    assert remotes(root) == ("near", {"far": "s3://bucket/x", "near": str((root / ".dvc/../../near").resolve())})


def test_no_repository_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="dvc init --no-scm"):
        find_repository(tmp_path)
    (tmp_path / ".git").mkdir()
    with pytest.raises(BackendError) as refused:
        find_repository(tmp_path / "project")
    assert refused.value.hint == "Make it one: dvc init"


def test_what_dvc_says_is_one_line_without_credentials() -> None:
    said = (
        "WARNING: Some files do not exist\nERROR: failed to push data to the cloud - https://me:secret@host/x\n"
        "is not there\n<https://error.dvc.org/missing-files>\n\nHaving any troubles? Hit us up\n"
    )
    assert _said(said) == "failed to push data to the cloud - https://host/x is not there"
    assert _said("") == "it failed without a word"
