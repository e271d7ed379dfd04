"""Signatures by SSH keys, as Git makes them: OpenSSH's `ssh-keygen -Y`."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from mvops.errors import BackendError, ConflictError, UsageError

NAMESPACE = "mvops-plan"  # a signature that was made for anything else, such as a commit, is none
_PATIENCE = 30  # seconds; only for what asks nobody for a passphrase
_GOOD = re.compile(r"^Good .* with (?P<key>.+)$", re.MULTILINE)


def sign(content: bytes, key: Path) -> bytes:
    """The signature, as OpenSSH writes it into a file. Asks for a passphrase at the terminal where the key has one.

    `key` is a private key, or the public one of a key that ssh-agent holds. Raises UsageError where it does not sign,
    BackendError without OpenSSH.
    """
    if not key.is_file():
        raise UsageError(f"there is no key {key}", hint="Make one: ssh-keygen -t ed25519")
    done = _ssh_keygen("sign", "-f", str(key.absolute()), "-n", NAMESPACE, content=content, patience=None)
    if done.returncode:
        raise UsageError(f"{key} signed nothing", hint=_said(done))
    return done.stdout


def verify(content: bytes, signature: Path, signers: Path) -> str:
    """Who signed: the name that `signers` gives to the key, and the key.

    Raises ConflictError for a signature of somebody else or of something else, BackendError without OpenSSH.
    """
    files = ("-s", str(signature.absolute()), "-f", str(signers.absolute()))
    found = _ssh_keygen("find-principals", *files)
    names = found.stdout.decode(errors="replace").splitlines()
    if found.returncode or not names:
        raise ConflictError(
            f"{signature} is of nobody who may sign: {signers.name} does not list them", hint=_said(found)
        )
    done = found
    for name in names:
        done = _ssh_keygen("verify", *files, "-I", name, "-n", NAMESPACE, content=content)
        if not done.returncode:
            key = _GOOD.search(done.stdout.decode(errors="replace"))
            return f"{name} ({key['key']})" if key else name
    raise ConflictError(f"{signature} is no signature of {names[0]} for this plan as it is", hint=_said(done))


def keygen() -> str:
    """Where OpenSSH's program is; raise BackendError that names the package where it is not."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise BackendError(
            "signatures need OpenSSH, and there is no ssh-keygen on this machine",
            hint="Install it: apt-get install openssh-client (elsewhere the package is called openssh)",
        )
    return program


def _ssh_keygen(
    action: str, *arguments: str, content: bytes = b"", patience: float | None = _PATIENCE
) -> subprocess.CompletedProcess[bytes]:
    command = [keygen(), "-Y", action, *arguments]
    try:
        return subprocess.run(command, input=content, capture_output=True, check=False, timeout=patience)  # noqa: S603 - no shell
    except subprocess.TimeoutExpired:
        raise BackendError(f"ssh-keygen did not answer within {_PATIENCE} seconds") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """What ssh-keygen had to say, for people."""
    lines = done.stderr.decode(errors="replace").splitlines()
    return "\n".join(["ssh-keygen says:", *(f"  {line}" for line in lines if "on standard input" not in line)])
