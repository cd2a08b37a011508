"""A whole platform on the embedded switch, with ways to look at it and to break it. Real sockets on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from gevent.event import Event as Flag
from gevent.server import StreamServer

import cti.runtime.reload.start as start_module
from cti.app import Application
from cti.config import Settings, WorkerSettings, load_settings
from cti.core.events import LookupEnded
from cti.core.records import CallDetail
from cti.runtime.actor import CallActor
from cti.runtime.library import NO_FLOWS
from cti.runtime.reload.job import Job
from cti.runtime.reload.judge import Verdict, judge
from cti.switch.driver import FreeSwitch
from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, PlatformDialplan, SwitchConfig, VirtualCaller
from cti.switch.embedded.caller import Item
from cti.switch.embedded.event import Event
from tests import told
from tests.runtime import leftovers
from tests.runtime.apart import part
from tests.store.template import copy_database

FLOWS = Path(__file__).parent / "flows"
DEADLINE_S = 30.0  # for a loaded machine; nothing waits for its end
LOOK_S = 0.02
PASSWORD = "only-for-tests"
CONFIG = """\
data: data
flows: {flows}
switches:
  - {{name: fs, host: 127.0.0.1, port: {port}, kind: embedded, password: {password}, domain: cti.local}}
api: {{port: 0}}
reload: {{watch: false}}
limits:
  calls: {calls}
  per_caller: {per_caller}
  per_second: {per_second}
  silent_s: {silent_s}
  overload: {{cpu_pct: 0, late_ms: 0}}  # switch, callers and engine are one process, and others run beside it
dialing:
  {{trunks: [carrier, spare], allowed: ["86"], denied: ["86900"], platforms: {{old: {{trunk: oldpbx}}}}}}
callbacks: {{pause_s: 0.2, ring_s: 5}}
webhooks: {{loopback: true}}
queues:
  service: {{agents: [1001], limit: 2, ring_s: 2, rest_s: 0.5}}
  deserted: {{skills: {{nobody: 1}}}}
  desk:
    wrapup_s: 30
    ring_s: 2
    record: true
    dispositions: {{sold: Sold, handed_over: Handed over, transferred: Transferred}}
  second: {{ring_s: 2}}
"""
#: The flow that a number meets. Every flow has one.
NUMBERS = {
    flow.stem: f"9{index:02}" for index, flow in enumerate(sorted(FLOWS.glob("*.yaml"))) if flow.stem not in NO_FLOWS
}

_judged: dict[str, Verdict] = {}


def _judge_once(job: Job, *how: Any) -> Verdict:
    """The flows of these tests do not change, and to judge them is most of what an engine does as it begins."""
    if Path(job.folder) != FLOWS:
        return judge(job, *how)
    known = repr(job)
    if known not in _judged:
        _judged[known] = judge(job, *how)
    found = _judged[known]
    return Verdict(found.checked, dict(found.plans), dict(found.canaries))


vars(start_module)["judge"] = _judge_once


@dataclass
class Limits:
    calls: int = 500
    per_caller: int = 0
    per_second: int = 0
    silent_s: float = 0.0


@dataclass
class ScriptedLookups:
    """Stands before the real look-ups: a test may put another answer, or none, in their place."""

    real: Any
    instead: Callable[[float], LookupEnded] | None = None
    asked: int = 0

    def ask(self, source: str, arguments: Any, deadline_s: float) -> LookupEnded:
        self.asked += 1
        if self.instead is not None:
            return self.instead(deadline_s)
        found: LookupEnded = self.real.ask(source, arguments, deadline_s)
        return found


@dataclass
class Witness:
    """Sees every event of the switch."""

    seen: list[Event] = field(default_factory=list)
    changed: Flag = field(default_factory=Flag)

    def wants(self, name: str, subclass: str) -> bool:
        return True

    def deliver(self, event: Event) -> None:
        self.seen.append(event)
        self.changed.set()


class Platform:
    def __init__(
        self,
        folder: Path,
        *,
        limits: Limits | None = None,
        guard_s: int = 30,
        drain_s: float = 0.0,
        apart: bool = False,
    ) -> None:
        """``apart``: calls and their distribution know each other over a bus only; with ``led`` False nobody leads from
        the next engine's start on, until `lead` is called."""
        self._apart, self.led = apart, True
        self.folder, self.guard_s, self.drain_s = folder, guard_s, drain_s
        self.limits = limits or Limits()
        self.witness = Witness()
        self.callers: list[VirtualCaller] = []
        self.processes: list[subprocess.Popen[bytes]] = []  # engines of their own; what a failed test leaves is ended
        self.switch = self._new_switch(0)
        data = folder / "data"
        data.mkdir()
        copy_database(data)
        self._new_engine()

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _new_switch(self, port: int) -> EmbeddedSwitch:
        dialplan = PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=self.guard_s)
        config = SwitchConfig(
            password=PASSWORD, port=port, domain="cti.local", dialplan=dialplan,
            gateways={"carrier": True, "spare": True, "oldpbx": True}, heartbeat_s=2.0,
        )  # fmt: skip
        switch = EmbeddedSwitch(config)
        switch.start()
        switch.core.bus.add(self.witness)
        return switch

    def settings(self) -> Settings:
        file = self.folder / "cti.yaml"
        text = CONFIG.format(flows=FLOWS, port=self.switch.port, password=PASSWORD, **vars(self.limits))
        file.write_text(text, encoding="utf-8")
        # Past the bounds of the file: a test does not wait six seconds for a guard.
        worker = WorkerSettings.model_construct(slot=0, guard_s=self.guard_s, drain_s=self.drain_s)
        return load_settings(file).model_copy(update={"worker": worker})

    def _new_engine(self, before_links: Callable[[], object] = lambda: None) -> None:
        direct = {number: flow for flow, number in NUMBERS.items()}
        application = Application(self.settings(), direct=direct)
        services = application.engine._services
        self.lookups = ScriptedLookups(services.lookups._source)
        services.lookups._source = self.lookups
        told.watch(application.floor.hub)
        self.application = application
        if self._apart:
            self.hub, self.lead = part(application)
            if self.led:
                self.lead()
        before_links()
        application.start()
        application.wait_until_up(DEADLINE_S)

    @property
    def driver(self) -> FreeSwitch:
        return self.application.switches_by_name["fs"]

    # ---- people ----------------------------------------------------------------------------------------------------

    def call(self, flow: str, *script: Item, number: str = "13800000000", name: str = "", **how: Any) -> VirtualCaller:
        """Somebody dials the number of ``flow``, and does what the script says."""
        called = NUMBERS.get(flow, flow)
        caller = self.switch.call(number, called, name=name, script=script, **how)
        self.callers.append(caller)
        return caller

    def phone(self, extension: str, **behaviour: Any) -> None:
        self.switch.core.directory.phones[extension].behaviour = PhoneBehaviour(**behaviour)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def until(self, true: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
        """What ``true`` gives, as soon as it gives something. Looks again at every event, and now and then."""
        deadline = monotonic() + timeout_s
        while not (found := true()):
            if monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s:g} s: {what}")
            self.witness.changed.clear()
            self.witness.changed.wait(LOOK_S)
        return found

    def heard(self, caller: VirtualCaller, text: str, timeout_s: float = DEADLINE_S) -> None:
        def there() -> bool:
            return any(text in heard.text for heard in caller.log)

        self.until(there, f"'{text}' among {[heard.text for heard in caller.log]}", timeout_s)

    def spoken(self, caller: VirtualCaller) -> list[str]:
        return [heard.text for heard in caller.log if heard.kind == "say"]

    def over(self, caller: VirtualCaller, timeout_s: float = DEADLINE_S) -> CallDetail:
        """The record of a call, after its end."""
        uuid = uuid_of(caller)
        self.until(lambda: caller.cause, f"the end of {uuid}", timeout_s)
        return self.recorded(uuid)

    def recorded(self, uuid: str, timeout_s: float = DEADLINE_S) -> CallDetail:
        """The record of a call, as soon as it is complete."""

        def complete() -> CallDetail | None:
            assert self.application.store.flush(timeout_s)
            found = self.application.store.find_call(uuid)
            return found if found is not None and found.call.ended_at is not None else None

        found: CallDetail = self.until(complete, f"the record of {uuid}", timeout_s)
        return found

    def events(self, uuid: str, *names: str) -> list[Event]:
        return [e for e in self.witness.seen if e.get("Unique-ID") == uuid and (not names or e.name in names)]

    def actor(self, caller: VirtualCaller) -> CallActor:
        found: CallActor = self.until(lambda: self.application.engine._actors.get(uuid_of(caller)), "its actor")
        return found

    # ---- breaking ----------------------------------------------------------------------------------------------------

    def kill_switch(self) -> None:
        """As a crash: its calls are gone, the connections cut."""
        self._port = self.switch.port
        self.switch.kill()
        self.callers.clear()

    def new_switch(self) -> None:
        """The next process on the same port: another Core-UUID."""
        self.switch = self._new_switch(self._port)

    def cut(self) -> None:
        """Every connection cut, none admitted; the calls on the switch go on."""
        server = self.switch._server
        assert server is not None
        self._port = self.switch.port
        server.stop(timeout=0)
        for peer in list(self.switch._peers):
            peer.connection.end(notice=False)
        self.until(lambda: not self.driver.up, "the link is seen to be lost")

    def mend(self, wait: bool = True) -> None:
        server = StreamServer(("127.0.0.1", self._port), self.switch._serve, backlog=128)
        server.start()
        self.switch._server = server
        if wait:
            self.until(lambda: self.driver.up, "the links are up again")

    def kill_engine(self) -> None:
        """As a crash, as far as the switch can tell."""
        self.application.let_go()

    def restart_engine(self, before_links: Callable[[], object] = lambda: None) -> None:
        """``before_links``: the application is there, and calls have not come to it."""
        self._new_engine(before_links)

    # ---- the end -----------------------------------------------------------------------------------------------------

    def nothing_left(self) -> list[str]:
        """What should not be there when no call is up; empty when all is well."""
        return leftovers.of_calls(self)

    def close(self) -> None:
        for caller in self.callers:
            caller.hangup()
        self.until(lambda: not self.switch.core.channels, "all channels are gone")
        try:
            self.until(lambda: not self.nothing_left(), "nothing is left")
        except TimeoutError as error:
            raise TimeoutError(f"{error}, but {self.nothing_left()}") from None

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.application.let_go()
        self.switch.stop()


def uuid_of(caller: VirtualCaller) -> str:
    assert caller.channel is not None
    return caller.channel.uuid


def path(detail: CallDetail) -> list[tuple[str, str]]:
    """Node and exit, in order."""
    return [(visit.node, visit.exit) for visit in detail.visits]


def summary(detail: CallDetail) -> tuple[str, str, tuple[str, ...]]:
    call = detail.call
    return str(call.terminal_cause), call.outcome, call.goals


def legs(detail: CallDetail) -> list[tuple[str, str]]:
    return [(leg.role, leg.hangup_cause) for leg in detail.legs]


def whole(detail: CallDetail) -> tuple[Any, ...]:
    """What a test compares: (terminal cause, outcome, goals, path)."""
    return (*summary(detail), path(detail))


Script = Sequence[Item]
