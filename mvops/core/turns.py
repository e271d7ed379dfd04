"""In which order actions are done, and what keeps one from being done. Pure.

An action comes after all that it needs. What is `late` is done only once something that needs it has succeeded, and
before all that needs that: data are kept when a run has shown that they can be learnt from, and before a version names
what was kept.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mvops.core.action import Action, Verb
from mvops.core.address import Address


@dataclass(frozen=True)
class Turn:
    """An action, skipped where one of `needs` has failed, or all of `shown_by`."""

    action: Action
    needs: frozenset[Address]
    shown_by: frozenset[Address] = frozenset()

    def is_skipped(self, failed: set[Address]) -> bool:
        """`failed` are those that failed or were skipped."""
        return bool(self.needs & failed) or (bool(self.shown_by) and self.shown_by <= failed)


def turns(actions: Sequence[Action], late: Callable[[Action], bool]) -> list[Turn]:
    """Those of a plan's actions that are to be done, in its order but for what is late."""
    pending = [action for action in actions if action.verb is not Verb.KEEP]
    readers = {
        action.address: frozenset(other.address for other in actions if action.address in other.needs)
        for action in pending
        if late(action)
    }
    there = frozenset(action.address for action in pending)
    found = [_turn(action, readers, there) for action in pending]
    return _in_order(found) if readers else found


def _turn(action: Action, readers: dict[Address, frozenset[Address]], pending: frozenset[Address]) -> Turn:
    needs = frozenset(action.needs)
    if action.address in readers:
        return Turn(action, needs, readers[action.address] & pending)
    shows = {late for late, found in readers.items() if action.address in found}
    behind = {late for late, found in readers.items() if needs & found}
    return Turn(action, (needs - shows) | behind)


def _before(turn: Turn) -> frozenset[Address]:
    """What is taken away comes last, in an order of its own."""
    return frozenset() if turn.action.verb in {Verb.DELETE, Verb.FORGET} else turn.needs | turn.shown_by


def _in_order(found: list[Turn]) -> list[Turn]:
    """After what each needs; otherwise as they were."""
    places = {turn.action.address: place for place, turn in enumerate(found)}
    left = [{places[where] for where in _before(turn) if where in places} for turn in found]
    followers: list[list[int]] = [[] for _ in found]
    for place, befores in enumerate(left):
        for before in befores:
            followers[before].append(place)
    ready = [place for place, befores in enumerate(left) if not befores]
    heapq.heapify(ready)
    order: list[Turn] = []
    while ready:
        place = heapq.heappop(ready)
        order.append(found[place])
        for follower in followers[place]:
            left[follower].discard(place)
            if not left[follower]:
                heapq.heappush(ready, follower)
    return order if len(order) == len(found) else found
