"""Which of our objects a notebook shows in a way of their own; by name, so that nothing is loaded before."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

Bundle = dict[str, str]  # MIME type -> content

# Type -> the module of mvops.show.html that shows it.
_SHOWN = {
    "mvops.core.plan.Plan": "plan",
    "mvops.core.run.Run": "run",
    "mvops.notebook.verify.Verification": "verification",
    "mvops.show.lists.Applied": "applied",
    "mvops.show.lists.Runs": "runs",
    "mvops.show.lists.Versions": "versions",
    "mvops.usecases.monitor.Report": "monitor",
    "mvops.usecases.promote.Promoted": "promotion",
    "mvops.usecases.status.Status": "status",
    "mvops.usecases.versions.Comparison": "comparison",
}
_IN_MARKDOWN = {"plan"}
_QUOTED = re.compile(r"(<pre>.*?</pre>)", re.DOTALL)


def bundle(found: object, told: Callable[[str], str] = str) -> Bundle | None:
    """As HTML and as text, and as Markdown where there is one; None for what has no display of its own.

    `told` makes of what we say what is shown; what is quoted, such as a diff, stays as it is.
    """
    kind = type(found)
    name = _SHOWN.get(f"{kind.__module__}.{kind.__qualname__}")
    if name is None:
        return None
    module = _module(name)
    parts = _QUOTED.split(str(module.html(found)))
    parts[::2] = map(told, parts[::2])
    made = {"text/html": "".join(parts), "text/plain": "\n".join(map(told, module.text(found)))}
    return made | ({"text/markdown": "\n".join(map(told, module.markdown(found)))} if name in _IN_MARKDOWN else {})


def register(shell: Any) -> None:
    """Have an IPython shell show them: in a notebook as HTML, on a terminal as the commands do."""
    formatters = shell.display_formatter.formatters
    for kind, name in _SHOWN.items():
        module, _, attribute = kind.rpartition(".")
        formatters["text/html"].for_type_by_name(module, attribute, _html(name))
        if name in _IN_MARKDOWN:
            formatters["text/markdown"].for_type_by_name(module, attribute, _markdown(name))
        formatters["text/plain"].for_type_by_name(module, attribute, _plain(name))


def _html(name: str) -> Callable[[Any], str]:
    return lambda found: str(_module(name).html(found))


def _markdown(name: str) -> Callable[[Any], str]:
    return lambda found: "\n".join(_module(name).markdown(found))


def _plain(name: str) -> Callable[[Any, Any, bool], None]:
    def print_to(found: Any, printer: Any, cycle: bool) -> None:
        del cycle
        for at, line in enumerate(_module(name).text(found)):
            if at:
                printer.break_()
            printer.text(line)

    return print_to


def _module(name: str) -> Any:
    return importlib.import_module(f"mvops.show.html.{name}")
