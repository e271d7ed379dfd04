"""What `%load_ext mvops` does: the magic `%mvops`, its completion, and displays of what `import mvops` returns."""

from __future__ import annotations

from typing import Any

from mvops.jupyter.completion import completions
from mvops.jupyter.magic import run_line
from mvops.show.displays import register


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython."""

    def mvops(line: str) -> None:
        """Run a command of mvops: `%mvops plan`, `%mvops promote NOTEBOOK`, `%mvops --help`.

        It works on the project of the notebook's folder, in a process of its own. Names of the notebook stand in
        braces: `%mvops run churn -p C={C}`.
        """
        run_line(shell, line)

    shell.register_magic_function(mvops, magic_kind="line", magic_name="mvops")
    shell.set_hook("complete_command", completions, str_key="%mvops")
    register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magic away; displays stay, as objects may."""
    shell.magics_manager.magics["line"].pop("mvops", None)
