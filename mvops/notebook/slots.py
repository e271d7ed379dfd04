"""Places for the kernels of this process: each has a mark of its own, and keeps its imports warm between steps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mvops.notebook.keys import Prepared
from mvops.notebook.warm import WarmKernels, warm_kernels


def kernel_slots(prepared: Prepared, mark: str, steps: int, at_once: int | None) -> KernelSlots:
    """Slots for so many steps; imports are kept warm where more than one step is done with them."""
    if at_once is None or steps <= at_once:
        return KernelSlots(mark, lambda _: None, steps)
    sources = [cell.source for document in prepared.documents for cell in document.code]
    folder, *others = dict.fromkeys(document.folder for document in prepared.documents)
    if others:  # what is imported from a folder, is from that folder
        return KernelSlots(mark, lambda _: None, steps)

    def make(each: str) -> WarmKernels | None:
        return warm_kernels(
            prepared.kernel, sources, prepared.modules, mark=each, folder=folder, more=lambda: slots.left > 0
        )

    slots = KernelSlots(mark, make, steps)
    return slots


class Slot:
    """A place for one kernel at a time. `mark` begins with the run's."""

    def __init__(self, mark: str, make: Callable[[str], WarmKernels | None]) -> None:
        self.mark = mark
        self.warm = make(mark)

    def cool(self) -> None:
        """From now on a kernel starts by itself."""
        if self.warm is not None:
            self.warm.close()
            self.warm = None


class KernelSlots:
    """As many slots as are used at a time; `make` starts a process that has imported, or says None.

    `left` is how many of the steps are still to take one.
    """

    def __init__(self, mark: str, make: Callable[[str], WarmKernels | None], steps: int) -> None:
        self.left = steps
        self._mark = mark
        self._make = make
        self._slots: list[Slot] = []
        self._free: list[Slot] = []
        self._lock = threading.Lock()

    @contextmanager
    def take(self) -> Iterator[Slot]:
        """One that nobody else has."""
        with self._lock:
            self.left -= 1
            if not self._free:
                slot = Slot(f"{self._mark}-{len(self._slots)}", self._make)
                self._slots.append(slot)
                self._free.append(slot)
            slot = self._free.pop()
        try:
            yield slot
        finally:
            with self._lock:
                self._free.append(slot)

    def close(self) -> None:
        """End the processes that kernels were forked from."""
        for slot in self._slots:
            slot.cool()
