"""Interval counts of KPIS: what happened in each queue, and how agents spent their time, in raw figures.

A reducer over facts. An entry belongs to the interval in which it was offered, whenever it ends; so a past interval
changes until its in_progress is 0. The store adds the same `Change`s up in the transaction that writes the facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cti.acd import outputs as o
from cti.acd.states import OfferState, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The N of answered_in_N and abandoned_in_N, seconds.
WITHIN_S = (5, 10, 15, 20, 30, 60)
INTERVAL_S = 900
#: An abandon within so many seconds is short (KPIS: part of abandoned, not held against the service level).
SHORT_S = 5.0

#: Of contacts handled, by what the agents gave them: ``disposition:<code>``; with none, `WITHOUT`.
DISPOSITION, WITHOUT = "disposition:", "without_disposition"

#: Every count of a queue; all sums, so that intervals and queues can be added.
QUEUE_COUNTS = (
    "offered",
    "answered",
    "abandoned",
    "short_abandoned",
    "flow_out",
    "callback",
    "lost",
    "ring_no_answer",
    "phone_down",
    "rejected",
    *(f"answered_in_{n}" for n in WITHIN_S),
    *(f"abandoned_in_{n}" for n in WITHIN_S),
    "wait_answered_s",
    "wait_abandoned_s",
    "handled",
    "talk_s",
    "hold_s",
    "work_s",
    "callbacks_answered",
    WITHOUT,
)
AGENT_COUNTS = (
    "offers",
    "accepted",
    "ring_no_answer",
    "phone_down",
    "rejected",
    "handled",
    "talk_s",
    "hold_s",
    "work_s",
    WITHOUT,
    "handling_s",
    "reserved_s",
    "ready_s",
    "not_ready_s",
)


@dataclass(frozen=True, slots=True)
class Change:
    """Add ``by`` to ``count`` of (``kind``, ``name``, ``medium``) in the interval that holds ``at``.

    ``kind``: queue or agent; ``name``: its id; ``medium`` empty where it makes no difference."""

    kind: str
    name: str
    medium: str
    at: float
    count: str
    by: float = 1


def changes(fact: o.Output, *, short_s: float = SHORT_S) -> Iterator[Change]:
    """What this fact adds to the counts; nothing for most. Contacts of no queue count for their agents alone."""
    return (change for change in _changes(fact, short_s) if change.name)


def _changes(fact: o.Output, short_s: float) -> Iterator[Change]:
    match fact:
        case o.EntryBegan(counted=True):
            yield Change("queue", fact.queue, fact.medium, fact.at, "offered")
        case o.EntryEnded(counted=True):
            yield from _ended(fact, short_s)
        case o.EntryEnded(outcome=Outcome.ANSWERED, medium="callback"):
            yield Change("queue", fact.queue, fact.medium, fact.began_at, "callbacks_answered")
        case o.OfferMade():
            yield Change("agent", fact.agent, fact.medium, fact.at, "offers")
        case o.OfferEnded():
            yield from _offer(fact)
        case o.Handled():
            for kind, name in (("queue", fact.queue), ("agent", fact.agent)):
                yield Change(kind, name, fact.medium, fact.at, "handled")
                for count in ("talk_s", "hold_s", "work_s"):
                    yield Change(kind, name, fact.medium, fact.at, count, getattr(fact, count))
        case o.TimeSpent():
            for at, seconds in split(fact.at - fact.seconds, fact.at):
                yield Change("agent", fact.agent, "", at, f"{fact.bucket}_s", seconds)


def dispositions(fact: o.Handled, disposition: str | None) -> Iterator[Change]:
    """What it adds that an agent gave a contact this disposition; so handled is the sum of these counts."""
    count = WITHOUT if disposition is None else f"{DISPOSITION}{disposition}"
    for kind, name in (("queue", fact.queue), ("agent", fact.agent)):
        yield Change(kind, name, fact.medium, fact.at, count)


def is_time(count: str) -> bool:
    """Whether it is a sum of seconds."""
    return count.endswith("_s") and not count.startswith(DISPOSITION)


def _ended(fact: o.EntryEnded, short_s: float) -> Iterator[Change]:
    def change(count: str, by: float = 1) -> Change:
        return Change("queue", fact.queue, fact.medium, fact.began_at, count, by)

    yield change(str(fact.outcome))
    if fact.outcome not in (Outcome.ANSWERED, Outcome.ABANDONED):
        return
    for seconds in WITHIN_S:
        if fact.wait_s <= seconds:
            yield change(f"{fact.outcome}_in_{seconds}")
    yield change(f"wait_{fact.outcome}_s", fact.wait_s)
    if fact.outcome is Outcome.ABANDONED and fact.wait_s <= short_s:
        yield change("short_abandoned")


def _offer(fact: o.OfferEnded) -> Iterator[Change]:
    count = {
        OfferState.ACCEPTED: "accepted",
        OfferState.TIMED_OUT: str(fact.reason),  # a phone that is down is nobody's fault
        OfferState.REJECTED: "rejected",
    }.get(fact.ending)
    if count is None:
        return
    yield Change("agent", fact.agent, fact.medium, fact.at, count)
    if count != "accepted":
        yield Change("queue", fact.queue, fact.medium, fact.at, count)


def split(begin: float, end: float) -> Iterator[tuple[float, float]]:
    """Time is counted in the intervals in which it was spent."""
    while begin < end:
        border = min(end, interval_of(begin) + INTERVAL_S)
        yield begin, border - begin
        begin = border


def interval_of(at: float, length_s: int = INTERVAL_S) -> int:
    """The beginning of the interval that holds ``at``, in the same clock."""
    return int(at // length_s) * length_s
