"""What the YAML keeps out of the log is nowhere on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving_support import LATE, MODEL, wait_for

from mvops.core.config.log import LogRules
from mvops.serving.redaction import Redaction

SECRET = "jane.doe@example.com"
NUMBER = 17.314159265


def holding(root: Path, *needles: bytes) -> list[str]:
    """The files that hold one of these: spool, database and its log are whatever lies below the root."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return [str(path.relative_to(root)) for path in files if any(needle in path.read_bytes() for needle in needles)]


@pytest.mark.parametrize("rules", [{"exclude": ["carrier", "temp"]}, {"hash": ["carrier", "temp"]}, None])
def test_no_byte_of_what_is_excluded_is_written(project, local, rules) -> None:
    """Looked for while it is in the spool, with the log away, and once it is in the log. `None` is the control."""
    log = project.root / ".mvops" / "predictions.db"
    log.mkdir(parents=True)
    project.settings["log"] = rules
    endpoint = local(project)
    row = LATE | {"carrier": SECRET, "temp": NUMBER}
    answer = endpoint.client.predict([row, row | {"temp": 1.0}, row | {"carrier": "AA"}])
    needles = (SECRET.encode(), str(NUMBER).encode())
    assert endpoint.runtime.spool.backlog > 0
    spooled = holding(project.root, *needles)
    assert (spooled == []) is (rules is not None)
    log.rmdir()
    assert wait_for(lambda: endpoint.runtime.spool.backlog == 0)
    logged = holding(project.root, *needles)
    endpoint.stop()
    assert (logged == []) is (rules is not None)
    assert (holding(project.root, *needles) == []) is (rules is not None)
    with project.log() as opened:
        inputs = {p.id: p.inputs for _, p in opened.read(MODEL)}
    found = [inputs[name] for name in answer.prediction_ids]
    assert [row["hour"] for row in found] == [20, 20, 20]
    if rules is None:
        return
    if "exclude" in rules:
        assert all(row.keys() == LATE.keys() - {"carrier", "temp"} for row in found)
        return
    assert found[0]["carrier"] == found[1]["carrier"] != found[2]["carrier"]
    assert found[0]["temp"] == found[2]["temp"] != found[1]["temp"]


def test_digests_are_the_project_s_own_and_join_equal_values(tmp_path) -> None:
    rules = LogRules(hash=("a",))
    here, again, elsewhere = (Redaction(rules, tmp_path / name) for name in ("one", "one", "other"))
    rows = [{"a": 3, "b": 1}, {"a": 3.0, "b": 1}, {"a": "3"}, {"a": None}, {"b": 2}]
    found = here(rows)
    assert found == again(rows)
    assert found[0] == found[1] != found[2]
    assert found[3:] == [{"a": None}, {"b": 2}]
    assert found[0]["a"] != elsewhere(rows)[0]["a"]
    assert rows[0] == {"a": 3, "b": 1}
    assert (tmp_path / "one/.mvops/model.key").stat().st_mode & 0o077 == 0
    with pytest.raises(ValueError, match="'a' is excluded"):
        LogRules(exclude=("a",), hash=("a",))
