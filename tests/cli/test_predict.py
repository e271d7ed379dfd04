"""`mvops predict`: files of any size, the endpoint's checks and answers, whole or not at all, logged once."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import toy_project as toy
from toy_project import free_port, mvops, spawn, typed

from mvops.registry.predictions import PredictionLog
from mvops.serving.client import EndpointClient

pytestmark = pytest.mark.xdist_group("cli-toy")
MEASURED = """
from pathlib import Path
from mvops.cli.app import main
try:
    main()
finally:
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
OWN = ["age", "income", "region"]


def log(root: Path) -> list[tuple]:
    with PredictionLog.open("sqlite:///.mvops/predictions.db", root) as opened:
        return [(p.id, p.arm, p.time, p.inputs, p.prediction, p.probability) for _, p in opened.read("toy", 0, 10**6)]


def written(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def served(project: Path) -> Iterator[tuple[Path, EndpointClient]]:
    port = free_port()
    process = spawn(project, "serve", "toy", "--port", port)
    try:
        client = EndpointClient(f"http://127.0.0.1:{port}")
        client.ready(timeout=60)
        yield project, client
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_each_prediction_is_the_endpoint_s_to_the_last_bit_from_every_format(served) -> None:
    project, client = served
    rows = toy.rows(range(3), seed=5)
    rows.insert(0, "customer", [f"c{n}" for n in range(len(rows))])
    rows.to_csv(project / "in.csv", index=False)
    rows.to_parquet(project / "in.parquet")
    rows.to_json(project / "in.jsonl", orient="records", lines=True)
    asked = rows[OWN].to_dict("records")
    whole = client.predict(asked)
    alone = [client.predict([row]).probabilities[0] for row in asked[:40]]
    assert alone == list(whole.probabilities[:40])  # whatever else is asked with it

    for source in ("in.csv", "in.parquet", "in.jsonl"):
        for ending in ("csv", "parquet", "jsonl"):
            mvops(project, "predict", "toy", "-i", source, "-o", f"out.{ending}", "--keep", "customer").ok()
            out = project / f"out.{ending}"
            if ending == "csv":
                found = pd.read_csv(out, float_precision="round_trip")
            else:
                found = pd.read_parquet(out) if ending == "parquet" else pd.DataFrame(lines_of(out))
            names = [
                "row",
                "customer",
                "prediction",
                "probability_0",
                "probability_1",
                "prediction_id",
                "model_version",
            ]
            assert list(found) == names
            assert found.row.tolist() == list(range(1, 301))
            assert found.customer.tolist() == rows.customer.tolist()
            assert found.prediction.tolist() == list(whole.predictions)
            assert found[["probability_0", "probability_1"]].to_numpy().tolist() == [
                list(p) for p in whole.probabilities
            ]
    mine = [row for row in log(project) if row[1] == "batch"]
    assert len(mine) == 3 * 300  # each file once, however often and wherever to it was written
    assert [row[3] for row in mine[:300]] == asked
    assert [list(row[5]) for row in mine[:300]] == [list(p) for p in whole.probabilities]


def test_what_is_wrong_is_named_by_row_and_column_and_nothing_is_done(project: Path) -> None:
    before = log(project)
    source = project / "in.csv"
    source.write_text('customer,age,income,region\n1,40,30000,a\n"2\n",forty,30000,\n\n3,41,30000,b\n4,1\n')
    stopped = mvops(project, "predict", "toy", "--input", "in.csv", "--output", "out.csv")
    stopped.refused(
        "in.csv:4: row 2, column age: must be a finite number", "1 more", "row 4: has 2 values", "--on-error skip"
    )
    assert not (project / "out.csv").exists()
    assert log(project) == before

    done = mvops(project, "predict", "toy", "-i", "in.csv", "-o", "out.csv", "--on-error", "skip", "--json").ok().json()
    assert (done["rows"], done["predicted"], done["refused"], done["ignored"]) == (4, 2, 2, ["customer"])
    assert [row["row"] for row in written(project / "out.csv")] == ["1", "3"]
    refused = written(project / "out.refused.csv")
    assert [(row["row"], row["column"], row["problem"]) for row in refused] == [
        ("2", "age", "must be a finite number"),
        ("4", "", "has 2 values, and the header 4"),
    ]
    assert json.loads(refused[0]["values"])["age"] == "forty"
    assert len(log(project)) == len(before) + 2
    assert "2 rows of in.csv predicted by version 1, 2 refused" in mvops(project, "history").ok().out


def test_columns_files_and_versions_that_are_not_there_are_said(project: Path) -> None:
    rows = toy.rows(range(1))
    rows.rename(columns={"income": "incomes"}).to_csv(project / "in.csv", index=False)

    def refused(*said: str, **options: str) -> None:
        given = {"input": "in.csv", "output": "out.csv"} | options
        mvops(project, "predict", "toy", *(f"--{k.replace('_', '-')}={v}" for k, v in given.items())).refused(*said)
        assert not (project / "out.csv").exists()

    refused("version 1 of toy reads income", "did you mean 'incomes'?", "age, incomes, region, day, y")
    rows.to_csv(project / "in.csv", index=False)
    refused("--keep dy: in.csv has no such column; did you mean 'day'?", keep="dy")
    refused("--time when: in.csv has no such column", time="when")
    refused("--keep row: the output has a column of its own", keep="row")
    refused("must be a time in ISO 8601", time="region")
    refused("gone.csv is not there", input="gone.csv")
    refused("in.txt: the ending says the format", input="in.txt")
    refused("write the predictions to another file", output="./in.csv")
    refused("version 7", version="7")
    refused("it is stop or skip", on_error="go")
    (project / "in.parquet").write_bytes(b"PAR1")
    refused("cannot be read as Parquet", input="in.parquet")
    (project / "in.csv").write_bytes(b"age,income,region\n1,2,\xff\n")
    refused("in.csv:2: not UTF-8", input="in.csv")
    mvops(project, "predict", "tox", "-i", "in.csv", "-o", "o.csv").refused("did you mean 'toy'?")


def test_time_missing_values_and_no_log(project: Path) -> None:
    before = len(log(project))
    (project / "in.csv").write_text(
        "when,age,income,region\n2024-03-01T10:00:00+02:00,40,30000,a\n2024-03-02,41,1e4,NA\n"
    )
    mvops(project, "predict", "toy", "-i", "in.csv", "-o", "a.csv", "--no-log").ok()
    assert len(log(project)) == before
    assert "prediction_id" not in written(project / "a.csv")[0]
    mvops(project, "predict", "toy", "-i", "in.csv", "-o", "b.csv", "--time", "when", "--version", "1").ok()
    made = log(project)[before:]
    assert [row[2].isoformat() for row in made] == ["2024-03-01T08:00:00+00:00", "2024-03-02T00:00:00+00:00"]
    assert made[0][3] == {"age": 40, "income": 30000, "region": "a"}
    assert [row["prediction_id"] for row in written(project / "b.csv")] == [row[0] for row in made]


def test_from_standard_input_to_standard_output(project: Path) -> None:
    text = toy.rows(range(1)).to_csv(index=False)
    command = [*toy.COMMAND, "predict", "toy", "-i", "-", "-o", "-", "--no-log"]
    done = subprocess.run(
        command, cwd=project, env=toy.environment(), input=text, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 101
    assert done.stdout.startswith("row,prediction,probability_0,probability_1,model_version\n1,")
    assert "100 rows predicted by version 1" in done.stderr
    assert [path.name for path in (project / ".mvops").glob("stdin-*")] == []


@pytest.mark.system
def test_killed_anywhere_it_goes_on_to_the_same_output_and_logs_nothing_twice(project: Path) -> None:
    before = log(project)
    rows = toy.rows(range(600))
    rows.to_csv(project / "in.csv", index=False)
    command = ("predict", "toy", "-i", "in.csv", "--keep", "day", "-o")
    parts = project / ".mvops" / "predict"
    for chunks in (1, 2, 5):
        process = spawn(project, *command, "out.csv")
        toy.until(lambda n=chunks, p=process: len(list(parts.glob("*/*.rows"))) >= n or p.poll() is not None)
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        assert not (project / "out.csv").exists()
    done = typed(project, *command, "out.csv", "--json").ok().json()
    assert done["resumed"] >= 5 * 4096
    made = log(project)[len(before) :]
    assert [row[0] for row in made] == [row["prediction_id"] for row in written(project / "out.csv")]
    assert [row[3] for row in made] == rows[OWN].to_dict("records")
    assert len({row[2] for row in made}) == 1  # all of one moment, of the first start

    mvops(project, *command, "whole.csv").ok()
    assert (project / "out.csv").read_bytes() == (project / "whole.csv").read_bytes()
    assert len(log(project)) == len(before) + len(rows)
    assert list(parts.glob("*/*")) == []


@pytest.mark.system
def test_memory_does_not_grow_with_the_file(project: Path) -> None:
    """Four times the rows take no more than a few megabytes more: the rows alone would take hundreds."""
    most = []
    for days, name in ((700, "small"), (2800, "large")):
        toy.rows(range(days)).to_parquet(project / f"{name}.parquet")
        arguments = ["predict", "toy", "-q", "-i", f"{name}.parquet", "-o", f"{name}.out.parquet", "--no-log"]
        command = [sys.executable, "-c", MEASURED, *arguments]
        done = subprocess.run(command, cwd=project, env=toy.environment(), capture_output=True, text=True, check=True)
        most.append(int(done.stdout.split()[-1]))
        assert pq.ParquetFile(project / f"{name}.out.parquet").metadata.num_rows == days * 100
    assert most[1] - most[0] < 50_000, most
    assert most[1] < 500_000, most
