"""The switch of a run and its callers, as seen over an event socket of our own: the embedded one with virtual callers,
or a real FreeSWITCH with SIPp's."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any, Protocol

from cti.switch.conf import parse_settings
from scripts.faults.callers import Callers
from scripts.faults.phones import REGISTERED_S, DeafPhone
from scripts.faults.processes import Program, until
from scripts.faults.site import DEAF, DESKS, NUMBERS, TALKER
from tests.real.esl import Tap
from tests.real.sipp_phones import SippPhone
from tests.real.switch import RealSwitch, find_binary, free_port, text_for_test

EVENTS = "CHANNEL_CREATE PLAYBACK_START CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP"


class Watched(Protocol):
    """A tap, or the taps of several switches as one."""

    events: list[Any]

    def api(self, text: str) -> str: ...
    def of(self, uuid: str, *names: str) -> list[Any]: ...


class Switch(Protocol):
    """``kind`` and ``password_file`` as in the engine's settings; ``tap`` is looked through, anew after `start`."""

    kind: str
    password_file: Path
    port: int

    @property
    def tap(self) -> Watched: ...

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def close(self) -> None: ...
    def version(self) -> str: ...
    def dial(self, kind: str, count: int, first: int, wait_s: float = 30.0) -> list[str]:
        """``count`` callers dial the number of ``kind``; numbers count from ``first``. Their uuids, of those
        that came within ``wait_s``."""
        ...


def channels(tap: Watched) -> set[str]:
    """The uuids of all channels that are up, by the switch's own list. Raises OSError, TimeoutError."""
    found = json.loads(tap.api("show channels as json"))
    return {str(row["uuid"]) for row in found.get("rows", [])}


def alive(tap: Watched) -> bool:
    return tap.api("global_getvar cti_alive_0") == "1"


class Embedded:
    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.password_file, self.port = folder / "switch.secret", free_port()
        self.start()

    def start(self) -> None:
        self._program = Program(
            self._folder / "switch.log", "cti", "switch", "run",
            "--port", str(self.port), "--password-file", str(self.password_file),
        )  # fmt: skip
        try:
            until(self._connected, "the embedded switch answers")
        except BaseException:
            self._program.kill()
            raise
        self.tap.api(f'cti_phone {DEAF} {{"answer_after": null}}')
        for phone in ("1001", "1003"):  # the queue's agent, and where an apology leads to
            self.tap.api(f'cti_phone {phone} {{"answer_after": null}}')

    def _connected(self) -> bool:
        if not self._program.running:
            raise RuntimeError(f"the switch ended: {(self._folder / 'switch.log').read_text()[-2000:]}")
        with contextlib.suppress(OSError, AssertionError, TimeoutError):
            self.tap = Tap("127.0.0.1", self.port, self.password_file.read_text().strip(), EVENTS)
            return True
        return False

    def kill(self) -> None:
        self._program.kill()
        self.tap.close()

    def close(self) -> None:
        self.kill()

    def version(self) -> str:
        return "embedded switch"

    def dial(self, kind: str, count: int, first: int, wait_s: float = 30.0) -> list[str]:
        placed = []
        for number in range(first, first + count):
            call = {"number": f"137{number:08}", "called": NUMBERS[kind], "script": []}
            answer = self.tap.api(f"cti_call {json.dumps(call)}")
            if not answer.startswith("+OK "):
                raise RuntimeError(f"the switch takes no call: {answer}")
            placed.append(answer.removeprefix("+OK "))
            time.sleep(0.02)
        return placed


class Real:
    kind = "freeswitch"

    def __init__(self, folder: Path, binary: Path, sipp: Path, calls: int) -> None:
        self._folder, self._sipp = folder, sipp
        # SIPp's callers take no re-INVITE, with which a fax would offer T.38.
        text = text_for_test(max_sessions=max(400, 4 * calls)).replace("probe_s: 0}", "probe_s: 0, t38: refuse}")
        self._switch = RealSwitch(binary, folder / "switch", parse_settings(text, "chaos"))
        conf = self._switch.conf
        self.password_file, self.port = conf.password_file, conf.port
        self._callers = Callers(sipp, folder, conf.trunks_port)
        self._phones: list[SippPhone] = []
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        self._switch.start()
        self.tap = self._switch.tap(EVENTS)
        conf = self._switch.conf
        for phone in self._phones:
            phone.close()
        self._phones = [
            made(self._sipp, self._folder, conf.phones_port, number, conf.phones[number], 440, expires_s=REGISTERED_S)
            for made, number in (
                (SippPhone, TALKER),
                (DeafPhone, DEAF),
                *((SippPhone, desk) for desk in DESKS.values()),
            )
        ]

    def kill(self) -> None:
        self._switch.kill()
        self.tap.close()
        self._callers.end()

    def close(self) -> None:
        self._callers.end()
        for phone in self._phones:
            phone._running.kill()  # the switch may be gone: nothing to unregister at
            phone._running.wait(5)
        self._switch.kill()

    def version(self) -> str:
        return self._switch.tap("HEARTBEAT").api("version").splitlines()[0]

    def dial(self, kind: str, count: int, first: int, wait_s: float = 30.0) -> list[str]:
        return self._callers.dial(self.tap, NUMBERS[kind], count, first, wait_s)


__all__ = ["Embedded", "Real", "Switch", "alive", "channels", "find_binary"]
