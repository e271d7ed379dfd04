"""`mvops doctor` reads the whole prediction log: a page that is damaged is told before anybody needs it."""

from __future__ import annotations

from pathlib import Path

from toy_project import mvops

from mvops.registry.predictions import PredictionLog

PAGE = 4096


def test_doctor_names_a_damaged_prediction_log(tmp_path: Path) -> None:
    root = tmp_path / "p"
    mvops(tmp_path, "init", "p", "--team", "small", "--phase", "day_30").ok()
    file = root / ".mvops/predictions.db"
    with PredictionLog.open(f"sqlite:///{file}", root) as log:
        log.check()
    with file.open("r+b") as stream:  # an index that counting does not need
        stream.seek(5 * PAGE)
        stream.write(b"\xff" * PAGE)
    found = mvops(root, "doctor")
    assert found.code == 1
    assert "predictions.db: The database is damaged" in found.out
    assert "Restore the file from a backup" in found.out
