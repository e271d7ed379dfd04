"""What an executor is: where the steps of a pipeline run, and how many at a time.

It changes neither what a step makes nor its key: values go from step to step through the artefact store, and the run
is kept as any other. The run opens its executor only when a step is to be done, and closes it when none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Protocol

Report = Callable[[int, int], None]  # cells done, of how many
Work = Callable[[Report], Any]


class Hands(Protocol):
    """An executor that was opened.

    `at_once` is how many pieces of work are done at a time; None where that is the system's business. `remote`: work
    is done in another process, perhaps on another machine, and must be picklable, as its result.
    """

    at_once: int | None
    remote: bool

    def submit(self, work: Work, report: Report) -> Future[Any]:
        """Have `work` done; `report` hears, from any thread, how far it is.

        The Future raises what the work raises, and BackendError when the system lost it.
        """
        ...

    def everywhere(self, ask: Callable[[], str]) -> Mapping[str, str]:
        """What each remote worker answers, by its address; nothing where work is done here.

        Raises BackendError when there is no worker, or when one cannot answer.
        """
        ...


Opening = Callable[[], AbstractContextManager[Hands]]


class Executor(Protocol):
    """A backend of the family `executors`: a class that is made without arguments."""

    def open(self, options: Mapping[str, Any]) -> AbstractContextManager[Hands]:
        """Hands for one run.

        Raises SpecError for options that it does not know, BackendError with the remedy when it cannot be reached.
        On leaving, work that still runs is waited for: it ends soon, because the run's lease is gone.
        """
        ...
