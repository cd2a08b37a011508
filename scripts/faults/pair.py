"""Two switches as one: callers come to either, and are looked at wherever they are."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.faults.callers import Callers
from scripts.faults.phones import REGISTERED_S, DeafPhone
from scripts.faults.processes import until
from scripts.faults.site import DEAF, DESKS, NUMBERS, TALKER
from scripts.faults.switches import EVENTS
from scripts.trying.house import CARRIER, Real
from tests.real.sipp_phones import SippPhone

if TYPE_CHECKING:
    from scripts.trying.house import House
    from tests.real.esl import Tap

BACK_S = 60.0
ABSENT = "-ERR No such channel!"


class Both:
    """The taps of all switches as one: events in the order in which they came; what is asked of a channel is asked of
    its switch, which channels there are of those that live, and a variable of all, which have to live."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.events: list[Any] = []
        self.taps: dict[str, Tap] = {}
        self._at: dict[str, str] = {}

    def join(self, name: str, tap: Tap) -> None:
        with tap._changed:
            self.events += tap.events
            tap.events = self.events
        self.taps[name] = tap

    def part(self, name: str) -> None:
        self.taps.pop(name).close()

    def of(self, uuid: str, *names: str) -> list[Any]:
        chosen = [event for event in list(self.events) if event.get("Unique-ID") == uuid]
        return [event for event in chosen if not names or event.name in names]

    def at(self, uuid: str) -> str:
        """The name of its switch; empty: there is no such channel, nor was any that was asked for."""
        if uuid not in self._at:
            for name, tap in list(self.taps.items()):
                if tap.api(f"uuid_exists {uuid}") == "true":
                    self._at[uuid] = name
        return self._at.get(uuid, "")

    def api(self, text: str) -> str:
        """Raises OSError, TimeoutError."""
        verb, _, rest = text.partition(" ")
        if verb.startswith("uuid_"):
            tap = self.taps.get(self.at(rest.split()[0]))
            return tap.api(text) if tap is not None else ABSENT
        if verb == "global_getvar" and len(self.taps) < self._count:
            raise ConnectionError("not all switches are there")
        answers = [tap.api(text) for tap in list(self.taps.values())]
        if text == "show channels as json":
            return json.dumps({"rows": [row for one in answers for row in json.loads(one).get("rows", [])]})
        return answers[0] if len(set(answers)) == 1 else "\n".join(answers)


class Pair:
    """The switches of ``house``, which has started them. SIPp's callers come through Kamailio to the real ones, virtual
    callers in turn to the embedded ones that live; phones register once, through Kamailio too."""

    port = 0  # of each its own
    password_file = Path()

    def __init__(self, house: House) -> None:
        self._house, self.tap = house, Both(len(house.switches))
        self._turn = itertools.count()
        self._callers: Callers | None = None
        self._phones: list[SippPhone] = []
        self.kind = next(iter(house.switches.values())).kind
        for name in house.switches:
            self._watch(name)
        if house.edge is not None:
            sipp = shutil.which("sipp")
            if sipp is None:
                raise SystemExit("callers of a cluster on FreeSWITCH are SIPp's: apt-get install sip-tester")
            self._callers = Callers(Path(sipp), house.folder, house.edge.port, CARRIER)
            until(self._edge_knows_all, "Kamailio finds all switches up")
            self._register(Path(sipp), house.edge.port)

    def _edge_knows_all(self) -> bool:
        assert self._house.edge is not None
        states = self._house.edge.states()
        return len(states) == 2 * len(self._house.switches) and set(states.values()) == {"AP"}

    def _register(self, sipp: Path, port: int) -> None:
        for made, number in ((SippPhone, TALKER), (DeafPhone, DEAF), *((SippPhone, desk) for desk in DESKS.values())):
            password = self._house.phones[number]
            self._phones.append(
                made(sipp, self._house.folder, port, number, password, 440, expires_s=REGISTERED_S)
            )  # fmt: skip

    def _watch(self, name: str) -> None:
        one = self._house.switches[name]

        def watched() -> bool:
            with contextlib.suppress(OSError, AssertionError, TimeoutError):
                self.tap.join(name, one.tap(EVENTS))
                return True
            return False

        until(watched, f"switch {name} answers", BACK_S)
        if self.kind == "embedded":
            for phone in (DEAF, "1001", "1003"):  # as in switches.Embedded
                self.tap.taps[name].api(f'cti_phone {phone} {{"answer_after": null}}')

    # ---- as a switch -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Those that do not run."""
        for name, one in self._house.switches.items():
            if name not in self.tap.taps:
                one.start()
                self._watch(name)

    def kill(self) -> None:
        """The first one."""
        name = next(iter(self._house.switches))
        self._house.switches[name].kill()
        self.tap.part(name)

    def close(self) -> None:
        if self._callers is not None:
            self._callers.end()
        for phone in self._phones:
            phone._running.kill()  # nothing to unregister at: all of it ends
            phone._running.wait(5)

    def version(self) -> str:
        if self.kind == "embedded":
            return "two embedded switches"
        said = next(iter(self.tap.taps.values())).api("version").splitlines()[0]
        return f"two of {said}, Kamailio"

    def dial(self, kind: str, count: int, first: int, wait_s: float = 30.0) -> list[str]:
        if self._callers is None:
            return [self._place(kind, number) for number in range(first, first + count)]
        return self._callers.dial(self.tap, NUMBERS[kind], count, first, wait_s)

    def _place(self, kind: str, number: int) -> str:
        living = list(self.tap.taps.values())
        call = {"number": f"137{number:08}", "called": NUMBERS[kind], "script": []}
        answer = living[next(self._turn) % len(living)].api(f"cti_call {json.dumps(call)}")
        if not answer.startswith("+OK "):
            raise RuntimeError(f"the switch takes no call: {answer}")
        return answer.removeprefix("+OK ")


__all__ = ["Both", "Pair", "Real"]
