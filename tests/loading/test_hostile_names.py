"""XN1, XN3 to XN6: names, schedules, requirements, references and columns that would become something else in what is
generated are refused where they are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvops.core.config.features import FeatureView
from mvops.core.cron import check_cron
from mvops.core.naming import check_name
from mvops.core.version import Environment
from mvops.errors import BackendError, SpecError
from mvops.lifecycle.pins import requirements
from mvops.loading.load import load_project
from mvops.workspace import open_workspace

NAMES = [
    'a"; import os#', "a\nRUN id", "{{7*7}}", "{% import 'os' as o %}", "$(id)", "`id`", "%(x)s", "a;b", "-rf",
    "--help", "a b", "a%", "../a", "a/b", "a.b", "a\u202eb", "\uff41", "A", "A1", "", " ", "a" * 64, "__init__",
    "class", "None",
    "a-b", "1a", "_a", "a\x00b", "\u0430", "\ufb01", "\u0131", "a\u0301",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_xn1_a_name_that_is_none_is_refused_everywhere(build: Any, name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        check_name(name)
    quoted = '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"'
    model = build.model.replace("\n", "\n    ").rstrip()
    for text in (
        f"project: {quoted}\n",
        f"project: x\nmodels:\n  {quoted}:\n    {model}\n",
        f"project: x\nnotifiers: {{{quoted}: {{}}}}\n",
    ):
        root = build({"configs/project.yaml": "defaults: [{preset: small/day_30}, _self_]\n" + text})
        with pytest.raises(SpecError) as error:
            load_project(root)
        assert "\nRUN" not in str(error.value)
    assert not (root / ".mvops").exists()


@pytest.mark.parametrize("name", [n for n in NAMES if n and "/" not in n and "\0" not in n and len(n) < 64], ids=ascii)
def test_xn1_a_file_with_such_a_name_is_refused(build: Any, name: str) -> None:
    with pytest.raises(SpecError, match="the file's name is that of a model"):
        load_project(build({f"configs/models/{name}.yaml": build.model}))


def test_xn1_two_names_are_never_the_same_after_folding() -> None:
    """All names are lower-case ASCII, so that NFKC and casefold change none: two that look alike are one."""
    assert all(check_name(name) == name.casefold() for name in ("a", "con", "nul", "aux_1"))
    with pytest.raises(ValueError, match="is not a name"):
        check_name("\ufb00")


SCHEDULES = [
    "* * * * *\n* * * * * root id", "@reboot id", "@daily", "* * * * * id", "* * * *", "% * * * *", "0 3 * * 1 %id",
    "*/0 * * * *", "60 * * * *", "0 24 * * *", "0 3 31 2 *", "0  3 * * 1", "0\t3 * * 1", "\u0663 3 * * *",
    "0 3 * * mon", "1-0 * * * *", "0 3 * * 1\r", "$(id) * * * *", "*,; * * * *", "",
]  # fmt: skip


@pytest.mark.parametrize("schedule", SCHEDULES, ids=ascii)
def test_xn3_a_schedule_is_five_fields_and_nothing_else(build: Any, schedule: str) -> None:
    quoted = '"' + "".join(f"\\u{ord(c):04x}" for c in schedule) + '"'
    root = build({"configs/models/flight_delay.yaml": build.model + f"retrain: {{schedule: {quoted}}}\n"})
    with pytest.raises(SpecError, match=r"is not a cron schedule|never comes"):
        load_project(root)


@given(st.one_of(st.text(), st.text(alphabet="0123456789*,/- \n%@")))
def test_xn3_what_is_taken_has_five_plain_fields(schedule: str) -> None:
    try:
        taken = check_cron(schedule)
    except ValueError:
        return
    assert re.fullmatch(r"([0-9*,/-]+ ){4}[0-9*,/-]+", taken, re.ASCII)


HOSTILE_REQUIREMENTS = [
    'numpy; os_system("x")', "--index-url http://evil", "-e git+https://evil", "pkg @ http://evil", "pkg==1 \n RUN id",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE_REQUIREMENTS, ids=ascii)
def test_xn4_the_spec_names_no_packages(build: Any, text: str) -> None:
    """What an endpoint installs are the exact releases that the model was trained with: no key of the YAML adds one."""
    quoted = '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'
    for where in ("requirements", "packages"):
        root = build({"configs/models/flight_delay.yaml": build.model + f"endpoint: {{{where}: [{quoted}]}}\n"})
        with pytest.raises(SpecError, match=f"unknown key '{where}'"):
            load_project(root)


@pytest.mark.parametrize("text", HOSTILE_REQUIREMENTS, ids=ascii)
def test_xn4_a_package_that_calls_itself_such_is_left_out(text: str) -> None:
    good = {"numpy": "2.4.0", "scikit-learn": "1.9.0"}
    environment = Environment(python="3.11.7", platform="linux", packages={**good, text: "1", "pandas": text})
    assert requirements(environment) == ["numpy==2.4.0", "scikit-learn==1.9.0"]


@pytest.mark.parametrize("remote", ["--upload-pack=id", "ext::sh -c id", "-v", "a b", "x\n[core]"], ids=ascii)
def test_xn5_a_remote_is_one_of_dvcs_own(tmp_path: Path, remote: str) -> None:
    dvc = pytest.importorskip("dvc.repo", reason="needs DVC")
    from mvops.backends.data_versioners.dvc import _remote

    dvc.Repo.init(str(tmp_path), no_scm=True).close()
    with pytest.raises(BackendError, match="has no remote"):
        _remote(tmp_path, None, {"remote": remote})


def view(**fields: str) -> dict[str, Any]:
    return {"entities": {"key": "string"}, "source": {"path": "x.parquet", "timestamp": "at"}, "fields": fields}


@pytest.mark.parametrize("name", ["a.b", "a-b", "a b", "", "1a", "é", "a\n", "a'b", "a" * 64], ids=ascii)
def test_xn6_a_column_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a column"):
        FeatureView.model_validate(view(**{name: "int64"}))


@pytest.mark.parametrize("name", ["class", "__class__", "model_config", "None", "self", "model_fields", "schema"])
def test_xn6_a_column_may_be_called_like_something_of_pythons(name: str) -> None:
    assert list(FeatureView.model_validate(view(**{name: "int64"})).fields) == [name]


def test_xn6_ten_thousand_columns(build: Any) -> None:
    fields = ", ".join(f"f{n}: float64" for n in range(10_000))
    text = f"entities: {{key: string}}\nsource: {{path: x.parquet, timestamp: at}}\nfields: {{{fields}}}\n"
    assert len(load_project(build({"configs/features/wide.yaml": text})).features["wide"].fields) == 10_000


def test_a_name_reaches_no_folder_above(build: Any) -> None:
    root = build()
    with pytest.raises(SpecError):
        load_project(root, ["project=../../x"])
    with open_workspace(root, load_project(root), lambda *_: None) as workspace:
        assert workspace.serving("flight_delay").is_relative_to(root)
