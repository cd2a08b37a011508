"""Indexes by what is asked: who waits for it, and who is free for it.

A `Need` is one combination of slot, skills with least levels, and way to select. Contacts that ask the same share one,
so that the work for an event depends on how many different needs an agent serves, and not on how many agents there
are or contacts wait.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from cti.acd.model import Select, Slot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.acd.cases import Case
    from cti.acd.desk import Desk
    from cti.acd.model import Skills

#: Needs are kept when nobody waits for them; beyond so many, those go.
KEPT = 4096
_SLACK = 64


Standing = tuple[float, int, "Case"]


class Line:
    """Contacts in the order of their keys (rank, number)."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Standing] = []  # ascending; two never compare equal, so cases are not compared

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Case]:
        return (item[2] for item in self.items)

    def add(self, case: Case) -> None:
        insort(self.items, (case.rank, case.number, case))

    def remove(self, case: Case) -> None:
        del self.items[self.place(case)]

    def place(self, case: Case) -> int:
        """How many stand before it."""
        at = bisect_left(self.items, (case.rank, case.number))
        assert self.items[at][2] is case
        return at


class Need:
    """``staffed``: agents signed in who could serve it; ``active``: those of them who are READY, busy or not."""

    __slots__ = ("_compact_at", "_idle", "active", "anchor", "select", "skills", "slot", "staffed", "waiting")

    def __init__(self, slot: Slot, skills: Skills, select: Select) -> None:
        self.slot = slot
        self.skills = skills
        self.select = select
        self.anchor = min(skills, default="")  # the skill under which it is found
        self.waiting = Line()
        self.staffed = 0
        self.active = 0
        self._idle: list[tuple[float, float, int, int, Desk]] = []
        self._compact_at = _SLACK

    def serves(self, skills: Skills) -> bool:
        return all(skills.get(name, 0) >= level for name, level in self.skills.items())

    def add_idle(self, desk: Desk) -> None:
        """The desk is free; the entry is void as soon as anything about the desk changes (its stamp)."""
        load = desk.load.get(self.slot, 0)
        first = load if self.select is Select.LONGEST_IDLE else load - self._skill_of(desk)
        heappush(self._idle, (first, desk.idle_since, desk.number, desk.stamp, desk))
        if len(self._idle) > self._compact_at:
            self._idle = [entry for entry in self._idle if self._holds(entry)]
            heapify(self._idle)
            self._compact_at = 2 * len(self._idle) + _SLACK

    def best_idle(self) -> Desk | None:
        while self._idle:
            if self._holds(self._idle[0]):
                return self._idle[0][4]
            heappop(self._idle)
        return None

    def _holds(self, entry: tuple[float, float, int, int, Desk]) -> bool:
        return entry[3] == entry[4].stamp and entry[4].open(self.slot)

    def _skill_of(self, desk: Desk) -> int:
        return sum(desk.profile.skills.get(name, 0) for name in self.skills) * 100


class Needs:
    """All needs, found by what is asked and by who serves."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[Slot, Select, frozenset[tuple[str, int]]], Need] = {}
        self._by_anchor: dict[tuple[Slot, str], list[Need]] = {}
        self._desks: dict[str, dict[str, Desk]] = {"": {}}  # skill -> desks signed in that have it

    def get(self, slot: Slot, skills: Skills, select: Select) -> Need:
        key = (slot, select, frozenset(skills.items()))
        need = self._by_key.get(key)
        return self._make(key) if need is None else need

    def staff(self, desk: Desk) -> None:
        """The desk signs in, or comes with another profile (after `unstaff`)."""
        skills = desk.profile.skills
        for name in ("", *skills):
            self._desks.setdefault(name, {})[desk.agent] = desk
        for slot, most in desk.profile.capacity.items():
            if most > 0:
                anchored = (self._by_anchor.get((slot, name), ()) for name in ("", *skills))
                desk.needs[slot] = [need for needs in anchored for need in needs if need.serves(skills)]
        for need in desk.all_needs():
            need.staffed += 1
            need.active += desk.ready

    def unstaff(self, desk: Desk) -> None:
        for need in desk.all_needs():
            need.staffed -= 1
            need.active -= desk.ready
        for name in ("", *desk.profile.skills):
            self._desks[name].pop(desk.agent, None)
        desk.needs.clear()

    def _make(self, key: tuple[Slot, Select, frozenset[tuple[str, int]]]) -> Need:
        if len(self._by_key) >= KEPT:
            self._forget_unused()
        slot, select, skills = key
        need = self._by_key[key] = Need(slot, dict(sorted(skills)), select)
        self._by_anchor.setdefault((slot, need.anchor), []).append(need)
        for desk in self._desks.get(need.anchor, {}).values():
            if desk.profile.capacity.get(slot, 0) > 0 and need.serves(desk.profile.skills):
                desk.needs.setdefault(slot, []).append(need)
                need.staffed += 1
                need.active += desk.ready
                if desk.open(slot):
                    need.add_idle(desk)
        return need

    def _forget_unused(self) -> None:
        unused = {id(need) for need in self._by_key.values() if not need.waiting}
        self._by_key = {key: need for key, need in self._by_key.items() if id(need) not in unused}
        for anchored in self._by_anchor.values():
            anchored[:] = [need for need in anchored if id(need) not in unused]
        for desk in self._desks[""].values():
            for needs in desk.needs.values():
                needs[:] = [need for need in needs if id(need) not in unused]
