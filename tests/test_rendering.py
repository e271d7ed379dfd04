"""Templates: what is missing is an error, and each language has its escaping."""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvops import assets
from mvops.errors import BackendError
from mvops.rendering import render_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "templates", lambda: tmp_path)
    made = tmp_path / "family" / "name"
    made.mkdir(parents=True)
    return made


def rendered(folder: Path, template: str, **context: object) -> str:
    (folder / "text.j2").write_text(template, encoding="utf-8")
    return render_folder("family/name", context)["text"]


def test_a_folder_becomes_texts_by_path(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "app.py.j2").write_text("name = {{ name | py }}\n")
    (folder / "plain.txt").write_text("{{ untouched }}\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"\xff\x00")
    assert render_folder("family/name", {"name": "it's"}) == {
        "deep/app.py": 'name = "it\'s"\n',
        "plain.txt": "{{ untouched }}\n",
    }


def test_blocks_leave_no_empty_lines_and_the_last_line_ends(folder: Path) -> None:
    assert rendered(folder, "{% for n in rows %}\n  {{ n }}\n{% endfor %}\nend\n", rows=[1, 2]) == "  1\n  2\nend\n"


def test_a_missing_folder_is_said(folder: Path) -> None:
    with pytest.raises(BackendError, match="there is no template folder 'family/other'") as refused:
        render_folder("family/other", {})
    assert str(folder.parent.parent) in str(refused.value.hint)


@pytest.mark.parametrize("template", ["{{ nmae }}", "{{ name.first }}", "{% for x in rows %}{% endfor %}"])
def test_a_name_that_is_missing_is_an_error_that_says_where(folder: Path, template: str) -> None:
    with pytest.raises(BackendError, match=r"template family/name/text\.j2: .*(nmae|first|rows)"):
        rendered(folder, template, name="x")


def test_a_changed_template_is_read_again(folder: Path) -> None:
    assert rendered(folder, "one {{ n }}", n=1) == "one 1"
    assert rendered(folder, "and two {{ n }}", n=2) == "and two 2"


def test_values_are_never_templates(folder: Path) -> None:
    assert rendered(folder, "{{ name }}", name="{{ 7 * 7 }}") == "{{ 7 * 7 }}"


def filtered(name: str, text: str) -> str:
    from mvops.rendering import _environment

    return _environment(assets.templates()).from_string("{{ text | " + name + " }}").render(text=text)


@given(st.text())
def test_each_language_reads_back_what_was_written(text: str) -> None:
    assert ast.literal_eval(filtered("py", text)) == text
    assert json.loads(filtered("json", text)) == text
    assert shlex.split(filtered("shell", text)) == [text]
    assert len(filtered("line", text).splitlines()) <= 1
    assert "\n" not in filtered("cron", text)
    assert "%" not in filtered("cron", text).replace("\\%", "")


def test_the_filters_by_example() -> None:
    assert filtered("cron", "date +%F\nid") == "date +\\%F id"
    assert filtered("line", " a\n\tb\x00\u2028c ") == "a b c"
    assert filtered("shell", "it's $HOME") == "'it'\"'\"'s $HOME'"
    assert filtered("json", 'é"') == '"é\\""'
