"""How long a caller may stay of whom nothing comes.

Calls that only stay, to a number that the called side pays for, earn the carriers on the way a fee by the minute
(toll-free traffic pumping). A person presses a key or says something now and then; where nothing is to be expected, in
a queue, in a talk, while something is recorded, the time stands still. A single announcement that is longer than the
limit is heard to its end, and the caller has a moment to answer; four times the limit is the end of that, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from cti.core import commands as cmd
from cti.core import events as ev

#: Types of nodes in which a caller is with people, waits for them, or speaks to a recording or a machine.
WITH_OTHERS = frozenset({"queue", "transfer", "voicemail", "recording", "fax", "video"})
#: What only a caller can have caused.
SIGNS = (ev.DigitPressed, ev.Heard, ev.TextReceived, ev.QueueConnected)
#: To answer after an announcement during which the time was over; and the outer bound, in limits.
ANSWER_S, MOST = 30.0, 4.0
#: The reference of its timer among those of the run, which count from 1.
TIMER = -1


@dataclass(slots=True)
class SilentStay:
    """``limit_s`` 0: no limit. ``since``: monotonic, of the last sign; ``paused``: time stands still."""

    limit_s: float
    since: float
    paused: bool = False
    playing: int | None = None  # what plays, and since when
    began: float = 0.0
    until: float = 0.0  # the end of that moment

    def did(self, command: object, now: float) -> None:
        if isinstance(command, cmd.Play):
            self.playing, self.began = command.ref, now

    def entered(self, node_type: str, now: float) -> None:
        with_others = node_type in WITH_OTHERS
        if self.paused and not with_others:
            self.since = now
        self.paused = with_others

    def heard(self, event: object, now: float) -> None:
        if isinstance(event, SIGNS) and (not isinstance(event, ev.Heard) or event.text):
            self.since = now
        if isinstance(event, ev.PlayEnded) and event.ref == self.playing:
            if self._long(now):
                self.until = now + ANSWER_S
            self.playing = None

    def left_s(self, now: float) -> float:
        """Until it is too long; 0 or less: it is. While time stands still, all of it."""
        if self.paused:
            return self.limit_s
        until = max(self.since + self.limit_s, now + ANSWER_S if self._long(now) else self.until)
        return min(until, self.since + MOST * self.limit_s) - now

    def _long(self, now: float) -> bool:
        """Does something play since before the time was over?"""
        over = self.since + self.limit_s
        return self.playing is not None and self.began < over <= now
