"""Talks whose legs nobody drives at present: the flow worker that did is gone, in a cluster.

They stand as they stood, as if an earlier engine had left them (`cti.runtime.floor.talks_back` has the table of what
becomes of them), until it is told who drives the legs now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cti.runtime.floor.left_talks import LeftTalk

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.ports import LegControl
    from cti.runtime.durable.body import Instant
    from cti.runtime.floor.callers import Callers
    from cti.runtime.floor.owner import FloorOwner
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talks import Talks
    from cti.runtime.floor.talks_back import TalksBack
    from cti.runtime.floor.talks_kept import TalksKept


class PuttingBack:
    """``parted``: told of each talk that is put back."""

    def __init__(
        self,
        owner: FloorOwner,
        talks: Talks,
        callers: Callers,
        kept: TalksKept,
        back: TalksBack,
        parted: Callable[[Talk], None],
    ) -> None:
        self._owner, self._talks, self._callers = owner, talks, callers
        self._kept, self._back, self._parted = kept, back, parted

    def put_back(self, theirs: Callable[[Talk], bool], now: Instant, within_s: float) -> set[str]:
        """Nobody can tell what becomes of these talks, for so long at most. The legs that whoever drives them next is
        asked for; those of an agent who was calling somebody are not among them unless the two talk."""
        self._kept.save()
        put = []
        for case in list(self._owner.acd.floor.cases.values()):
            talk = self._talks.find(case.contact)
            if talk is None or case.desk is None or not theirs(talk):
                continue
            left = LeftTalk(self._back, self._kept.body(case, now), 0.0, None)
            if not left.connected and (not talk.offer or talk.party.dial is not None):
                continue
            if left.connected and not left.talk["flow"] and talk.of is None:
                left.called = talk.party
            put.append(left)
            self._back.add(left)
            self._part(talk, left)
        self._back.settle_later(put, within_s)
        return {leg for left in put for leg in left.wanted}

    def moved(self, find: Callable[[str], LegControl | None]) -> None:
        """``find``: who drives now what was this switch's, by name; None: that is as it was."""
        for left in self._back.lefts():
            legs = find(left.talk["switch"])
            if legs is not None:
                self._move(left, legs)

    def moved_with(self, uuid: str, legs: LegControl) -> str:
        """This caller is there, and so is all that belongs to it. The agent's leg; empty: no talk is known."""
        main = self._back.left_at(uuid)
        if main is None:
            return ""
        for left in self._back.lefts():
            if main.contact in (left.contact, left.talk["of"]):
                self._move(left, legs)
        return str(main.talk["leg"])

    def _part(self, talk: Talk, left: LeftTalk) -> None:
        self._parted(talk)
        if talk.consult is not None and talk.consult.of is talk:
            self._talks.part(talk.consult, waits=False)
        self._talks.part(talk, waits=not left.connected and talk.of is None)
        if left.connected and left.talk["flow"]:
            self._callers.part(left.uuid)

    def _move(self, left: LeftTalk, legs: LegControl) -> None:
        if left.legs is legs:
            return
        left.legs, left.found = legs, {}
        left.talk["switch"] = str(getattr(legs, "name", ""))
        if left.called is not None:
            left.called = replace(left.called, legs=legs)
            self._talks.called_moved(left.uuid, legs)
        if left.talk["permanent"]:
            self._talks.move(left.talk["leg"], legs)
        self._back.ask(left)
