"""An hour of a large centre over the whole engine on the embedded switch: flows, floor, legs, store; on a clock that
runs as always while everything lasts ``1/factor`` as long. Agents are replaced in the middle of it.

What happened is kept three times, by three who know nothing of each other: the switch's events (who was bridged, who
hung up), the facts of the distribution, and what the store holds: rows and interval counts.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent

from cti.acd import Profile
from cti.acd import outputs as o
from cti.acd.kpis import in_progress, service_level
from cti.acd.states import Outcome
from cti.app import Application
from cti.config import load_settings
from cti.core.legs import Phone
from cti.runtime.floor.owner import FloorRefused
from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, PlatformDialplan, SwitchConfig, VirtualPhone
from cti.switch.embedded.event import Event

PASSWORD = "only-for-this-hour"
QUEUES = ("service", "sales", "fault")
HOUR_S, TALK_S, WORK_S, PATIENCE_S, ANSWER_S, SHIFT_S = 3600.0, 180.0, 15.0, 120.0, 3.0, 120.0
WITHIN_S = 5  # real seconds; the counts know 5, 10, 15, 20, 30, 60
OVER_S = 120.0
FLOW = """\
flow: {name}
start: agent
languages: {{default: en-US}}
nodes:
  agent: {{type: queue, queue: {name}, to: {{talked: bye, else: bye}}}}
  bye: {{type: end, outcome: done}}
"""
BUSY = "flow: busy\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end, outcome: busy}\n"
ENTRY = '  - {{name: {name}, medium: voice, called: "{number}", flow: {name}}}\n'
NUMBERS = {name: str(9001 + index) for index, name in enumerate(QUEUES)}
CONFIG = """\
data: data
flows: flows
switches:
  - {{name: fs, host: 127.0.0.1, port: {port}, kind: embedded, password: {password}, domain: cti.local}}
api: {{port: 0}}
reload: {{watch: false}}
limits: {{calls: 0, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
worker: {{drain_s: 0}}
queues:
{queues}
"""


@dataclass
class Found:
    """``seconds``: real ones. ``differences``: between counts and rows. ``level``: share answered within `WITHIN_S`."""

    contacts: int
    seconds: float
    cpu_s: float
    resident_kib: int
    late_s: float
    facts: Counter[str]
    by_switch: Counter[str]
    counts: Counter[str]
    in_progress: int
    level_of_counts: float | None
    level_of_facts: float
    wait_of_facts_s: float  # of the answered; counts are kept in whole milliseconds
    differences: list[Any]
    left: list[str]
    busiest: int = 0
    handled_once: bool = True

    @property
    def wrong(self) -> list[str]:
        """What does not agree; empty when all is well."""
        same = {name: self.counts[name] for name in ("answered", "abandoned", "flow_out", "lost")}
        checks = {
            "every contact was offered": self.counts["offered"] == self.contacts,
            "counts are the facts": same == {name: self.facts[name] for name in same},
            "answered are those whom the switch bridged": self.by_switch["bridged"] == self.counts["answered"],
            "waits are those of the facts": abs(self.counts["wait_answered_s"] - self.wait_of_facts_s)
            < 1e-3 * self.contacts,
            "nobody is in progress": self.in_progress == 0,
            "the service level is that of the facts": self.level_of_counts == self.level_of_facts,
            "counts are the rows": not self.differences,
            "nobody was handled twice": self.handled_once,
            "nothing is left": not self.left,
        }
        return [what for what, holds in checks.items() if not holds]


@dataclass
class Watch:
    """Hears the switch's bridges."""

    bridged: set[str] = field(default_factory=set)

    def wants(self, name: str, subclass: str) -> bool:
        return name == "CHANNEL_BRIDGE"

    def deliver(self, event: Event) -> None:
        self.bridged.update(filter(None, (event.get("Bridge-A-Unique-ID"), event.get("Bridge-B-Unique-ID"))))


class Hour:
    def __init__(self, folder: Path, *, agents: int, contacts: int, factor: float, seed: int = 7) -> None:
        self.agents, self.contacts, self.factor = agents, contacts, factor
        self.chance = random.Random(seed)
        self.watch, self.facts = Watch(), list[o.Output]()
        self._uuids: list[str] = []
        self._late_s = 0.0
        dialplan = PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=30)
        self.switch = EmbeddedSwitch(SwitchConfig(password=PASSWORD, domain="cti.local", dialplan=dialplan))
        self.switch.start()
        self.switch.core.bus.add(self.watch)
        self._make_phones(agents + agents // 2)
        self.application = self._engine(folder)

    def _make_phones(self, count: int) -> None:
        """Each answers after some seconds, and hangs up at the end of the talk."""
        chance = self.chance
        for number in range(count):
            after = self._short(chance.uniform(0.5, 2) * ANSWER_S)
            behaviour = PhoneBehaviour(answer_after=after, hangup_after=self._short(TALK_S))
            self.switch.core.directory.add([VirtualPhone(str(10_000 + number), behaviour)])

    def _engine(self, folder: Path) -> Application:
        (folder / "flows").mkdir()
        for name in QUEUES:
            (folder / "flows" / f"{name}.yaml").write_text(FLOW.format(name=name))
        (folder / "flows" / "busy.yaml").write_text(BUSY)
        entries = "".join(ENTRY.format(name=name, number=NUMBERS[name]) for name in QUEUES)
        (folder / "flows" / "entry.yaml").write_text("entries:\n" + entries)
        queue = f"{{skills: {{SKILL: 1}}, wrapup_s: {max(1.0, self._short(WORK_S)):g}, service_level_s: {WITHIN_S}}}"
        queues = "\n".join(f"  {name}: {queue.replace('SKILL', name)}" for name in QUEUES)
        file = folder / "cti.yaml"
        file.write_text(CONFIG.format(port=self.switch.port, password=PASSWORD, queues=queues))
        application = Application(load_settings(file), announce=lambda _text: None)
        application.floor.owner.listeners.append(self.facts.append)
        application.start()
        application.wait_until_up(20)
        return application

    def _short(self, seconds: float) -> float:
        return seconds / self.factor

    # ---- people ----------------------------------------------------------------------------------------------------

    def _sign_in(self, number: int) -> None:
        skills = {name: self.chance.randint(1, 5) for name in self.chance.sample(QUEUES, 2)}
        lines = self.application.floor.lines
        lines.sign_in(Profile(f"a{number}", skills), Phone(f"user/{10_000 + number}"))
        lines.set_ready(f"a{number}")

    def _go_home(self, number: int) -> None:
        """NOT_READY, and out when the last contact and its work are over."""
        agent, lines = f"a{number}", self.application.floor.lines
        lines.set_not_ready(agent, "shift_end")
        desks = self.application.floor.owner.acd.floor.desks
        while desks[agent].contacts:
            gevent.sleep(0.1)
        try:
            lines.sign_out(agent)
        except FloorRefused:
            logging.getLogger("hour").exception("%s stays", agent)

    def _shift(self) -> None:
        """Half of them go, and as many come, in two minutes."""
        half = self.agents // 2
        for number in range(half):
            gevent.spawn(self._go_home, number)
            self._sign_in(self.agents + number)
            gevent.sleep(self._short(SHIFT_S) / half)

    def _call(self, number: int) -> None:
        queue = self.chance.choice(("service", *QUEUES))
        caller = self.switch.call(f"138{number:08}", NUMBERS[queue])
        assert caller.channel is not None
        uuid = caller.channel.uuid
        self._uuids.append(uuid)
        gevent.sleep(self._short(self.chance.expovariate(1 / PATIENCE_S)))
        if uuid not in self.watch.bridged:
            caller.hangup()

    # ---- the hour --------------------------------------------------------------------------------------------------

    def run(self) -> Found:
        for number in range(self.agents):
            self._sign_in(number)
        began, cpu = time.time(), time.process_time()
        clock, busiest = time.monotonic(), 0
        shift = gevent.spawn_later(self._short(HOUR_S / 2), self._shift)
        for number in range(self.contacts):
            due = clock + self._short(HOUR_S) * number / self.contacts
            gevent.sleep(max(0.0, due - time.monotonic()))
            self._late_s = max(self._late_s, time.monotonic() - due)
            gevent.spawn(self._call, number)
            busiest = max(busiest, len(self.switch.core.channels))
        shift.join()
        floor, until = self.application.floor.owner.acd.floor, time.monotonic() + OVER_S
        while (self.switch.core.channels or floor.cases) and time.monotonic() < until:
            gevent.sleep(0.1)
        found = self._found(began, time.process_time() - cpu)
        found.busiest = busiest
        return found

    def _found(self, began: float, cpu_s: float) -> Found:
        store, floor = self.application.store, self.application.floor.owner.acd.floor
        left = [f"channel {uuid}" for uuid in self.switch.core.channels] + [f"contact {case}" for case in floor.cases]
        assert store.flush(60.0)
        since, until = (int(began) // 900 - 1) * 900, (int(time.time()) // 900 + 2) * 900
        whole: Counter[str] = Counter()
        for row in self.application.ground.store.reports.counts("queue", since, until):
            whole[row.what] += row.value  # type: ignore[assignment]
        ended = [fact for fact in self.facts if isinstance(fact, o.EntryEnded)]
        answered = [fact for fact in ended if fact.outcome is Outcome.ANSWERED]
        given_up = [fact for fact in ended if fact.outcome is Outcome.ABANDONED and fact.wait_s > 5]
        handled = Counter(fact.contact for fact in self.facts if isinstance(fact, o.Handled))
        return Found(
            contacts=self.contacts,
            seconds=time.time() - began,
            cpu_s=cpu_s,
            resident_kib=resident_kib(),
            late_s=self._late_s,
            facts=Counter(str(fact.outcome) for fact in ended),
            by_switch=Counter(bridged=len(self.watch.bridged & set(self._uuids))),
            counts=whole,
            in_progress=int(in_progress(whole)),
            level_of_counts=service_level(WITHIN_S).of(whole),
            level_of_facts=sum(fact.wait_s <= WITHIN_S for fact in answered) / (len(answered) + len(given_up)),
            wait_of_facts_s=sum(fact.wait_s for fact in answered),
            differences=list(self.application.ground.store.reports.verify(since, until)),
            left=left[:5],
            handled_once=set(handled.values()) == {1} and len(handled) == len(answered),
        )

    def close(self) -> None:
        self.application.let_go()
        self.switch.stop()


def resident_kib() -> int:
    """The most that this process has had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM in /proc/self/status")
