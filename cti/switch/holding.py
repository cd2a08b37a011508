"""Who holds a worker slot on a switch, and whether that still holds (DESIGN 3.6: fencing).

The switch knows no epoch, but the calls are there, so it is the arbiter. ``cti_alive_<k>`` is 1 while somebody renews
it and falls to 0 within `LIFE_S` of the last renewal; ``cti_holder_<k>`` names who that is. An engine holds the slot
for `LEASE_S` from the moment at which it *sent* a renewal that the switch has taken. Before each command it looks how
old that is, on a clock that goes on while the process or the machine sleeps (CLOCK_BOOTTIME): a process that was
stopped finds its lease over with the first command that it tries, drops its links, and must claim the slot again
before it may say anything. Whoever wants a slot waits until nobody is alive there, and is alive there by the claim.

What is left is one write that was on its way when the process was stopped: nothing can take that back.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from cti.switch.links.errors import LinkLost

log = logging.getLogger("cti.switch")

#: A sign of life, a claim or a heartbeat, is good for so long.
LIFE_S = 5
#: Shorter than that by more than the whole second in which the switch's scheduler looks.
LEASE_S = 3.5
#: Of ``cti_alive_<k>``: somebody holds the slot. With 2 another slot's engine moves its calls; new ones go elsewhere.
MOVING = "2"
LIVING = ("1", MOVING)
#: Of a holder's name, which stands in a global variable of the switch.
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,120}")


def boottime() -> float:
    """Seconds since the machine started, those in which it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def claim_end(alive: str) -> str:
    """The task group of the end of a claim, which the first heartbeat takes away. ``alive``: ``cti_alive_<k>``."""
    return f"{alive}_claim"


def named(answer: str) -> str:
    """The value of a global variable, as `global_getvar` answers; empty: there is none."""
    text = answer.strip()
    return "" if text.startswith("-ERR no reply") else text


class SlotHeld(LinkLost):
    """Another engine lives in this slot: nothing may be said to the switch in its name."""

    code = "slot-held"


class Fence:
    """``over``: is the lease too old to write? Not while nobody renews it (``armed``): a tool has no slot."""

    def __init__(self, clock: Callable[[], float] = boottime) -> None:
        self._clock = clock
        self._renewed = clock()
        self._asked: float | None = None  # since when a renewal is unanswered
        self.armed = False

    def now(self) -> float:
        return self._clock()

    def asked(self, at: float) -> None:
        """A renewal goes out."""
        if self._asked is None:
            self._asked = at

    def renewed(self, at: float) -> None:
        """``at``: when the renewal was sent, by `now`."""
        self._renewed = max(self._renewed, at)
        self._asked = None

    @property
    def unanswered_s(self) -> float:
        """How long the switch owes us an answer; 0: it does not. Our own lateness is not in it."""
        return self._clock() - self._asked if self._asked is not None else 0.0

    @property
    def over(self) -> bool:
        return self.armed and self._clock() - self._renewed > LEASE_S


@dataclass(frozen=True, slots=True)
class Holder:
    """``name``: of this run of an engine; ``before``: of runs that are known to be over, whose slot may be taken at
    once (the same data folder, whose lock we have). ``lost`` is told when somebody else has taken a slot of ours."""

    name: str
    before: frozenset[str] = frozenset()
    lost: Callable[[str], object] = lambda _by: None

    def __post_init__(self) -> None:
        assert NAME.fullmatch(self.name), self.name


class Claim:
    """A slot on one switch, claimed each time the links come up.

    Whoever claims one in which nobody lives changes the holder only if that is still the one that was found, and only
    then makes the slot a living one; so of several at once one has it, and one that was stopped meanwhile finds the
    slot taken before the next holder has given its first sign of life.
    """

    def __init__(self, slot: str, holder: Holder) -> None:
        self._alive, self.variable = f"cti_alive_{slot}", f"cti_holder_{slot}"
        self._end = claim_end(self._alive)
        self._slot, self._holder = slot, holder
        self._had = False

    def take(self, ask: Callable[..., str]) -> None:
        """``ask(command, argument, …)`` gives the switch's answer. Raises SlotHeld while another engine lives there, or
        takes it in this moment. From here on the slot lives for `LIFE_S`, without new calls if nobody lived there."""
        found, alive = self._found(ask)
        if found in ("", self._holder.name, *self._holder.before) and alive in LIVING:
            self._renew(ask)
            if self._found(ask) == (found, alive):
                ask("global_setvar", self._now_held_by(self._holder.name, found))
                self._confirm(ask)
                return
            found, alive = self._found(ask)
        if alive in LIVING:
            self._refuse(found)
        ask("global_setvar", self._now_held_by(self._holder.name, found))
        holder, alive = self._found(ask)
        if holder == self._holder.name and alive in LIVING:  # somebody else had it before us
            ask("global_setvar", self._now_held_by(found, holder))
            self._refuse(found)
        if holder == self._holder.name:
            self._renew(ask)
            ask("global_setvar", f"{self._alive}={MOVING}")
        self._confirm(ask)
        if found not in ("", self._holder.name):
            log.warning("worker slot %s is taken over from %s", self._slot, found[:120])

    def _found(self, ask: Callable[..., str]) -> tuple[str, str]:
        """Holder and state, in this order: the state is set after the holder."""
        return named(ask("global_getvar", self.variable)), named(ask("global_getvar", self._alive))

    def _now_held_by(self, name: str, before: str) -> str:
        """For `global_setvar`, which does nothing where there is another value than ``before``; empty: no matter."""
        return f"{self.variable}={name}={before}" if before else f"{self.variable}={name}"

    def _renew(self, ask: Callable[..., str]) -> None:
        """Earlier ends fall away only after there is a later one."""
        ask("sched_del", self._end)
        ask("sched_api", f"+{LIFE_S}", self._end, "global_setvar", f"{self._alive}=0")
        for turn in range(2):
            ask("sched_del", f"{self._alive}_{turn}")

    def _confirm(self, ask: Callable[..., str]) -> None:
        holder, alive = self._found(ask)
        if holder != self._holder.name or alive not in LIVING:
            self._refuse(holder)
        self._had = True

    def _refuse(self, found: str) -> NoReturn:
        self.refused(found)
        raise SlotHeld(
            f"worker slot {self._slot} is held by {found[:120]}",
            remedy="give this engine another `worker.slot`, or start it with --standby",
        )

    def seen(self, found: str) -> None:
        """What the switch answered who holds the slot, after a renewal."""
        if named(found) != self._holder.name:
            self.refused(named(found))

    def refused(self, found: str) -> None:
        if self._had:
            self._had = False
            log.error("worker slot %s was taken over by %s: this engine steps down", self._slot, found[:120])
            self._holder.lost(found[:120])
