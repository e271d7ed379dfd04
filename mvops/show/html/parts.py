"""What displays are made of: a frame with its own style, tables, lines, and what is folded up.

A display stands alone: it fetches nothing, runs nothing, and has the colours of JupyterLab's theme, of VS Code's, or of
the reader's system.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Cell = object  # text, which is escaped, or Markup
_LINES = 300  # of one diff
_DARK = "--good:#4cc38a;--bad:#ff7b84;--warn:#e2b04a;--other:#cc8fea;--link:#7aa2f7"
_SHOWN = ".mvops-shown.mvops-shown"  # twice, as notebooks have rules of their own for tables and code
_STYLE = """
.mvops-shown{--good:#1a7f4b;--bad:#c22f3a;--warn:#8a5d06;--other:#8a3fa0;--link:#2f5fc4;
font:13px/1.5 system-ui,sans-serif;color:inherit;max-width:1100px;overflow-wrap:anywhere}
[data-jp-theme-light=false] SHOWN,.vscode-dark SHOWN{DARK}
@media(prefers-color-scheme:dark){body:not([data-jp-theme-light]):not([class*=vscode]) SHOWN{DARK}}
SHOWN table{border-collapse:collapse;margin:6px 0;font-size:13px;color:inherit}
SHOWN th,SHOWN td{padding:3px 14px 3px 0;text-align:left;vertical-align:top;background:none;
border:0;border-bottom:1px solid #8884;color:inherit;white-space:normal;max-width:760px}
SHOWN tr{background:none}
SHOWN th{font-weight:500;opacity:.75}SHOWN .soft{opacity:.75}
SHOWN p{margin:4px 0}SHOWN h4{margin:10px 0 2px;font-size:13px}
SHOWN code,SHOWN pre{font-family:ui-monospace,monospace;font-size:12px;background:none;color:inherit;padding:0}
SHOWN pre,SHOWN .kept{white-space:pre-wrap}SHOWN pre{margin:2px 0 6px;line-height:1.4}
SHOWN summary{cursor:pointer}
SHOWN .good{color:var(--good)}SHOWN .bad{color:var(--bad)}SHOWN .warn{color:var(--warn)}
SHOWN .other{color:var(--other)}SHOWN .link{color:var(--link)}
"""
_DIFFS = {"+": "good", "-": "bad", "@": "link"}


def framed(*parts: Markup) -> Markup:
    """A whole display."""
    style = Markup(_STYLE.replace("SHOWN", _SHOWN).replace("DARK", _DARK).replace("\n", ""))  # noqa: S704 -- ours
    return Markup('<div class="mvops-shown"><style>{}</style>{}</div>').format(style, joined(parts))


def joined(parts: Iterable[Cell]) -> Markup:
    """One after the other."""
    return Markup("").join(map(escape, parts))


def toned(text: Cell, tone: str = "") -> Markup:
    """In a colour: good, bad, warn, other, link or soft."""
    return Markup('<span class="{}">{}</span>').format(tone, text) if tone else Markup("{}").format(text)


def code(text: object) -> Markup:
    """A name as it is written."""
    return Markup("<code>{}</code>").format(text)


def line(text: Cell, tone: str = "") -> Markup:
    """A paragraph."""
    return Markup("<p>{}</p>").format(toned(text, tone))


def bold(text: Cell) -> Markup:
    """A paragraph that stands out."""
    return Markup("<p><b>{}</b></p>").format(text)


def heading(text: Cell) -> Markup:
    """Over a table."""
    return Markup("<h4>{}</h4>").format(text)


def table(heads: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> Markup:
    """Nothing where there are no rows."""
    body = joined(Markup("<tr>{}</tr>").format(joined(Markup("<td>{}</td>").format(c) for c in row)) for row in rows)
    if not body:
        return Markup()
    head = joined(Markup("<th>{}</th>").format(text) for text in heads)
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def below(parts: Iterable[Cell]) -> Markup:
    """One under the other, in a cell of a table."""
    return Markup("<br>").join(map(escape, parts))


def folded(summary: Cell, content: Markup, *, unfolded: bool = False) -> Markup:
    """Behind a line that is clicked on."""
    state = Markup(" open") if unfolded else Markup()
    return Markup("<details{}><summary>{}</summary>{}</details>").format(state, summary, content)


def text_block(text: str) -> Markup:
    """As it is, such as an error."""
    return Markup("<pre>{}</pre>").format(text)


def diff_block(diff: str) -> Markup:
    """A unified diff in colours, without its head."""
    lines = [each for each in diff.splitlines() if not each.startswith(("--- ", "+++ "))]
    shown = [toned(each, _DIFFS.get(each[:1], "")) for each in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(toned(f"{len(lines) - _LINES} more lines: mvops plan --diff", "soft"))
    return Markup("<pre>{}</pre>").format(Markup("\n").join(shown))


def number(value: float | None) -> str:
    """With four digits, as in text."""
    return "" if value is None else f"{value:.4f}"


def metrics_table(metrics: Iterable[tuple[str, float]]) -> Markup:
    """A column for each."""
    found = list(metrics)
    return table([name for name, _ in found], [[number(value) for _, value in found]]) if found else Markup()
