"""One run: an engine, a switch, callers with scripts, faults, and what is found wrong afterwards."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from cti.runtime.library import NO_FLOWS
from cti.switch.embedded import PhoneBehaviour, PlatformDialplan, SwitchConfig, VirtualCaller
from cti.switch.embedded.core import Core
from cti.switch.embedded.gevent_clock import GeventClock
from cti.switch.embedded.script import HangUp, Item, Keys, Quiet, Wait

from .database import Database
from .engines import Engines
from .network import Network

if TYPE_CHECKING:
    from cti.switch.embedded.event import Event

    from .virtual_time import VirtualTime

FLOWS = Path(__file__).parent.parent / "runtime" / "flows"
NUMBERS = {f"9{at:02}": flow.stem for at, flow in enumerate(sorted(FLOWS.glob("*.yaml"))) if flow.stem not in NO_FLOWS}
#: What callers dial: menus, digits, a queue, a dialled number.
DIALLED = tuple(number for number, flow in NUMBERS.items() if flow in ("menu", "collect", "queue", "helpdesk", "out"))
PHONES = ("1001", "1002", "1003")
CALLING_S, PATIENCE_S, SETTLING_S = 90.0, 30.0, 20.0
LOOK_S, SEEN_S = 0.25, 1.0
CONFIG = f"""\
data: data
flows: {FLOWS}
switches:
  - {{name: fs, host: 127.0.0.1, port: 8021, kind: embedded, password: simulated, domain: cti.local}}
api: {{port: 0}}
reload: {{watch: false}}
limits: {{per_caller: 0, per_second: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
dialing: {{trunks: [carrier, spare], allowed: ["86"], platforms: {{old: {{trunk: oldpbx}}}}}}
queues:
  service: {{agents: [1001, 1002, 1003], ring_s: 5, rest_s: 1}}
  deserted: {{skills: {{nobody: 1}}}}
  desk: {{ring_s: 2}}
  second: {{ring_s: 2}}
"""


class World:
    """``image``: a database that an engine has begun with. ``faults``: what breaks on the way. `run` gives what is
    wrong, one line each; ``digest`` is of the trace."""

    def __init__(
        self, folder: Path, time: VirtualTime, *, image: bytes = b"", calls: int = 50, faults: bool = True
    ) -> None:
        self.folder, self.time, self.calls, self.faults = folder, time, calls, faults
        self.chance = time.chance
        self.trace: list[str] = []
        self.callers: list[VirtualCaller] = []
        self._served: list[tuple[float, float]] = []  # from, to
        gateways = {"carrier": True, "spare": True, "oldpbx": True}
        plan = PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=30)
        self.core = Core(
            SwitchConfig(
                password="simulated",
                domain="cti.local",
                dialplan=plan,
                gateways=gateways,
                heartbeat_s=20.0,
                seed=self.chance.getrandbits(32),
            ),
            clock := GeventClock(),
        )
        clock.start()
        self.core.bus.add(self)
        self.network = Network(self.core, self.chance, time.stopped)
        (folder / "cti.yaml").write_text(CONFIG, encoding="utf-8")
        self.database = Database(image)
        self.engines = Engines(folder, self.database, self.network, NUMBERS, time)

    # ---- a witness of the switch's events: the trace ---------------------------------------------------------------

    def wants(self, name: str, subclass: str) -> bool:
        return name.startswith("CHANNEL_") or name == "DTMF"

    def deliver(self, event: Event) -> None:
        said = [event.get(name) for name in ("Unique-ID", "Application", "DTMF-Digit", "Hangup-Cause")]
        self.trace.append(f"{self.time.now:.6f} {event.name} {' '.join(word or '-' for word in said)}")

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    @property
    def _met(self) -> set[str]:
        """Calls that an engine could see for a second: who comes and goes while nobody is there has no record."""
        came: dict[str, float] = {}
        found = set()
        for line in self.trace:
            at, name, uuid, *_ = line.split()
            if name == "CHANNEL_PARK":
                came.setdefault(uuid, float(at))
            elif name == "CHANNEL_DESTROY" and uuid in came:
                seen = (min(float(at), to) - max(came[uuid], since) for since, to in self._served)
                if max(seen, default=0.0) > SEEN_S:
                    found.add(uuid)
        return found

    def _watch(self) -> None:
        """When the engine had its links."""
        while True:
            if self.engines.up:
                since, last = self._served[-1] if self._served else (0.0, 0.0)
                if self.time.now - last <= 2 * LOOK_S:
                    self._served[-1] = since, self.time.now
                else:
                    self._served.append((self.time.now, self.time.now))
            gevent.sleep(LOOK_S)

    # ---- life ------------------------------------------------------------------------------------------------------

    def run(self) -> list[str]:
        gevent.spawn(self._watch)
        self.engines.start()
        self.engines.application.wait_until_up(60.0)
        for phone in PHONES:
            self.core.directory.phones[phone].behaviour = self._phone()
        later = self.chance.uniform
        started: list[Any] = [gevent.spawn_later(later(0, CALLING_S), self._call, at) for at in range(self.calls)]
        if self.faults:
            started.append(gevent.spawn(self._break))
        gevent.joinall(started)
        gevent.sleep(PATIENCE_S)
        for caller in self.callers:
            if not caller.cause:
                caller.hangup()
        gevent.sleep(SETTLING_S)
        return self._wrong()

    def _break(self) -> None:
        """One fault after the other: the link is cut, the engine is killed and started again, or hands over."""
        until = self.time.now + CALLING_S
        while True:
            gevent.sleep(self.chance.uniform(1.0, 30.0))
            if self.time.now > until:
                return
            fault = self.chance.choice((self.network.cut, self._kill, self.engines.hand_over))
            self.trace.append(f"{self.time.now:.6f} FAULT {fault.__name__}")
            fault()

    def _kill(self) -> None:
        self.engines.kill()
        gevent.sleep(self.chance.choice((0.0, self.chance.uniform(0.1, 8.0))))
        self.engines.again()

    def _phone(self) -> PhoneBehaviour:
        draw = self.chance.random()
        if draw < 0.2:
            return PhoneBehaviour(answer_after=None)
        if draw < 0.4:
            return PhoneBehaviour(refuse="CALL_REJECTED", refuse_after=self.chance.uniform(0, 3))
        return PhoneBehaviour(answer_after=self.chance.uniform(0, 4), hangup_after=self.chance.uniform(0.01, 20))

    def _call(self, at: int) -> None:
        hangs_up = self.chance.uniform(0, 60) if self.chance.random() < 0.5 else None
        caller = VirtualCaller(f"138{at:08}", self.chance.choice(DIALLED), "", self._script(), False, hangs_up, 2.0)
        self.callers.append(caller)
        caller.place(self.core)

    def _script(self) -> list[Item]:
        def keys() -> Item:
            return Keys("".join(self.chance.choices("0123456789*#", k=self.chance.randint(1, 12))), 0.1)

        def wait() -> Item:
            return Wait(self.chance.uniform(0, 10))

        made = [self.chance.choice((keys, wait, Quiet))() for _ in range(self.chance.randint(0, 8))]
        return [*made, HangUp()] if self.chance.random() < 0.5 else made

    # ---- the end ---------------------------------------------------------------------------------------------------

    def _wrong(self) -> list[str]:
        application = self.engines.application
        engine, store = application.engine, application.store
        left: dict[str, Any] = {
            "channels without an owner": self.core.channels,
            "calls the engine still has": engine._actors,
            "legs the driver still has": application.switches_by_name["fs"].legs,
        }
        wrong = [f"{what}: {sorted(map(str, found))}" for what, found in left.items() if found]
        if not engine._services.queues.idle():
            wrong.append("a caller or an agent is held by a queue")
        if not store.flush(60.0):
            wrong.append("the store does not write")
        for uuid in sorted(self._met & self._inbound):
            found = store.find_call(uuid)
            if found is None or found.call.ended_at is None:
                wrong.append(f"no terminal record of {uuid}")
        return wrong

    @property
    def _inbound(self) -> set[str]:
        return {str(caller.channel.uuid) for caller in self.callers if caller.channel is not None}
