"""Versions as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mvops.core.action import NOT_SET
from mvops.core.version import OWN, CodeState, Engine, Version
from mvops.usecases.fates import Fate
from mvops.usecases.versions import Comparison, VersionLine


def version_rows(lines: Sequence[VersionLine]) -> list[dict[str, Any]]:
    """Each version whole, with its role and share of the traffic in percent, or what became of it."""
    return [
        line.version.model_dump(mode="json")
        | {"role": line.role, "share": line.share, "state": line.role or line.fate.state, "because": line.fate.why}
        for line in lines
    ]


def version_lines(model: str, lines: Sequence[VersionLine]) -> Iterator[str]:
    """A line for each version."""
    if not lines:
        yield f"{model} has no version yet: mvops apply"
        return
    for line in lines:
        told = line.listed.document()
        role = role_words(line) if line.role else line.fate.state
        made = f"{line.listed.number:>4}  {line.listed.created:%Y-%m-%d %H:%M}"
        yield f"{made}  {role:<16} {_metrics(told['metrics'])}  {told['reason']}{fate_words(line.fate)}"


def role_words(line: VersionLine) -> str:
    """What a version does now; nobody gets the answers of one in the shadow."""
    return line.role if line.role == "shadow" else f"{line.role} {line.share} %"


def fate_words(fate: Fate) -> str:
    """After why a version was made, what became of it."""
    return f"; {fate.state}: {fate.why}" if fate.state else ""


def version_detail(version: Version, checks: Sequence[str]) -> Iterator[str]:
    """Everything that is known of a version."""
    code = version.code
    yield f"{version.model} version {version.number}, {version.created:%Y-%m-%d %H:%M:%S} UTC, {version.reason}"
    yield f"  metrics      {_metrics(version.metrics)}"
    yield f"  artefact     {version.artifact.format}, {version.artifact.size} bytes, sha256 {version.artifact.sha256}"
    yield from (
        f"  data         {name}  {digest[:16]}{_kept(version, name)}" for name, digest in sorted(version.data.items())
    )
    yield f"  code         {', '.join(code.notebooks)}, {commit_words(code)}"
    yield from (f"    {step:<11}{digest[:16]}" for step, digest in code.cells.items())
    yield from (f"  parameter    {name} = {value}" for name, value in sorted(version.parameters.items()))
    packages = ", ".join(f"{name} {release}" for name, release in sorted(version.environment.packages.items()))
    yield f"  environment  Python {version.environment.python}, {packages}"
    if version.environment.interpreter:
        yield f"  loaded in    {_loaded_in(version.environment.interpreter)}"
    yield f"  answers by   {_engine(version.engine)}"
    yield f"  run          {version.run}"
    yield from (f"  gate         {check}" for check in checks)


def _engine(engine: Engine | None) -> str:
    if engine is None:
        return "its estimator, as it was registered before there were ONNX graphs"
    if engine.graph is None:
        return f"its estimator: {engine.reason}"
    return f"ONNX, no further than {engine.difference:.1g} from its estimator in {engine.rows:,} rows"


def _loaded_in(interpreter: str) -> str:
    if interpreter == OWN:
        return "a process apart, as it holds code of the notebook's own; it is sealed with the project's key"
    return f"{interpreter}, where it was made: mvops' own Python cannot load it"


def commit_words(code: CodeState) -> str:
    """Which commit the code was, and whether it was changed since."""
    if code.commit is None:
        return "not in Git"
    return f"commit {code.commit[:12]}{' with changes' if code.dirty else ''}"


def comparison_lines(found: Comparison) -> Iterator[str]:
    """A line for each difference."""
    one, two = found.first.number, found.second.number
    if not found.differences:
        yield f"Versions {one} and {two} were made of the same things."
        return
    width = max(len(field) for field in found.differences)
    for field, (before, after) in found.differences.items():
        yield f"  {field:<{width}}  {short(before)} -> {short(after)}"


def _kept(version: Version, name: str) -> str:
    revision = version.revisions.get(name)
    if revision is None:
        return ", not kept when it was trained"
    return f", kept: {revision.backend} {revision.id}, {revision.files} file{'' if revision.files == 1 else 's'}"


def _metrics(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:.4f}" for name, value in metrics.items())


def short(value: object) -> str:
    """A value on one line; digests are cut."""
    text = NOT_SET if value is None else f"{value:.4f}" if isinstance(value, float) else str(value) or '""'
    return f"{text[:16]}…" if len(text) == 64 else text
