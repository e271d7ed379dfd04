"""What becomes of a resource's generated files, as its line of the plan says it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

from mvops.atomic import content_at
from mvops.core.action import Action, Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.core.file_change import FileChange
from mvops.core.regeneration import Found, beside, called_before, is_text, name_before, sha256
from mvops.core.spec import UNKNOWN
from mvops.core.state import Record
from mvops.core.steps import KeepTexts, Step
from mvops.kinds.file_words import described, later, left, moved, template_reasons
from mvops.kinds.generated import ABSENT
from mvops.kinds.kind import Look, kinds
from mvops.kinds.recorded import TAKEN_UP, forgotten_now
from mvops.registry.leftovers import left_behind
from mvops.registry.texts import find_text, is_merged
from mvops.rendering import templates_used


@runtime_checkable
class Generating(Protocol):
    """A kind whose resources have generated files: their specs have `files`, path below the project -> digest."""

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> Mapping[str, str]:
        """Path below the project -> text, of the resource as `spec` wants it."""
        ...


@cache  # to ask a Protocol takes a millisecond
def _generating(kind: str) -> Generating | None:
    found = kinds()[kind]
    return found if isinstance(found, Generating) else None


def with_files(action: Action, record: Record | None, look: Look) -> Action:
    """The action with what becomes of each of its generated files, and with the reason if that is a template."""
    kind = _generating(kind_of(action.address))
    if kind is None or action.verb is Verb.FORGET:
        return action
    stayed = _stayed(action, look)
    recorded = (action.before or {}).get("files", stayed)
    files = _Files(look, name_of(action.address), recorded, _remembered(record, "bases"))
    if action.verb in {Verb.KEEP, Verb.DELETE} or action.after is None:
        return action.model_copy(update={"files": tuple(files.left(goes=action.verb is Verb.DELETE))})
    texts, templates = rendered(kind, action, look)
    all_there = action.verb is Verb.CONFLICT and all(each.field.startswith("files.") for each in action.changes)
    if action.verb is Verb.CONFLICT:
        theirs = tuple(files.in_the_way(texts))
        if not (stayed and _only_files(action) and stayed.keys() >= {change.path for change in theirs}):
            return action.model_copy(update={"files": theirs})
        whole = action.address in look.once(forgotten_now)
        became = {"verb": Verb.UPDATE, "because": TAKEN_UP} if whole else {"verb": Verb.CREATE, "because": "new"}
        action = action.model_copy(update={**became, "reason": "new", "changes": ()})
    changes = tuple(files.changes(texts, (action.after or {})["files"]))
    if all_there and all(change.verb == "leave" for change in changes):
        update = {"verb": Verb.ADOPT, "reason": "already-so", "because": "already so, but for what you edited"}
        return action.model_copy(update={**update, "files": changes, "templates": templates})
    update = template_reasons(action, changes, templates, _remembered(record, "templates"))
    return action.model_copy(update={"files": changes, "templates": templates, **update})


def bookkeeping(action: Action, look: Look) -> Iterator[Step]:
    """What is remembered of the action's generated files before any is written, also of those that are there."""
    kind = _generating(kind_of(action.address))
    if kind is not None and action.after is not None:
        texts, templates = rendered(kind, action, look)
        known = sorted({text for text in texts.values() if UNKNOWN not in text})
        yield KeepTexts(texts=tuple(known), templates=templates)


def changed_since(action: Action, look: Look) -> Iterator[str]:
    """What is not as it was when the action was planned: a file of it, or a template of ours."""
    for change in action.files:
        there = content_at(look.workspace.root / change.path)
        if (None if there is None else sha256(there)) not in {change.found, change.result}:
            yield f"{change.path} was changed"
    kind = _generating(kind_of(action.address))
    if action.templates and kind is not None:
        now = rendered(kind, action, look)[1]
        moved = sorted(name for name in {*now, *action.templates} if now.get(name) != action.templates.get(name))
        yield from (f"the template {name} was changed" for name in moved)


def texts_in_use(records: Iterable[Record], stayed: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The digests of the texts that a merge to come may need, also into files that `stayed` without a record."""
    found = {base for bases in stayed.values() for base in bases.values()}
    for record in records:
        if _generating(kind_of(Address(record.address))) is not None:
            found |= set(record.spec["files"].values())
        found |= {*_remembered(record, "bases").values(), *_remembered(record, "besides").values()}
    return found


def _stayed(action: Action, look: Look) -> dict[str, str]:
    """The files of what is wanted and not on record that stayed, edited by hand, when it was taken away."""
    root, wanted = look.workspace.root, (action.after or {}).get("files", {})
    if action.before is not None or not any(content_at(root / path) is not None for path in wanted):
        return {}
    stayed = look.once(_all_that_stayed).get(action.address, {})
    return {path: base for path, base in stayed.items() if path in wanted and content_at(root / path) is not None}


def _all_that_stayed(look: Look) -> dict[str, dict[str, str]]:
    return left_behind(look.workspace.registry)


def _only_files(action: Action) -> bool:
    """Is it files, and nothing else that is there, what is in the way."""
    return all(change.field.partition(".")[0] == "files" or change.before == ABSENT for change in action.changes)


def rendered(kind: Generating, action: Action, look: Look) -> tuple[Mapping[str, str], dict[str, str]]:
    """The texts of what the action wants, and the templates that they are made from with their digests."""
    with templates_used() as used:
        texts = kind.texts(action.address, action.after or {}, look)
    return texts, dict(sorted(used.items()))


def _remembered(record: Record | None, key: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(record.outputs.get(key, "{}")) if record else {}
    return found


@dataclass(frozen=True)
class _Files:
    """The files of one resource: what was recorded of them, and the bases of those that wait in a conflict."""

    look: Look
    name: str
    recorded: Mapping[str, str]
    bases: Mapping[str, str]

    def changes(self, texts: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[FileChange]:
        made = {path: text.encode() for path, text in texts.items() if UNKNOWN not in text}
        origins = {path: self._origin(path, text) for path, text in made.items()}
        gone = {origin: path for path, origin in origins.items() if origin}
        for path in sorted({*wanted, *self.recorded}):
            if path in made:
                yield from self._made(path, made[path], origins[path])
            elif path in wanted:
                there = self._content(path)
                base = self.recorded.get(path)
                edited = there is not None and not is_text(there, base)
                because = later(path, edited=edited, known=base is not None)
                found = None if there is None else sha256(there)
                yield FileChange(path=path, verb="later", because=because, found=found, base=base)
            elif path in gone:
                yield from self._went(path, gone[path])
            else:
                yield from self._left(path, goes=True)

    def left(self, *, goes: bool) -> Iterator[FileChange]:
        """What is no longer wanted, or is as it should be: files that were edited by hand stay."""
        for path in sorted(self.recorded):
            yield from self._left(path, goes=goes)

    def in_the_way(self, texts: Mapping[str, str]) -> Iterator[FileChange]:
        """Files that are there and are not ours."""
        for path, text in sorted(texts.items()):
            there = None if UNKNOWN in text else self._content(path)
            change = described(path, text.encode(), Found(there)) if there is not None else None
            if change is not None:
                yield change.model_copy(update={"because": "is there and not ours"})

    def _origin(self, path: str, new: bytes) -> str | None:
        """Where the file was edited by hand, or came from by hand, while the model had another name."""
        before = None if path in self.recorded else called_before(path, self.name, self.recorded)
        if before is None:
            return None
        there, here = self._content(before), self._content(path)
        if there is None or here is None:
            edited = there is not None and not is_text(there, self.recorded[before])
            return before if edited or here is not None else None
        merged = self._found(path, new, before).merged  # by an apply that was stopped
        return before if not is_text(there, self.recorded[before]) and (here == there or merged) else None

    def _made(self, path: str, new: bytes, origin: str | None) -> Iterator[FileChange]:
        found, key = self._found(path, new, origin), origin or path
        base = self.bases.get(key) if found.waiting else self.recorded.get(key)
        change = described(path, new, found)
        if origin and change is not None:
            here = self._content(path)
            change = moved(change, origin).model_copy(update={"found": None if here is None else sha256(here)})
        if change is not None:
            yield change.model_copy(update={"base": base, "waiting": found.waiting})

    def _found(self, path: str, new: bytes, origin: str | None) -> Found:
        registry, key = self.look.workspace.registry, origin or path
        there, other = self._first(path, key), self._first(beside(path), beside(key))
        recorded = self.recorded.get(key)
        waiting = key in self.bases and other is not None
        base = self.bases[key] if waiting else recorded
        edited = there is not None and not is_text(there, recorded)
        text = find_text(registry, base) if edited and base else None
        known = other is not None and find_text(registry, sha256(other)) is not None
        merged = there is not None and text is not None and is_merged(registry, text, new, there)
        before = name_before(path, self.name, origin) if origin else None
        renamed = (before, self.name) if before else None
        return Found(there, other, recorded, text, waiting, known, merged, renamed)

    def _went(self, path: str, to: str) -> Iterator[FileChange]:
        there = self._content(path)
        if there is not None:
            yield FileChange(path=path, verb="remove", because=f"goes to {to}, as it was edited", found=sha256(there))

    def _left(self, path: str, *, goes: bool) -> Iterator[FileChange]:
        there = self._content(path)
        if there is None:
            return
        ours = is_text(there, self.recorded[path])
        found = sha256(there)
        if ours and goes:
            yield FileChange(path=path, verb="remove", because="goes", found=found)
        elif not ours:
            waiting = not goes and path in self.bases and self._content(beside(path)) is not None
            because = left(path, waiting=waiting)
            yield FileChange(path=path, verb="leave", because=because, found=found, result=found, waiting=waiting)

    def _first(self, *paths: str) -> bytes | None:
        return next((content for path in paths if (content := self._content(path)) is not None), None)

    def _content(self, path: str) -> bytes | None:
        return content_at(self.look.workspace.root / path)
