"""One repetition: fill the platform with calls, break it, mend it, and look from outside at what became of them."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from scripts.faults.canary import GONE, Canary, Client
from scripts.faults.faults import Fault
from scripts.faults.house import Platform
from scripts.faults.people import HAS
from scripts.faults.processes import until
from scripts.faults.site import AT, BYE, LOOK_UP, START, WRITE
from scripts.faults.switches import alive, channels
from scripts.faults.verdict import (
    BRIDGED,
    CALLS,
    CHAT,
    CONFERENCE,
    FAX,
    HELD,
    INTERRUPTED,
    MENU,
    QUEUED,
    RINGING,
    TALK,
    Call,
    Seen,
)  # fmt: skip
from scripts.faults.watch import Notice

SHARES = {MENU: 0.6, QUEUED: 0.15, BRIDGED: 0.15, RINGING: 0.1}
ONE_EACH = (TALK, HELD, CONFERENCE, FAX, CHAT)
FREE_S = 5.0  # an agent has nothing at hand any more when its channel has been gone for so long
FILL_S, RECOVER_S, RECORD_S = 60.0, 60.0, 30.0
SETTLE_S = 0.5  # what follows from the fault at once has followed, and been told
OWNER_S = 10.0  # DESIGN: no channel is without an owner for longer
SLACK = 4  # threads and descriptors that come and go


def shares(calls: int) -> dict[str, int]:
    """How many callers of each kind: one at least, two in a menu (one of them is the canary). Those with agents, the
    fax and the chat come on top."""
    counts = {kind: max(1, round(calls * SHARES[kind])) for kind in (QUEUED, BRIDGED, RINGING)}
    return {MENU: max(2, calls - sum(counts.values())), **counts, **dict.fromkeys(ONE_EACH, 1)}


class Round:
    """``usual``: threads and descriptors of an idle engine; empty: not looked at. ``tamper`` is called between fault
    and look, with the calls: a test takes one away there."""

    def __init__(
        self, house: Platform, fault: Fault, chance: random.Random, usual: dict[str, int],
        tamper: Callable[[Platform, dict[str, str]], None] | None = None, owner_s: float = OWNER_S,
    ) -> None:  # fmt: skip
        self._owner_s = owner_s
        self._house, self._fault, self._chance, self._usual, self._tamper = house, fault, chance, usual, tamper
        self._kinds: dict[str, str] = {}  # call id -> kind
        self._notes: list[str] = []

    def run(self) -> Seen:
        house, fault = self._house, self._fault
        fault.prepare(house)
        self._fill()
        self._hit = {uuid for uuid, kind in self._kinds.items() if kind != CHAT and fault.hits(house, uuid)}
        menus = [uuid for uuid, kind in self._kinds.items() if kind == MENU]
        self._chance.shuffle(menus)
        menus.sort(key=lambda uuid: uuid not in self._hit)  # in the order of chance otherwise
        canary_uuid, *others = menus
        self._chance.shuffle(others)
        for uuid in others[::3]:  # anywhere between key and answer when the fault comes
            self._press(uuid, WRITE)
            time.sleep(self._chance.uniform(0, 0.03))
        before, first = house.switch.tap, len(house.switch.tap.events)
        notice = Notice(house.people.desks[TALK]) if fault.noticed else None
        fault.inject(house)
        canary, client = Canary(house, canary_uuid), Client(house.people.desks[TALK])
        newcomer = self._during(others[1::3], fault.hold_s)
        fault.heal(house)
        healed = time.monotonic()
        recovered_s = self._recovered(canary, client, healed)
        if self._tamper is not None:
            self._tamper(house, dict(self._kinds))
        time.sleep(SETTLE_S)
        if notice is not None:
            self._notes.append(notice.told())
        if fault.expected.may_lose and self._kinds.keys() - self._hit <= {house.people.chat.name}:
            self._notes.append(self._freed(healed))
        try:
            return self._look(first if house.switch.tap is before else 0, recovered_s, newcomer)
        finally:
            fault.after(house)

    # ---- before and during -------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        counts = shares(self._house.plan.calls)
        self._house.people.ready()
        order = [kind for kind in CALLS if kind != FAX]
        self._chance.shuffle(order)
        order.append(FAX)  # it fails by itself after half a minute
        for number, kind in enumerate(order):
            for uuid in self._house.switch.dial(kind, counts[kind], self._chance.randrange(10_000) * 1000 + number):
                self._kinds[uuid] = kind
        self._kinds[self._house.people.chat.begin()] = CHAT
        if len(self._kinds) < sum(counts.values()):
            raise RuntimeError(
                f"only {len(self._kinds)} of {sum(counts.values())} callers came in: {self._house.told()[-1500:]}"
            )
        try:
            until(lambda: not self._elsewhere(), "every caller is where the fault is to find them", FILL_S, 0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}, but: {', '.join(self._elsewhere())}") from None
        until(lambda: len(self._bridged()) >= counts[BRIDGED], "the talks are bridged", FILL_S)
        self._house.people.in_place()
        self._place, self._faxes_over = self._queued(), self._faxes()

    def _elsewhere(self) -> list[str]:
        """Who is not in place, and where instead."""
        rows = self._house.ask("SELECT call_id, node FROM node_visits WHERE left_at IS NULL")
        at = {call: node for call, node in rows if call in self._kinds}
        return [
            f"{call} ({kind}) at {at.get(call, 'nothing')}"
            for call, kind in self._kinds.items()
            if at.get(call) not in (AT[kind], kind == FAX and AT[MENU])
        ]

    def _queued(self) -> Counter[str]:
        """How many stays in queues each caller has on record."""
        rows = self._house.ask("SELECT call_id, count(*) FROM queue_entries GROUP BY call_id")
        return Counter(dict(rows))

    def _faxes(self) -> set[str]:
        """Calls whose fax is over."""
        query = f"SELECT call_id FROM node_visits WHERE node = '{AT[FAX]}' AND left_at IS NOT NULL"
        return {str(call) for (call,) in self._house.ask(query)}

    def _freed(self, healed: float) -> str:
        """No agent has anything at hand after all calls are lost: how long after the switch was there again."""
        desks = self._house.people.desks.values()
        with contextlib.suppress(TimeoutError):
            until(lambda: all(desk.free(healed) for desk in desks), "agents are free", self._owner_s)
            return f"agents free {time.monotonic() - healed:.1f} s after the switch was back"
        return "agents are not free"

    def _bridged(self) -> set[str]:
        events = list(self._house.switch.tap.events)
        return {
            uuid for uuid, kind in self._kinds.items()
            if kind == BRIDGED and any(e.name == "CHANNEL_BRIDGE" and _about(e, uuid) for e in events)
        }  # fmt: skip

    def _press(self, uuid: str, keys: str) -> None:
        with contextlib.suppress(*GONE):
            self._house.switch.tap.api(f"uuid_recv_dtmf {uuid} {keys}")

    def _during(self, asking: Iterable[str], hold_s: float) -> str:
        """While the fault lasts: some callers ask the back office, and somebody calls. What that one met."""
        end = time.monotonic() + hold_s
        for uuid in asking:
            self._press(uuid, LOOK_UP)
        newcomer: list[str] = []
        if hold_s >= 1:
            time.sleep(hold_s / 2)
            with contextlib.suppress(*GONE, RuntimeError):
                newcomer = self._house.switch.dial(MENU, 1, 99_999_000, 2.0)
        time.sleep(max(0.0, end - time.monotonic()))
        return self._met(newcomer[0]) if newcomer else ("refused" if hold_s >= 1 else "")

    def _met(self, uuid: str) -> str:
        tap = self._house.switch.tap
        with contextlib.suppress(*GONE):
            if tap.api(f"uuid_getvar {uuid} cti_emergency") == "true":
                return "to emergency"
            return "served" if tap.of(uuid, "PLAYBACK_START") else "waiting"
        return "refused"

    def _recovered(self, canary: Canary, client: Client, healed: float) -> float | None:
        """Seconds from the fault until the caller in the menu is answered, and clients are."""

        def whole() -> bool:
            return client.served(healed) and (canary.answered_s is not None or self._beats_without(canary))

        with contextlib.suppress(TimeoutError):
            until(whole, "recovered", RECOVER_S)
        canary.stop()
        client.stop()
        if not client.served(healed):
            return None
        beats_s = time.monotonic() - canary.began if self._beats_without(canary) else None
        answered_s = canary.answered_s if canary.answered_s is not None else beats_s
        if client.gap_s is None or answered_s is None:
            return answered_s
        if answered_s < client.gap_s:
            self._notes.append(f"callers in menus after {answered_s:.1f} s")
        return max(answered_s, client.gap_s)

    def _beats_without(self, canary: Canary) -> bool:
        """The canary is lost, and the engine takes new calls."""
        try:
            return canary.uuid not in channels(self._house.switch.tap) and alive(self._house.switch.tap)
        except GONE:
            return False

    # ---- afterwards --------------------------------------------------------------------------------------------------

    def _look(self, first: int, recovered_s: float | None, newcomer: str) -> Seen:
        tap, others = self._house.switch.tap, tuple(self._fault.found(self._house))
        events = list(tap.events)[first:]
        there = self._channels() - {str(e.get("Unique-ID")) for e in events if e.name == "CHANNEL_HANGUP"}
        cut = {
            uuid for uuid, kind in self._kinds.items() if kind in (BRIDGED, TALK) and uuid in there
            and any(e.name == "CHANNEL_UNBRIDGE" and _about(e, uuid) for e in events)
        }  # fmt: skip
        there |= {self._house.people.chat.name} if self._house.people.chat.open() else set()
        where = {uuid: self._where(uuid, kind) for uuid, kind in self._kinds.items() if uuid in there}
        served = self._say_goodbye(there)
        left = self._nothing_left()
        if newcomer and self._fault.met and newcomer not in self._fault.met:
            others += (f"somebody new was {newcomer}",)
        agents = self._house.people.stuck(max(FREE_S, self._owner_s - OWNER_S))
        records, starts = self._on_record()
        calls = tuple(
            Call(
                uuid, kind, tuple(records.get(uuid, ())), gone=uuid not in there, cut=uuid in cut,
                served=uuid not in there or kind not in (MENU, CHAT) or uuid in served,
                begun_again=starts[uuid] > 1, where=where.get(uuid, ""), hit=uuid in self._hit,
            )
            for uuid, kind in self._kinds.items()
        )  # fmt: skip
        for uuid in left:
            self._kill(uuid)
        notes = (*self._notes, *(f"{self._kinds[uuid]} {told}" for uuid, told in where.items() if told))
        return Seen(
            calls, recovered_s, tuple(left), self._house.writes(), self._grown(), newcomer, notes, agents + others
        )

    def _where(self, uuid: str, kind: str) -> str:
        """Where it went on, if not where it was."""
        if kind == QUEUED:
            return "" if self._queued()[uuid] == self._place[uuid] else "queued anew"
        if kind == FAX:
            return "fails" if uuid in self._faxes() - self._faxes_over else ""
        if kind == CONFERENCE and self._application(uuid) != "conference":
            return INTERRUPTED
        return self._house.people.where(kind, time.monotonic(), self._owner_s) if kind in HAS else ""

    def _application(self, uuid: str) -> str:
        with contextlib.suppress(*GONE):
            return self._house.switch.tap.api(f"uuid_getvar {uuid} current_application").strip()
        return ""

    def _channels(self) -> set[str]:
        try:
            return channels(self._house.switch.tap)
        except GONE:
            return set()

    def _say_goodbye(self, there: set[str]) -> set[str]:
        """Callers in a menu ask for its end and have to get it; the others hang up. Those who got it."""
        menus = {uuid for uuid, kind in self._kinds.items() if kind == MENU and uuid in there}
        for uuid in menus:
            self._press(uuid, BYE)
        chat = self._house.people.chat
        answered = {chat.name} if chat.name in there and chat.writes(self._owner_s) else set()
        chat.end()
        with contextlib.suppress(TimeoutError):
            until(lambda: not menus & self._channels(), "the callers are served", self._owner_s, 0.2)
        late = menus & self._channels()
        for uuid in (there - menus - {chat.name}) | late:  # also whoever called meanwhile
            self._kill(uuid)
        return (menus - late) | answered

    def _kill(self, uuid: str) -> None:
        with contextlib.suppress(*GONE):
            self._house.switch.tap.api(f"uuid_kill {uuid}")

    def _nothing_left(self) -> list[str]:
        with contextlib.suppress(TimeoutError):
            until(lambda: not self._channels(), "all channels are gone", self._owner_s, 0.1)
        return sorted(self._channels())

    def _on_record(self) -> tuple[dict[str, list[str]], Counter[str]]:
        """Terminal causes of each call, and how often its flow began. Waits for the records."""
        found: dict[str, list[str]] = {}

        def whole() -> bool:
            found.clear()
            with contextlib.suppress(SQLAlchemyError):
                rows = self._house.ask("SELECT call_id, terminal_cause FROM call_records")
                collected = defaultdict(list)
                for call, cause in rows:
                    collected[call].append(cause)
                found.update(collected)
            return self._kinds.keys() <= found.keys()

        with contextlib.suppress(TimeoutError):
            until(whole, "all records are there", RECORD_S, 0.2)
        rows: list[tuple[str, int]] = []
        with contextlib.suppress(SQLAlchemyError):
            rows = self._house.ask(f"SELECT call_id, count(*) FROM node_visits WHERE node = '{START}' GROUP BY call_id")
        return found, Counter(dict(rows))

    def _grown(self) -> dict[str, int]:
        """Above ``usual``, once that has stopped shrinking."""
        if not self._usual:
            return {}

        def more() -> dict[str, int]:
            held = self._house.held()
            return {what: held[what] - self._usual.get(what, held[what]) - SLACK for what in held}

        with contextlib.suppress(TimeoutError):
            until(
                lambda: all(count <= 0 for count in more().values()),
                "threads and descriptors as before",
                self._owner_s,
                0.2,
            )
        return more()


def _about(event: Any, uuid: str) -> bool:
    get = event.get
    return uuid in {get("Unique-ID"), get("Other-Leg-Unique-ID"), get("Bridge-A-Unique-ID"), get("Bridge-B-Unique-ID")}
