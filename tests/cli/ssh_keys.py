"""Real SSH keys."""

from __future__ import annotations

import subprocess
from pathlib import Path


def ssh_key(folder: Path, name: str) -> Path:
    """A new key without a passphrase; its public half is beside it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return folder / name


def may_sign(name: str, key: Path) -> str:
    """A line of a file of signers."""
    kind, material = key.with_suffix(".pub").read_text().split()[:2]
    return f'{name} namespaces="mvops-plan" {kind} {material}\n'
