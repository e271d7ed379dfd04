"""A plan in a notebook: a row for each resource that changes, why, and its diffs folded up."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.core.action import SYMBOLS, Action, Verb
from mvops.core.code_change import CODE_SYMBOLS
from mvops.core.counts import counted
from mvops.core.diffs import counted as lines_counted
from mvops.core.file_change import FILE_SYMBOLS
from mvops.core.plan import Plan
from mvops.show.html.parts import below, bold, code, diff_block, folded, framed, heading, joined, line, table, toned
from mvops.show.plan import changed_fields, markdown_lines, objection_line, plan_lines, sections, totals_line

_TONES = {
    Verb.CREATE: "good",
    Verb.UPDATE: "warn",
    Verb.REPLACE: "warn",
    Verb.DELETE: "bad",
    Verb.REPAIR: "other",
    Verb.ADOPT: "link",
    Verb.FORGET: "soft",
    Verb.MOVE: "link",
    Verb.CONFLICT: "bad",
}


def html(plan: Plan) -> Markup:
    """The whole plan."""
    parts = [bold(f"project {plan.project} · {plan.preset}"), line("compared with the registry and the world", "soft")]
    for said, actions in sections(plan.pending()):
        parts += [heading(said)] if said else []
        parts.append(table(("", "resource", "what", "why"), map(_row, actions)))
    parts += [_kept([action for action in plan.actions if action.verb is Verb.KEEP])]
    parts += [line(f"note: {notice}", "soft") for notice in plan.notices]
    parts += [line(objection_line(said), "bad" if said.level == "fail" else "warn") for said in plan.objections]
    return framed(*parts, bold(totals_line(plan)))


def text(plan: Plan) -> Iterator[str]:
    """As on a terminal."""
    yield from (said for said, _ in plan_lines(plan))


def markdown(plan: Plan) -> Iterator[str]:
    """As in a pull request."""
    return markdown_lines(plan)


def _row(action: Action) -> tuple[Markup, ...]:
    tone = _TONES.get(action.verb, "")
    why = below([action.because, *map(_detail, (*changed_fields(action), *action.details))])
    symbol = toned(code(SYMBOLS[action.verb]), tone)
    return symbol, code(action.address), toned(action.verb.value, tone), joined((why, *_cells(action), *_files(action)))


def _detail(said: str) -> Markup:
    return toned(said, "kept")  # with its spaces


def _cells(action: Action) -> Iterator[Markup]:
    for change in action.code:
        what = "moves" if change.verb == "move" else lines_counted(change.diff) if change.diff else "changes"
        yield _change(f"{CODE_SYMBOLS[change.verb]} {change.name}  {what}", change.diff)


def _files(action: Action) -> Iterator[Markup]:
    for change in action.files:
        yield _change(f"{FILE_SYMBOLS[change.verb]} {change.path} {change.because}", change.diff)


def _change(said: str, diff: str | None) -> Markup:
    return folded(code(said), diff_block(diff)) if diff else Markup("<div>{}</div>").format(code(said))


def _kept(kept: list[Action]) -> Markup:
    """Folded up, with what there is to say of them."""
    if not kept:
        return Markup()
    rows = [(code(a.address), below([*a.details, *(f"{c.path} {c.because}" for c in a.files)])) for a in kept]
    return folded(toned(f"{counted(len(kept), 'resource')} unchanged", "soft"), table(("resource", ""), rows))
