"""Who may have a plan applied: signers that the YAML names, and the file beside a plan that one of them signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mvops.core.action import Action, Verb
from mvops.core.address import kind_of
from mvops.core.scope import is_drift
from mvops.errors import ConflictError, SpecError
from mvops.lifecycle.ssh_signature import NAMESPACE, sign, verify
from mvops.loading.load import load_project
from mvops.workspace import Workspace

_HEAD = b"-----BEGIN SSH SIGNATURE-----"
_HOW = (
    "Plan and sign: mvops plan --out plan.json --sign KEY (with --destroy, to take all away); "
    "then: mvops apply plan.json"
)
_DATA = {
    "dataset": ("digest", "files"),
    "pipeline": ("inputs.",),
    "model": ("training",),
}  # fields that new data changes


def signers_of(workspace: Workspace) -> Path | None:
    """The file of those who may sign; None where nobody has to.

    Overrides do not count: a saved plan brings its own. Raises SpecError where the file is not there.
    """
    named = load_project(workspace.root, (), workspace.project.environment).plan.signers
    if named is None:
        return None
    path = workspace.root / named
    if not path.is_file():
        raise SpecError(
            f"there is no file {named}, which plan.signers names",
            hint='Write a line for each who may sign: ana@example.com namespaces="mvops-plan" ssh-ed25519 AAAA...',
        ).named_by("plan", "signers")
    return path


def signature_of(plan: Path) -> Path:
    """Where the signature of a saved plan is, as ssh-keygen writes it too."""
    return plan.with_name(f"{plan.name}.sig")


def signed(content: bytes, plan: Path, key: Path | None) -> Iterator[tuple[Path, bytes]]:
    """The file with the signature, if there is a key; the one of a former plan goes. Raises as `sign` does."""
    path = signature_of(plan)
    made = sign(content, key) if key is not None else None
    if path.is_file() and path.read_bytes().startswith(_HEAD):
        path.unlink()
    if made is not None:
        yield path, made


def signer_of(workspace: Workspace, content: bytes, plan: Path) -> str | None:
    """Who signed the plan; None where nobody has to. Raises ConflictError where it is not signed as it has to be."""
    signers = signers_of(workspace)
    if signers is None:
        return None
    path = signature_of(plan)
    if not path.is_file():
        raise ConflictError(f"{plan} is not signed: there is no {path}", hint=f"Sign it: {by_hand(plan)}")
    return verify(content, path, signers)


def by_hand(plan: Path) -> str:
    """What to type to sign a plan that was saved."""
    return f"ssh-keygen -Y sign -f KEY -n {NAMESPACE} {plan}"


def check_signed(workspace: Workspace, signed_by: str | None) -> None:
    """Raise ConflictError where the YAML names signers and nobody signed."""
    if signed_by is None and signers_of(workspace) is not None:
        raise ConflictError(
            f"only signed plans are applied here, as {workspace.project.project}'s YAML says", hint=_HOW
        )


def check_only_data(workspace: Workspace, actions: Iterable[Action]) -> None:
    """Raise ConflictError where the YAML names signers and more has changed than the data of what is applied."""
    if signers_of(workspace) is None:
        return
    for action in actions:
        if action.verb is not Verb.KEEP and not is_drift(action) and not _is_data(action):
            raise ConflictError(
                f"{action.address}: {action.because}; only signed plans are applied here, and a retraining brings "
                "new data and nothing else",
                hint=_HOW,
            )


def _is_data(action: Action) -> bool:
    fields = _DATA.get(kind_of(action.address), ())
    return bool(action.changes) and all(
        change.field.startswith(fields) and None not in (change.before, change.after) for change in action.changes
    )
