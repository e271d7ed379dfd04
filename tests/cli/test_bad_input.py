"""What is wrong is said once, with where it is and what to do next; nothing is half-written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_project import edit, mvops, snapshot, typed, write_notebook

pytestmark = pytest.mark.xdist_group("cli-toy")
YAML = "configs/models/toy.yaml"
NOTEBOOK = "pipelines/toy.ipynb"
Damage = Callable[[Path], object]

WRONG: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "notebook gone": (
        lambda p: (p / NOTEBOOK).unlink(),
        (f"{YAML}:3:13: There is no notebook pipelines/toy.ipynb.", "mvops promote NOTEBOOK --force"),
    ),
    "notebook by another name": (
        lambda p: edit(p / YAML, "toy.ipynb", "toi.ipynb"),
        (f"{YAML}:3:13: There is no notebook pipelines/toi.ipynb; did you mean 'toy.ipynb'?",),
    ),
    "parameter that is none": (
        lambda p: edit(p / YAML, "{C: 1.0}", "{CC: 1.0}"),
        (f"{YAML}:5:20: pipelines/toy.ipynb: 'CC' is no parameter of the notebook; did you mean 'C'?",),
    ),
    "parameter that is text": (
        lambda p: edit(p / YAML, "{C: 1.0}", "{C: many}"),
        (
            f"{YAML}:5:19: pipelines/toy.ipynb: The parameter 'C' cannot be 'many': it is 1.0 in cell 1.",
            "Write a number.",
        ),
    ),
    "parameter that is no whole number": (
        lambda p: (edit(p / NOTEBOOK, "C = 1.0", "C: int = 1"), edit(p / YAML, "{C: 1.0}", "{C: 0.5}")),
        (f"{YAML}:5:19: pipelines/toy.ipynb: The parameter 'C' cannot be 0.5", "Write a whole number."),
    ),
    "parameter that is a truth value": (
        lambda p: (
            edit(p / NOTEBOOK, "C = 1.0", "C = 1.0\\nn_estimators = 100"),
            edit(p / YAML, "{C: 1.0}", "{C: 1.0, n_estimators: true}"),
        ),
        (
            f"{YAML}:5:38: pipelines/toy.ipynb: The parameter 'n_estimators' cannot be true: it is 100 in cell 1.",
            "Write a whole number.",
        ),
    ),
    "parameter that is nothing": (
        lambda p: (
            edit(p / NOTEBOOK, "C = 1.0", "C = 1.0\\nn_estimators = 100"),
            edit(p / YAML, "{C: 1.0}", "{C: 1.0, n_estimators: null}"),
        ),
        (f"{YAML}:5:38: pipelines/toy.ipynb: The parameter 'n_estimators' cannot be null", "Write a whole number."),
    ),
    "input that is none": (
        lambda p: edit(p / YAML, "{data_path: ", "{data_paht: "),
        (f"{YAML}:4:23: pipelines/toy.ipynb: 'data_paht' is no parameter of the notebook; did you mean 'data_path'?",),
    ),
    "output that is none": (
        lambda p: edit(p / YAML, "{model: model,", "{model: modell,"),
        (f"{YAML}:6:20: pipelines/toy.ipynb: No cell makes the variable 'modell'", "did you mean 'model'?"),
    ),
    "notebook is no JSON": (
        lambda p: (p / NOTEBOOK).write_text("<<<<<<< HEAD"),
        (
            f"{YAML}:3:13: pipelines/toy.ipynb: The notebook cannot be read",
            "line 1 column 1",
            "mvops promote NOTEBOOK --force",
        ),
    ),
    "notebook is a list": (
        lambda p: (p / NOTEBOOK).write_text("[]"),
        (f"{YAML}:3:13: pipelines/toy.ipynb: The file is JSON, but no notebook",),
    ),
    "unknown key": (
        lambda p: edit(p / YAML, "gate:", "gaet:"),
        (f"{YAML}:8:1: unknown key 'gaet' in models.toy; did you mean 'gate'?", "Keys in models.toy: "),
    ),
    "YAML syntax": (lambda p: edit(p / YAML, "gate: [", "gate: [["), (f"{YAML}:8:7: not YAML",)),
    "wrong value": (
        lambda p: edit(p / YAML, "every: 1d", "every: soon"),
        (f"{YAML}:10:18: models.toy.monitor.every: 'soon' is not a duration", "such as 30m or 1d"),
    ),
    "two at once": (
        lambda p: (edit(p / YAML, "gate:", "gaet:"), edit(p / YAML, "every: 1d", "every: soon")),
        ("2 problems in the YAML", f"{YAML}:8:1: unknown key 'gaet'", f"{YAML}:10:18: ", "'soon' is not a duration"),
    ),
    "metric that is none": (lambda p: edit(p / YAML, "log_loss", "log_los"), (f"{YAML}:7:", "log_los", "log_loss")),
    "notifier that is none": (
        lambda p: edit(p / YAML, "[ops]", "[opps]"),
        (f"{YAML}:10:", "there is no notifier 'opps'; did you mean 'ops'?"),
    ),
    "backend that is none": (
        lambda p: edit(p / YAML, "gate:", "endpoint: {backend: fastpi}\ngate:"),
        (f"{YAML}:8:21: there is no backend 'fastpi' in servers; did you mean 'fastapi'?",),
    ),
    "data gone": (
        lambda p: (p / "data/d.csv").unlink(),
        (f"{YAML}:4:23: there is no data at data/d.csv", "models.toy.pipeline.inputs.data_path", "write another path"),
    ),
    "preset that is none": (
        lambda p: edit(p / "configs/project.yaml", "small/day_90\n", "small/day_91\n"),
        ("configs/project.yaml:", "day_91"),
    ),
    "registry damaged": (
        lambda p: (p / ".mvops/registry.db").write_bytes(b"no database" * 1000),
        (".mvops/registry.db: The file is not an SQLite database", "mvops state restore"),
    ),
    "no project": (
        lambda p: (p / "configs/project.yaml").unlink(),
        ("no mvops project here", "`mvops init` makes a project", "-C DIR"),
    ),
}


def test_values_of_parameters_that_may_be_meant(project: Path) -> None:
    """A whole number for any, nothing, a depth left open, and where a whole number has a name of its own, any."""
    may_be = {"C = 1.0": "1", "C = 1": "null", "C: int = 2": "7", "C = 1.0\\nmax_depth = 5": "1.0, max_depth: null"}
    for there, value in may_be.items():
        edit(project / NOTEBOOK, "C = 1.0", there)
        edit(project / YAML, "{C: 1.0}", f"{{C: {value}}}")
        mvops(project, "plan").ok()
        edit(project / NOTEBOOK, there, "C = 1.0")
        edit(project / YAML, f"{{C: {value}}}", "{C: 1.0}")


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize("case", WRONG)
def test_a_project_with_a_mistake(project: Path, case: str, command: str) -> None:
    damage, said = WRONG[case]
    damage(project)
    before = snapshot(project)
    refused = mvops(project, command, *(["--yes"] if command == "apply" else [])).refused(*said)
    assert refused.out == ""
    assert snapshot(project) == before


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_what_the_yaml_names_in_vain_is_told_at_once_over_all_models(project: Path, command: str) -> None:
    (project / "data/d.csv").unlink()
    (project / "pipelines/other.ipynb").write_bytes((project / NOTEBOOK).read_bytes())
    own = (project / YAML).read_text().replace("toy.ipynb", "other.ipynb").replace("data/d.csv", "data/o.csv")
    (project / "configs/models/other.yaml").write_text(f"{own}endpoint: {{port: 18402}}\n")
    third = own.replace("other.ipynb", "third.ipynb")
    (project / "configs/models/third.yaml").write_text(f"{third}endpoint: {{port: 18403}}\n")
    edit(project / "configs/models/other.yaml", "{model: model, features: X_test,", "{model: modell, features: X_tset,")
    for model in ("toy", "other"):
        edit(project / f"configs/models/{model}.yaml", "{C: 1.0}", "{CC: 1.0, D: 2}")
    before = snapshot(project)
    refused = mvops(project, command, *(["--yes"] if command == "apply" else [])).refused(
        "9 problems with what the YAML names",
        f"{YAML}:4:23: there is no data at data/d.csv, which models.toy.pipeline.inputs.data_path names",
        f"{YAML}:5:20: pipelines/toy.ipynb: 'CC' is no parameter of the notebook; did you mean 'C'?",
        "      parameters: {CC: 1.0, D: 2}\n                       ^\nIts parameters are: C, data_path.",
        f"{YAML}:5:28: pipelines/toy.ipynb: 'D' is no parameter of the notebook",
        "configs/models/other.yaml:4:23: there is no data at data/o.csv, which models.other.pipeline.inputs.data_path",
        "configs/models/other.yaml:5:20: pipelines/other.ipynb: 'CC' is no parameter of the notebook",
        "configs/models/other.yaml:5:28: pipelines/other.ipynb: 'D' is no parameter of the notebook",
        "configs/models/other.yaml:6:20: pipelines/other.ipynb: No cell makes the variable 'modell'",
        "configs/models/other.yaml:6:38: pipelines/other.ipynb: No cell makes the variable 'X_tset'",
        "Correct pipeline.outputs in the model's YAML.",
        "configs/models/third.yaml:3:13: There is no notebook pipelines/third.ipynb",
    )
    assert refused.out == ""
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("retrain", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("rollback", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("run", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("monitor", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("history", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("versions", "list", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("rollout", "status", "tyo"), "no model 'tyo'; did you mean 'toy'?"),
        (("predictions", "export", "tyo", "-o", "x.csv"), "no model 'tyo'; did you mean 'toy'?"),
        (("outcomes", "import", "tyo", "x.csv"), "no model 'tyo'; did you mean 'toy'?"),
        (("explain", "1234"), "the prediction log has no '1234'"),
        (("versions", "show", "toy", "7"), "toy has no version 7"),
        (("versions", "compare", "toy", "1", "7"), "toy has no version 7"),
        (("versions", "promote", "toy", "7"), "toy has no version 7"),
        (("rollback", "toy", "--to", "7"), "toy has no version 7"),
        (("rollback", "toy"), "no champion came before version 1"),
        (("rollout", "abort", "toy"), "nothing is rolling out for toy"),
        (("run", "toy", "-p", "C"), "-p C: not a parameter"),
        (("run", "toy", "-p", "C=[1"), "the value is not YAML"),
        (("run", "toy", "-p", "c=2"), "'c' is no parameter of the notebook"),
        (("run", "toy", "--step", "tain"), "no step 'tain'"),
        (("plan", "models.toy.monitor.evry=1h"), "unknown key 'evry' in models.toy.monitor; did you mean 'every'?"),
        (("plan", "models.toy.monitor.every=soon"), "'soon' is not a duration"),
        (("plan", "--out", "data/d.csv/plan.json"), "data/d.csv"),
        (("predictions", "export", "toy", "-o", "x.txt"), "Write to a .csv or a .jsonl file"),
        (("outcomes", "import", "toy", "x.csv"), "x.csv is not there"),
        (("monitor", "--log", "x.csv"), "--log needs --baseline FILE and --time COLUMN"),
        (("promote", "notebooks/nope.ipynb"), "there is no notebook notebooks/nope.ipynb"),
        (("promote", NOTEBOOK, "--name", "toy"), "there is a model toy already (configs/models/toy.yaml)"),
        (("promote", NOTEBOOK, "--name", "No Name"), "--name no_name"),
        (("promote", NOTEBOOK, "--name", "b", "--split", "half"), "Choose from auto, none, headings"),
        (("init",), "is already a project"),
        (("init", "new", "--team", "huge"), "there is no preset 'huge/day_30'"),
        (("init", "new", "--example", "flihgts"), "there is no backend 'flihgts' in examples; did you mean 'flights'?"),
        (("unlock", "abc"), "The project is not locked"),
        (("schema", "modle"), "there is no schema 'modle'"),
    ],
)
def test_a_command_that_cannot_be_carried_out(project: Path, arguments: tuple[str, ...], said: str) -> None:
    before = snapshot(project)
    refused = mvops(project, *arguments).refused(said)
    assert refused.out == ""
    assert snapshot(project) == before
    assert not (project / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("paln",), "Did you mean 'plan'?"),
        (("plan", "--tragte", "x"), "No such option: --tragte"),
        (("serve", "toy", "--port", "nine"), "'nine' is not a valid int"),
        (("predictions", "export", "toy", "-o", "x.csv", "--since", "yesterday"), "'yesterday' does not match"),
        (("-C",), "requires an argument"),
    ],
)
def test_what_is_mistyped_is_exit_code_1_and_never_2(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    wrong = mvops(tmp_path, *arguments)
    assert (wrong.code, wrong.out) == (1, "")
    assert said in wrong.err


def test_outcomes_with_a_bad_line_are_refused_as_a_whole(project: Path) -> None:
    (project / "o.csv").write_text("prediction_id,outcome\na,1\n,0\n")
    mvops(project, "outcomes", "import", "toy", "o.csv").refused("o.csv:3: a row needs prediction_id and outcome")
    (project / "o.jsonl").write_text('{"prediction_id": "a", "outcome": 1}\n{"prediction_id": \n')
    mvops(project, "outcomes", "import", "toy", "o.jsonl").refused("o.jsonl:2: not JSON")
    (project / "o.csv").write_bytes(b"prediction_id,outcome\n\xff\xfe,1\n")
    mvops(project, "outcomes", "import", "toy", "o.csv").refused("o.csv", "UTF-8")


def test_outside_of_a_project(tmp_path: Path) -> None:
    mvops(tmp_path, "status").refused("no mvops project here", "mvops init")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_is_no_trace(project: Path) -> None:
    (project / "file").write_text("")
    mvops(project, "init", "file/new").refused("file")


def test_a_missing_extra_names_what_to_install(project: Path) -> None:
    blocked = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'fastapi', 'apprise'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "from mvops.cli.app import main\n"
        "main()\n"
    )
    typed(project, "serve", "toy", command=(sys.executable, "-c", blocked)).refused("pip install 'mvops[serve]'")


def test_a_cell_that_fails_is_shown_with_its_line(project: Path) -> None:
    notebook = project / "notebooks/broken.ipynb"
    write_notebook(
        notebook,
        {
            "import pandas as pd\nfrom sklearn.linear_model import LogisticRegression": (),
            'df = pd.read_csv("../data/d.csv")': (),
            "x = df[['age']]\ny = df['why']": (),
            "model = LogisticRegression().fit(x[:3000], y[:3000])\nprint(model.score(x[3000:], y[3000:]))": (),
        },
    )
    refused = mvops(project, "promote", "notebooks/broken.ipynb", "--verify").refused(
        "KeyError", "why", "y = df['why']"
    )
    assert "broken.ipynb" in refused.err


def test_p39_a_pipeline_that_fails_leaves_the_champion_and_can_be_mended(project: Path) -> None:
    edit(project / NOTEBOOK, "LogisticRegression(C=C)", "LogisticRegression(C=C / 0)")
    refused = mvops(project, "apply", "--yes").refused("ZeroDivisionError", "C / 0", "pipelines/toy.ipynb")
    assert "FAILED  update pipeline.toy" in refused.out
    assert "skipped update model.toy: it needs one that failed" in refused.out
    assert "What is done stays done. Left: pipeline.toy, model.toy. Once that is mended: mvops apply" in refused.out
    last = mvops(project, "history", "--limit", 1).ok().out
    assert " in part: 1 failed, 1 skipped; pipeline.toy: " in last
    assert "state" not in last, "there is no way back to what was done in part"
    assert mvops(project, "versions", "list", "toy", "--json").json()["versions"][0]["role"] == "champion"
    mvops(project, "apply", "--yes", "--json").refused("ZeroDivisionError").json()
    edit(project / NOTEBOOK, "C=C / 0", "C=C")
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_an_artefact_store_that_cannot_be_used_is_what_is_named(project: Path) -> None:
    store = project / ".mvops/artifacts"
    store.rename(project / "elsewhere")
    store.write_text("no folder")
    edit(project / "data/d.csv", "\n", "\n\n")  # so that there is something to keep
    before = snapshot(project)
    said = (f"The artefact store {store} cannot be used: ", "`artifacts` in configs/project.yaml")
    for command in ("plan", "apply --yes", "run toy -p C=2", "retrain toy --force"):
        mvops(project, *command.split()).refused(*said)
    assert snapshot(project) == before


def test_a_notebook_is_named_as_it_was_typed(fresh: Path) -> None:
    (fresh / "notebooks").mkdir(exist_ok=True)
    (fresh / "notebooks/bad.ipynb").write_text("{")
    said = mvops(fresh / "data", "promote", "../notebooks/bad.ipynb").refused("'bad.ipynb' is not valid JSON").err
    assert said.startswith("error: ../notebooks/bad.ipynb: ")


@pytest.mark.system
def test_p40_what_is_not_as_planned_after_all_is_told(project: Path) -> None:
    read, showed = "df = pd.read_csv(data_path)", "print(roc_auc_score("
    edit(project / NOTEBOOK, read, f"{read}\\ndf.to_csv(data_path)")
    mvops(project, "apply", "--yes").refused(
        "pipeline.toy: data/d.csv was changed while the pipeline read it (models.toy.pipeline.inputs.data_path)",
        "take data_path out of models.toy.pipeline.inputs",
    )
    edit(project / NOTEBOOK, f"{read}\\ndf.to_csv(data_path)", read)
    edit(project / NOTEBOOK, showed, f"open('../data/d.csv', 'a').write('\\\\n')\\n{showed}")
    changed = "dataset.data: data/d.csv has changed since the plan was made"
    refused = mvops(project, "apply", "--yes").refused(changed, "Again: mvops apply")
    assert "FAILED" in refused.out
    edit(
        project / NOTEBOOK,
        "open('../data/d.csv', 'a').write('\\\\n')\\n",
        "import own; open('own.py', 'a').write('x = 1')\\n",
    )
    (project / "pipelines/own.py").write_text("y = 1\n")
    refused = mvops(project, "apply", "--yes").refused("pipeline.toy is not as planned: sources", "mvops plan")
    assert "Looked at again, this is not as planned: pipeline.toy" in refused.out


def test_a_gate_that_refuses_is_exit_code_4_and_the_champion_stays(project: Path) -> None:
    edit(project / YAML, "roc_auc >= 0.6", "roc_auc >= 0.99")
    refused = mvops(project, "retrain", "toy", "--force").ok(4)
    assert "the gate refused version 2; the champion serves on" in refused.out
    assert "gate: roc_auc is 0.7796, below 0.99." in refused.out
    assert "What differs: mvops versions compare toy 1 2" in refused.out
    rows = mvops(project, "versions", "list", "toy", "--json").json()["versions"]
    assert [(row["number"], row["role"]) for row in rows] == [(2, ""), (1, "champion")]
    assert "below 0.99" in mvops(project, "versions", "show", "toy", "2").ok().out
    said = (
        "note: toy: the gate refused version 2, the newest; why: mvops versions show toy 2. Make a better one, then: "
    )
    told = f"{said}mvops apply, or past the gate: mvops versions promote toy 2 --reason WHY\n"
    assert [told in mvops(project, "plan").ok().out for _ in range(2)] == [True, True]
    mvops(project, "versions", "promote", "toy", 2, "--reason", "a test").ok()
    assert "the gate refused" not in mvops(project, "plan").ok().out


def test_a_first_version_that_the_gate_refuses(quick: Path) -> None:
    edit(quick / YAML, "roc_auc >= 0.6", "roc_auc >= 0.99")
    refused = mvops(quick, "apply", "--yes").ok(4)
    assert "version 1, gate refused" in refused.out
    assert "toy: the gate refused version 1; nothing serves\n  gate: roc_auc is 0.7796, below 0.99." in refused.out
    quietly = mvops(quick, "apply", "--yes", "--quiet", "--replace", "model.toy").ok(4)
    assert quietly.out.startswith("toy: the gate refused version 2; nothing serves\n  gate: roc_auc is 0.7796")
    assert "Past the gate, on record as such: mvops versions promote toy 1 --reason WHY" in refused.out
    assert "none yet" in mvops(quick, "status").ok().out
    mvops(quick, "serve", "toy").refused("version")
    assert mvops(quick, "versions", "promote", "toy", 1, "--reason", "a test").ok().err == ""  # of no files yet
    mvops(quick, "apply", "--yes").ok()
    mvops(quick, "plan", "--detailed-exitcode").ok(0)
