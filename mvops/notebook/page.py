"""Executed notebooks as one page for a browser, which fetches nothing and runs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mvops.errors import MissingExtraError
from mvops.notebook.document import text

_PLUMBING = {"mvops-load", "mvops-save"}  # cells that hand values on: shown only where one failed
_NO_TEXT = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>|&nbsp;|\s+", re.IGNORECASE | re.DOTALL)
_DEAD = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)  # its text would stand in the page
_SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain")
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "details", "div", "dl"),
    *("dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "s", "small", "span"),
    *("strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul"),
}
_ATTRIBUTES = {
    "*": ["class", "title", "align", "style"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
}
# What is cleaned cannot run; should something get through, the browser does not run it either, nor ask a server.
_TEMPLATE = """
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:;
  base-uri 'none'; form-action 'none'">
{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


@dataclass(frozen=True)
class StepPage:
    """A step on the page: its name, what became of it, and its executed notebook."""

    step: str
    said: str
    executed: bytes


def as_page(title: str, steps: Sequence[StepPage]) -> bytes:
    """The steps' notebooks one after the other as HTML.

    Scripts, style sheets and widgets in outputs are left out, formulas are shown as they are written. Raises
    MissingExtraError where there is no nbconvert.
    """
    try:
        import nbconvert  # noqa: PLC0415 -- a second of imports, for this alone
        from bleach import clean  # noqa: PLC0415
        from bleach.css_sanitizer import CSSSanitizer  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("A page of executed notebooks", "html") from error
    import nbformat  # noqa: PLC0415
    from jinja2 import DictLoader  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    styles = CSSSanitizer()

    def harmless(html: str) -> str:
        allowed = {"tags": _TAGS, "attributes": _ATTRIBUTES, "protocols": {"http", "https", "mailto", "data"}}
        return str(clean(_DEAD.sub("", str(html)), **allowed, strip=True, css_sanitizer=styles))

    book = nbformat.reads(json.dumps(_joined(title, steps)), as_version=4)  # type: ignore[no-untyped-call]
    exporter = nbconvert.HTMLExporter(
        extra_loaders=[DictLoader({"mvops.html.j2": _TEMPLATE})],
        template_file="mvops.html.j2",
        config=Config({"NbConvertBase": {"display_data_priority": list(_SHOWN)}}),
        exclude_anchor_links=True,
        sanitize_html=True,
    )
    exporter.register_filter("clean_html", harmless)
    page, _ = exporter.from_notebook_node(book)
    return str(page).encode()


def _joined(title: str, steps: Sequence[StepPage]) -> dict[str, Any]:
    """One notebook with a heading before each step's cells."""
    cells: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    for each in steps:
        book = json.loads(each.executed)
        metadata = metadata or {k: v for k, v in book["metadata"].items() if k == "language_info"}
        heading = {"cell_type": "markdown", "metadata": {}, "source": f"# Step {each.step}\n\n{each.said}"}
        cells += [{**cell, "id": f"{each.step}-{n}"} for n, cell in enumerate([heading, *_visible(book["cells"])])]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {**metadata, "title": title}, "cells": cells}


def _visible(cells: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        outputs = cell.get("outputs", [])
        if _PLUMBING & set(cell["metadata"].get("tags", [])) and not outputs:
            continue
        yield {**cell, "outputs": [_still(output) for output in outputs]} if cell["cell_type"] == "code" else cell


def _still(output: dict[str, Any]) -> dict[str, Any]:
    """What shows something without a script: its picture or its text, where its HTML is nothing but one."""
    if "data" not in output:
        return output
    data = {kind: value for kind, value in output["data"].items() if kind in _SHOWN}
    if len(data) > 1 and not _NO_TEXT.sub("", text(data.get("text/html", "-"))):
        del data["text/html"]
    return {**output, "data": data or {"text/plain": f"(not shown: {', '.join(output['data'])})"}}
