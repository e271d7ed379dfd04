"""A plan as text: a line for each resource that changes, why, and the totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mvops.core.action import NOT_SET, SYMBOLS, Action, Change, Verb
from mvops.core.counts import counted
from mvops.core.plan import Plan
from mvops.core.policies import Objection
from mvops.core.scope import is_drift
from mvops.show.files import code_lines, diffs_markdown, file_lines

_STYLES = {
    Verb.CREATE: "green",
    Verb.UPDATE: "yellow",
    Verb.REPLACE: "yellow",
    Verb.DELETE: "red",
    Verb.REPAIR: "magenta",
    Verb.ADOPT: "cyan",
    Verb.FORGET: "dim",
    Verb.MOVE: "cyan",
    Verb.CONFLICT: "bold red",
}
_QUIET_FIELDS = ("training", "digest", "jobs", "runs", "versions")  # they say nothing to people; the details do
_TOTALS = {
    Verb.MOVE: "to move",
    Verb.CREATE: "to create",
    Verb.UPDATE: "to update",
    Verb.REPLACE: "to replace",
    Verb.REPAIR: "to repair",
    Verb.DELETE: "to delete",
    Verb.ADOPT: "to adopt",
    Verb.FORGET: "to forget",
    Verb.CONFLICT: "in conflict",
}


def plan_lines(plan: Plan, *, whole_diffs: bool = False) -> Iterator[tuple[str, str]]:
    """Lines of text, each with a style (empty for plain); long diffs are cut unless `whole_diffs`."""
    yield f"project {plan.project} · {plan.preset} · compared with the registry and the world", "bold"
    yield "", ""
    pending = plan.pending()
    width = max((len(action.address) for action in plan.actions), default=0)
    for heading, actions in sections(pending):
        yield from [(f"{heading}:", "bold")] if heading else []
        for action in actions:
            yield from _action_lines(action, width, whole_diffs=whole_diffs)
    kept = [action for action in plan.actions if action.verb is Verb.KEEP]
    for action in kept:
        told = (*action.details, *(f"{change.path} {change.because}" for change in action.files))
        yield from ((f"    {action.address:<{width}}  {detail}", "dim") for detail in told)
    if pending:
        yield "", ""
    yield from ((f"note: {notice}", "dim") for notice in plan.notices)
    yield from ((objection_line(said), "bold red" if said.level == "fail" else "yellow") for said in plan.objections)
    yield totals_line(plan), "bold"


def markdown_lines(plan: Plan) -> Iterator[str]:
    """What a team wants to read in a pull request."""
    lines = [f"### mvops plan: {plan.project} ({plan.preset})", ""]
    pending = plan.pending()
    for heading, actions in sections(pending):
        lines += [f"**{heading}**", ""] if heading else []
        lines += ["| | resource | what | why |", "|---|---|---|---|", *map(_row, actions), ""]
    told = (*plan.notices, *map(objection_line, plan.objections))
    yield from (*lines, *(f"> {_cell(notice)}" for notice in told), "", totals_line(plan), "")
    yield from diffs_markdown(plan)


def sections(pending: Iterable[Action]) -> Iterator[tuple[str, list[Action]]]:
    """What was changed outside first, under a heading of its own."""
    outside: list[Action] = []
    ours: list[Action] = []
    for action in pending:
        (outside if is_drift(action) else ours).append(action)
    if outside:
        yield "Changed outside mvops since the last apply", outside
    if ours:
        yield "Changed in the project" if outside else "", ours


def _action_lines(action: Action, width: int, *, whole_diffs: bool) -> Iterator[tuple[str, str]]:
    said = f"  {SYMBOLS[action.verb]} {action.address:<{width}}  {action.verb}: {action.because}"
    yield said, _STYLES[action.verb]
    yield from ((f"      {detail}", "") for detail in (*changed_fields(action), *action.details))
    yield from code_lines(action, whole=whole_diffs)
    yield from file_lines(action, whole=whole_diffs)


def _row(action: Action) -> str:
    files = (f"{change.path} {change.because}" for change in action.files)
    told = "<br>".join(_cell(text) for text in (action.because, *changed_fields(action), *action.details, *files))
    return f"| `{SYMBOLS[action.verb]}` | `{action.address}` | {action.verb} | {told} |"


def objection_line(said: Objection) -> str:
    """What a policy of the project has against it."""
    return f"{'refused' if said.level == 'fail' else 'warning'} by policy {said.policy}: {said.sentence}"


def plan_json(plan: Plan) -> dict[str, object]:
    """The plan as `--out` saves it, and whether there is anything to do."""
    return {**plan.model_dump(mode="json"), "noop": not plan.pending()}


def duration_text(seconds: float) -> str:
    """About how long, for people: 41 s, 3 minutes, 2 hours."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def totals_line(plan: Plan) -> str:
    """How many of each verb, and how long it will take."""
    kept = sum(action.verb is Verb.KEEP for action in plan.actions)
    totals = plan.totals()
    parts = [f"{totals[verb.value]} {words}" for verb, words in _TOTALS.items() if verb.value in totals]
    if not parts:
        return f"Nothing to do: {_as_it_should_be(plan, kept)}.{_contested(plan)}"
    if plan.conflicts():
        return f"Plan: {', '.join(parts)}, {kept} unchanged. Nothing is applied while something is in conflict."
    about = f" About {duration_text(plan.seconds)}." if plan.seconds else ""
    return f"Plan: {', '.join(parts)}, {kept} unchanged.{about}{_contested(plan)}"


def _as_it_should_be(plan: Plan, kept: int) -> str:
    """What is said of resources that nothing is done to, as far as they were looked at."""
    if not kept:
        return "nothing is applied"
    is_so = "is as it was applied" if plan.scope.offline else "is as it should be"
    are_so = "are as they were applied" if plan.scope.offline else "are as they should be"
    seen, unseen = kept - len(plan.unseen), len(plan.unseen)
    said = f"{counted(seen, 'resource')} {is_so if seen == 1 else are_so}"
    return f"{said}, {unseen} could not be looked at" if unseen else said


def _contested(plan: Plan) -> str:
    count = plan.contested()
    if count:
        return " 1 file in conflict stays as it is." if count == 1 else f" {count} files in conflict stay as they are."
    return ""


def changed_fields(action: Action) -> Iterator[str]:
    """The fields of a spec, old and new, as one would write them in YAML."""
    if action.verb in {Verb.CREATE, Verb.DELETE, Verb.FORGET} or action.before is None:
        return
    shown = [c for c in action.changes if c.field.rpartition(".")[2] not in _QUIET_FIELDS and not _is_digest(c)]
    for change in shown[:12]:
        yield f"{change.field}: {' -> '.join(_both(change, action))}"
    if len(shown) > 12:
        yield f"and {len(shown) - 12} more fields"


def _is_digest(change: Change) -> bool:
    def looks(value: object) -> bool:
        return value is None or (isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"))

    return looks(change.before) and looks(change.after)


def _both(change: Change, action: Action) -> tuple[str, str]:
    """Old and new; text is quoted where nothing else tells it from a number."""
    before, after = change.before, change.after
    alike = _written(before) == _written(after)
    typed = {type(each) for each in (before, after)}
    quoted = alike or (str in typed and bool(typed & {int, float, bool}))
    one, other = (_written(each, quoted=quoted) for each in (before, after))
    one = NOT_SET if before is None and not _is_null(action.before, change.field) else one
    other = NOT_SET if after is None and not _is_null(action.after, change.field) else other
    return _cut(one), _cut(other)


def _is_null(spec: Mapping[str, Any] | None, field: str) -> bool:
    """Is it a parameter of the notebook that is null: a value like any other, and not that of the notebook."""
    head, _, name = field.partition(".")
    return head == "parameters" and name in (spec or {}).get(head, {})


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _written(value: object, *, quoted: bool = False) -> str:
    """As one would write it in YAML."""
    if isinstance(value, str) and (quoted or value != value.strip() or not value):
        return f'"{value}"'
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(each, quoted=quoted)}' for key, each in value.items())}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_written(each, quoted=quoted) for each in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
