"""Executed notebooks as a page: what stands in it, and that nothing of it can run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mvops.notebook.page import StepPage, as_page

TABLE = (
    "<div><style>td {}</style><table><thead><tr><th>age</th></tr></thead>"
    "<tr><td>41<script>bad()</script></td></tr></table></div>"
)
HOSTILE = (
    '<img src=x onerror="bad()"><a href="javascript:bad()">go</a><iframe srcdoc="bad"></iframe>'
    '<meta http-equiv="refresh" content="0;url=https://example.com"><svg onload="bad()"></svg>'
)


def displayed(*data: dict[str, Any]) -> StepPage:
    outputs = [{"output_type": "display_data", "metadata": {}, "data": each} for each in data]
    code = {"cell_type": "code", "metadata": {}, "source": "a < b", "execution_count": 1, "outputs": outputs}
    said = {"cell_type": "markdown", "metadata": {}, "source": f"> quoted\n\n{HOSTILE}"}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [said, code]}
    return StepPage("train", "Succeeded in 1.0 s.", json.dumps(book).encode())


def body(page: bytes) -> str:
    return page.decode().partition("<main>")[2]


def test_what_people_see_stays_and_what_could_run_goes() -> None:
    pytest.importorskip("nbconvert")
    page = as_page(
        "a <title>",
        [
            displayed(
                {"text/html": TABLE + HOSTILE, "text/plain": "plain table"},
                {"text/html": "<div id='p'></div><script>plotly()</script>", "image/png": "aGk="},
                {"application/javascript": "bad()"},
                {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "a slider"},
                {"image/svg+xml": "<svg onload='bad()'></svg>"},
            )
        ],
    )
    found = body(page)
    assert not re.findall(r"<script|<iframe|<meta|<svg|<style|onerror=|onload=|javascript:|bad\(\)|plotly", found)
    for words in ("<th>age</th>", "<td>41</td>", "a slider", "(not shown: application/javascript)", "base64,aGk="):
        assert words in found
    assert "plain table" not in found
    assert re.search(r"<blockquote>\s*<p>quoted", found)
    assert "a &lt;title&gt;" in page.decode()
    assert not re.findall(r"(?:src|href)=.https?:", page.decode())
