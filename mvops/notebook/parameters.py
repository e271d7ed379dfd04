"""Parameters and inputs: literals that steer a notebook, lifted out of its code under names of their own."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypedDict, Unpack, cast, get_args

from mvops.notebook.code import Code, identifiers, modules_of
from mvops.notebook.constants import Constant, constants
from mvops.notebook.edits import Edit, edited
from mvops.notebook.knobs import Knob, knobs
from mvops.notebook.literals import Scalar
from mvops.notebook.naming import Namer, snake
from mvops.notebook.paths import PathKind, ReadPath, covers, names_a_path, path_kind, read_paths, stem

ParameterType = Literal["int", "float", "bool", "str"]
ParameterRole = Literal["knob", "input", "path"]
_LONG = 24  # a file's name longer than this makes no good name for a parameter
_ALL = frozenset({"*"})
_GENERIC = re.compile(
    r"|[a-z]|df\d*|\w*_df\d*|df_\w*|data|dataset|dataframe|raw|file|f|content|lines?|text|reader|frame|table"
)


class _About(TypedDict):
    code: Code
    role: ParameterRole
    used_by: str
    owners: frozenset[str]


@dataclass(frozen=True)
class Parameter:
    """A parameter as found: `cell` counts from 1; `text` is the literal as it was written; `used_by` says where.

    `role`: a knob, an input (a file of the project's that is hashed) or a plain path (absolute, or an address).
    `notebook` is the file's name where a pipeline is of several.
    """

    name: str
    type: ParameterType
    default: Scalar
    cell: int
    text: str
    role: ParameterRole
    used_by: str
    owners: frozenset[str] = frozenset()
    notebook: str = ""

    @property
    def place(self) -> str:
        """The cell, for people."""
        return f"{self.notebook}, cell {self.cell}" if self.notebook else f"cell {self.cell}"


@dataclass
class Lifted:
    """The cells with names in place of literals, the parameters in order of appearance, and what to tell the user."""

    cells: list[Code]
    parameters: list[Parameter]
    inputs: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where the notebook lies: its folder and the project's root; `moves` says that it changes its working folder.

    `made` are files below the root that its pipeline makes itself: no input of it.
    """

    root: Path
    folder: Path
    moves: bool = False
    made: tuple[str, ...] = ()

    def in_project(self, value: str) -> str | None:
        """A relative path as the project sees it, posix; None if it leads out of the project."""
        below = posixpath.relpath(self.folder.as_posix(), self.root.as_posix())
        found = posixpath.normpath(posixpath.join(below, value))
        return None if found.startswith("..") or posixpath.isabs(found) else found

    def makes(self, value: str) -> str | None:
        """The file of the pipeline's own that a path, a pattern or a folder in the code names; None if it is none."""
        relative = path_kind(value) == "relative" and not self.moves
        below = self.in_project(value) if relative and self.made else None
        return next((file for file in self.made if below is not None and covers(below, file)), None)

    def beside_made(self, value: str) -> str | None:
        """A file below what a path or a pattern in the code names that the pipeline does not make itself."""
        below = self.in_project(value) or ""
        places = self.root.glob(below) if re.search(r"[*?\[]", below) else (self.root / below).rglob("*")
        files = (place.relative_to(self.root).as_posix() for place in places if place.is_file())
        return next((file for file in files if not any(covers(made, file) for made in self.made)), None)

    def from_root(self, value: str) -> str | None:
        """The path from the notebook's folder to what has this one from the project's; None where nothing has."""
        below = posixpath.normpath(value)
        if self.moves or path_kind(value) != "relative" or below.startswith(".") or not self.is_there(below):
            return None
        return posixpath.relpath((self.root / below).as_posix(), self.folder.as_posix())

    def is_there(self, relative: str) -> bool:
        """Does a path of the project, which may be a pattern, name anything?"""
        if re.search(r"[*?\[]", relative) and not (self.root / relative).exists():
            return next(iter(self.root.glob(relative)), None) is not None
        return (self.root / relative).exists()


def lift(cells: Sequence[Code], place: Place, renamed: Mapping[str, str] = MappingProxyType({})) -> Lifted:
    """Find parameters and inputs, and put their names where the literals were. Defaults reproduce the original.

    `renamed` are other names for some. What the pipeline makes itself stays as it stands in the code.
    """
    work = _Work(Namer(identifiers(cells)), renamed)
    modules = modules_of(cells)
    notes: list[str] = []
    for constant in constants(cells):
        if not (constant.is_path and _is_made(constant.code, str(constant.value), place, notes)):
            work.constant(constant)
    for code in cells:
        for path in read_paths(code):
            if not _is_made(code, path.value, place, notes):
                work.path(path)
    _name_knobs([knob for code in cells for knob in knobs(code, modules)], work)
    changed = [code.with_source(edited(code.source, work.edits[code.at])) for code in cells]
    lifted = Lifted(changed, sorted(work.found.values(), key=lambda p: (p.role == "knob", p.cell)), notes=notes)
    _sort_out_paths(lifted, place)
    return lifted


def _is_made(code: Code, value: str, place: Place, notes: list[str]) -> bool:
    file = place.makes(value)
    stranger = place.beside_made(value) if file is not None else None
    if stranger is not None:
        notes.append(
            f"Cell {code.number} names {value!r}, where the pipeline itself writes {file}: so it is no input, and when "
            f"{stranger} changes nothing runs again. Keep what the pipeline writes in a folder of its own."
        )
    return file is not None


class _Work:
    """Collects parameters and the edits that put their names into the code."""

    def __init__(self, namer: Namer, renamed: Mapping[str, str]) -> None:
        self.namer = namer
        self.renamed = renamed
        self.found: dict[str, Parameter] = {}
        self.edits: defaultdict[int, list[Edit]] = defaultdict(list)
        self._paths: dict[str, str] = {}

    def add(self, name: str, value: Scalar, text: str, **about: Unpack[_About]) -> None:
        kind = type(value).__name__
        assert kind in get_args(ParameterType)
        owners = about["owners"] | (self.found[name].owners if name in self.found else frozenset())
        first = self.found.get(name)
        if first is None:
            cell, role, used_by = about["code"].number, about["role"], about["used_by"]
            first = Parameter(name, cast("ParameterType", kind), value, cell, text, role, used_by)
        self.found[name] = replace(first, owners=owners)

    def constant(self, found: Constant) -> None:
        role: ParameterRole = "path" if found.is_path else "knob"
        name = self.renamed.get(found.name, found.name)
        self.add(name, found.value, found.text, code=found.code, role=role, used_by=found.name, owners=_ALL)
        kept = f"{found.name} = {name}  " if name != found.name else ""
        self.edits[found.code.at].append(Edit(found.statement, f"{kept}# {name} is a parameter, set in the first cell"))
        if found.is_path:
            self._paths.setdefault(str(found.value), name)

    def path(self, found: ReadPath) -> None:
        if found.value not in self._paths:
            name = self.namer.fresh(*_path_words(found))
            self._paths[found.value] = self.renamed.get(name, name)
        name, text = self._paths[found.value], found.code.text(found.node)
        text = text if isinstance(found.node, ast.Constant) and "\n" not in text else repr(found.value)
        self.add(name, found.value, text, code=found.code, role="path", used_by=found.owner or name, owners=_ALL)
        self.edits[found.code.at].append(Edit(found.node, name))

    def knob(self, name: str, found: Knob) -> None:
        owners = frozenset({found.owner} if found.owner and not found.is_seed else _ALL)
        used_by = found.owner or found.callee
        text = found.code.text(found.node)
        text = repr(found.value) if "\n" in text else text
        self.add(name, found.value, text, code=found.code, role="knob", used_by=used_by, owners=owners)
        self.edits[found.code.at].append(Edit(found.node, name))


def _path_words(found: ReadPath) -> list[str]:
    suffix = "url" if path_kind(found.value) == "url" else "path"
    owner = (found.owner or "").lower()
    by_stem = stem(found.value)
    if len(by_stem) > _LONG:
        by_stem = "data"
    words = [by_stem] if _GENERIC.fullmatch(owner) else [owner, by_stem]
    return [word if names_a_path(word) else f"{word}_{suffix}" for word in words] + [f"{by_stem}_{suffix}"]


def _name_knobs(found: list[Knob], work: _Work) -> None:
    """One name for each thing that is set: the keyword alone where it is clear, else the owner's name before it."""
    groups: dict[tuple[Scalar | str, ...], list[Knob]] = {}
    for knob in found:
        groups.setdefault(_key(knob), []).append(knob)
    words = {key: _word(group) for key, group in groups.items()}
    for key, group in groups.items():
        alike = [other for other in groups if words[other] == words[key]]
        first_seed = group[0].is_seed and alike[0] == key
        name = work.namer.fresh(*_names(group[0], words[key], alone=len(alike) == 1 or first_seed))
        for knob in group:
            work.knob(work.renamed.get(name, name), knob)


def _word(group: list[Knob]) -> str:
    keywords = [knob.keyword for knob in group]
    return "random_state" if "random_state" in keywords else keywords[0]


def _key(knob: Knob) -> tuple[Scalar | str, ...]:
    """Literals with an equal key are one parameter."""
    kind = type(knob.value).__name__  # 1 and 1.0 and True are equal, and not the same
    if knob.is_seed:
        return ("seed", kind, knob.value)
    if knob.callee[:1].isupper():
        return (knob.keyword, kind, knob.value, knob.callee, knob.owner or "")
    return (knob.keyword, kind, knob.value, knob.callee)


def _names(knob: Knob, keyword: str, *, alone: bool) -> list[str]:
    is_class = knob.callee[:1].isupper()
    if not is_class and not knob.is_seed:
        return [keyword]
    callee = "split" if knob.callee == "train_test_split" else snake(knob.callee)
    long = f"{(knob.owner if is_class and knob.owner else callee).strip('_').lower()}_{keyword}"
    return [keyword, long] if alone and len(keyword) > 1 else [long]


def _sort_out_paths(lifted: Lifted, place: Place) -> None:
    """Make relative paths below the root inputs, and say what the others are."""
    for at, found in enumerate(lifted.parameters):
        if found.role != "path":
            continue
        value = str(found.default)
        kind = path_kind(value)
        below = place.in_project(value) if kind == "relative" and not place.moves else None
        if below is not None and below != ".":
            lifted.inputs[found.name] = below
            lifted.parameters[at] = replace(found, role="input")
            if not place.is_there(below):
                lifted.notes.append(_about_missing(found, value, below, place.from_root(value)))
        else:
            lifted.notes.append(_about_path(found, value, kind, moves=place.moves))


def _about_missing(found: Parameter, value: str, below: str, otherwise: str | None) -> str:
    if otherwise is None:
        return (
            f"Cell {found.cell} reads {value!r}, which is not there now: put it at {below}, or change "
            f"the input {found.name}."
        )
    return (
        f"Cell {found.cell} reads {value!r}, which is there from the project's folder, but a notebook runs in its own: "
        f"write {otherwise!r} in the notebook and promote it again."
    )


def _about_path(found: Parameter, value: str, kind: PathKind, *, moves: bool) -> str:
    shown = re.sub(r"//[^/@]*@|[?#].*", lambda m: "//" if m[0].startswith("//") else "", value)  # no secret of a URL's
    start = f"Cell {found.cell} reads {shown if kind == 'url' else value!r}"
    if kind == "url":
        return f"{start} from the network at every run: it is the parameter {found.name}, and not hashed as an input."
    if kind == "absolute":
        return (
            f"{start}, an absolute path: it is the parameter {found.name}, and not hashed as an input. "
            f"Set it where the file is elsewhere."
        )
    why = "after changing the working folder" if moves else "outside the project"
    return f"{start} {why}: it is the parameter {found.name}, and not hashed as an input."
