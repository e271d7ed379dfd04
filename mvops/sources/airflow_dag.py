"""A DAG of Airflow, read as a syntax tree: nothing of it is run, and Airflow is not needed."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from mvops.errors import UsageError, Where
from mvops.sources.command_lines import Runs, runs_of
from mvops.sources.schedules import Entry, scheduled
from mvops.sources.source import Asked, Taken, file_of, printable, shown, text_of
from mvops.workspace import Workspace

_SCHEDULE = ("schedule", "schedule_interval", "timetable")
_TIMETABLES = {"CronTriggerTimetable", "CronDataIntervalTimetable"}
_DATA = {"Asset", "Dataset", "AssetAll", "AssetAny"}
_BUILT_IN = {"@quarterly": "0 0 1 */3 *"}  # which no cron has
_EVENTS = {"None": "it has no schedule: somebody starts it", "@once": "it runs once", "@continuous": "it always runs"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class AirflowDagSource:
    """Its schedule has to stand there as a literal: what is computed is only known where it runs."""

    looks_like = "DAG.py, of Airflow"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """A Python file that imports Airflow."""
        path = file_of(asked, workspace)
        return path is not None and path.suffix == ".py" and "airflow" in (text_of(path) or "")

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Find the DAG that trains the model."""
        path = file_of(asked, workspace)
        assert path is not None
        name = shown(path, workspace)
        try:
            tree = ast.parse(text_of(path) or "")
        except (SyntaxError, ValueError, RecursionError) as error:
            raise UsageError(f"this is no Python: {error}", where=Where(path)) from None
        return scheduled([_entry(dag, name) for dag in _Module(tree).dags()], asked, workspace, name)


@dataclass
class _Dag:
    """A DAG: its arguments, and the code whose calls make its tasks."""

    name: str
    line: int
    arguments: dict[str, ast.expr]
    body: list[ast.AST]
    module: _Module = field(repr=False)


class _Module:
    """A file, with its literals and functions by name."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.values = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.functions = {node.name: node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)}

    def dags(self) -> list[_Dag]:
        """Every DAG of the file, in order."""
        found: list[_Dag] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.With):
                found += [
                    self._dag(item.context_expr, list(node.body))
                    for item in node.items
                    if isinstance(item.context_expr, ast.Call) and _called(item.context_expr) == "DAG"
                ]
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value) == "DAG":
                names = {target.id for target in node.targets if isinstance(target, ast.Name)}
                found.append(self._dag(node.value, self._given(names)))
            elif isinstance(node, _FUNCTIONS):
                for mark in node.decorator_list:
                    if _called(mark) == "dag":
                        found.append(self._dag(mark, list(node.body), node.name))
        found.sort(key=lambda dag: dag.line)
        if len(found) == 1:  # all that is in the file is of it
            found[0].body = [self.tree]
        return found

    def _dag(self, call: ast.expr, body: list[ast.AST] | list[ast.stmt], name: str = "") -> _Dag:
        arguments: dict[str, ast.expr] = {}
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            value = self.resolved(keyword.value)
            if keyword.arg is not None:
                arguments[keyword.arg] = value
            elif isinstance(value, ast.Dict):
                arguments |= {
                    str(self.text(k)): v for k, v in zip(value.keys, value.values, strict=True) if k is not None
                }
        first = call.args[0] if isinstance(call, ast.Call) and call.args else None
        told = arguments.get("dag_id", first)
        return _Dag((self.text(told) if told else None) or name or "?", call.lineno, arguments, list(body), self)

    def _given(self, names: set[str]) -> list[ast.AST]:
        """The code that is given one of these variables: `Operator(..., dag=dag)`, and what is under `with dag:`."""
        found: list[ast.AST] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                found += [node] if any(isinstance(value, ast.Name) and value.id in names for value in values) else []
            elif isinstance(node, ast.With):
                contexts = [item.context_expr for item in node.items]
                found += node.body if any(isinstance(at, ast.Name) and at.id in names for at in contexts) else []
        return found

    def resolved(self, node: ast.expr) -> ast.expr:
        """What a name of the file stands for."""
        return self.values.get(node.id, node) if isinstance(node, ast.Name) else node

    def text(self, node: ast.expr) -> str | None:
        """A literal text; of an f-string, what of it is literal."""
        node = self.resolved(node)
        if isinstance(node, ast.JoinedStr):
            return "".join(part.value if isinstance(part, ast.Constant) else "_" for part in node.values)  # type: ignore[misc]
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _entry(dag: _Dag, name: str) -> Entry:
    schedule, zone, refused = _when(dag)
    runs = tuple(run for part in dag.body for run in _runs(part, dag.module))
    away = f"once the new schedule is in place: airflow dags pause {printable(dag.name)}, and take it out of {name}"
    return Entry(
        schedule=schedule,
        what=printable(
            f"{dag.name}: " + (", ".join(f"{run.tool} {run.target}" for run in runs) or "nothing that trains")
        ),
        runs=runs,
        where=f"{name}:{dag.line}",
        away=away,
        timezone=zone or _zone(dag) or "UTC",
        refused=refused,
    )


def _when(dag: _Dag) -> tuple[str, str | None, str]:
    """Its schedule, the time zone where the schedule itself says one, and why the schedule is none that cron knows."""
    node = next((dag.arguments[key] for key in _SCHEDULE if key in dag.arguments), None)
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return "no schedule", None, _EVENTS["None"]
    text = dag.module.text(node)
    if text is not None:
        return _BUILT_IN.get(text, text), None, _EVENTS.get(text, "")
    if isinstance(node, ast.Call) and _called(node) in _TIMETABLES:
        told = {keyword.arg: dag.module.text(keyword.value) for keyword in node.keywords}
        cron = dag.module.text(node.args[0]) if node.args else told.get("cron")
        if cron is not None:
            return cron, told.get("timezone"), ""
    said = printable(ast.unparse(node), 80)
    if isinstance(node, (ast.List, ast.Tuple)) or (isinstance(node, ast.Call) and _called(node) in _DATA):
        return said, None, f"{said} is data that it waits for, and no time of the clock"
    if isinstance(node, ast.Call) and _called(node) == "timedelta":
        return said, None, f"{said} counts from the start date: no five fields of cron say that"
    return said, None, f"{said} is no literal: when that is, is only known where it runs"


def _zone(dag: _Dag) -> str | None:
    """That of the start date."""
    start = dag.arguments.get("start_date")
    default = dag.arguments.get("default_args")
    if start is None and isinstance(default, ast.Dict):
        start = next((v for k, v in zip(default.keys, default.values, strict=True) if k and _is(k, "start_date")), None)
    for node in ast.walk(dag.module.resolved(start)) if start is not None else ():
        if isinstance(node, ast.keyword) and node.arg in {"tz", "tzinfo"} and (zone := dag.module.text(node.value)):
            return zone
        if isinstance(node, ast.Call) and _called(node) in {"timezone", "Timezone", "ZoneInfo"} and node.args:
            return dag.module.text(node.args[0])
    return None


def _runs(part: ast.AST, module: _Module) -> Iterator[Runs]:
    """What its tasks run: a command line, a notebook, a function."""
    for node in ast.walk(part):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if command := _command(given, module):
                yield from runs_of(command)
            elif "input_nb" in given and (book := module.text(given["input_nb"])):
                yield Runs("papermill", book)
            elif isinstance(called := given.get("python_callable"), ast.Name):
                yield from _inside(called.id, module)
        elif isinstance(node, _FUNCTIONS) and any(_called(mark) == "task" for mark in node.decorator_list):
            yield from _inside(node.name, module)


def _command(given: dict[str | None, ast.expr], module: _Module) -> str:
    """The command line of a shell's task, or of a container's."""
    words: list[str] = []
    for key in ("bash_command", "command", "cmds", "arguments"):
        node = module.resolved(given[key]) if key in given else None
        if isinstance(node, (ast.List, ast.Tuple)):
            words += [shlex.quote(module.text(part) or "_") for part in node.elts]
        elif node is not None:
            words.append(module.text(node) or "")
    return " ".join(words)


def _inside(name: str, module: _Module) -> Iterator[Runs]:
    """A function as a task: the notebook that it gives to papermill, else itself."""
    function = module.functions.get(name)
    books = [
        book
        for node in (ast.walk(function) if function else ())
        if isinstance(node, ast.Call) and _called(node) == "execute_notebook" and node.args
        if (book := module.text(node.args[0]))
    ]
    yield from (Runs("papermill", book) for book in books)
    if not books:
        yield Runs("python", name)


def _called(node: ast.expr) -> str:
    """The last part of what is called: `DAG` of `airflow.sdk.DAG(...)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
