"""SIPp's callers of a run, who stay until the far side hangs up."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, Protocol

from scripts.faults.processes import until
from tests.real.ports import borrow_ports
from tests.real.sipp import WaitBye, scenario
from tests.real.switch import free_port


class Events(Protocol):
    """A client of the event socket, or several: what it was told so far."""

    events: list[Any]


class Callers:
    """They call 127.0.0.1:``port`` from ``address``."""

    def __init__(self, sipp: Path, folder: Path, port: int, address: str = "127.0.0.1") -> None:
        self._sipp, self._folder, self._port, self._address, self._made = sipp, folder, port, address, 0
        self._running: list[tuple[subprocess.Popen[bytes], contextlib.ExitStack]] = []

    def start(self, called: str, count: int, first: int) -> None:
        """``count`` of them, twenty a second; their numbers count from ``first``."""
        self.end(over=True)  # their ports are free again
        self._made += 1
        folder = self._folder / f"callers-{self._made}"
        folder.mkdir()
        (folder / "scenario.xml").write_text(scenario([WaitBye()]))
        (folder / "callers.csv").write_text("SEQUENTIAL\n" + "".join(f"137{first + n:08};\n" for n in range(count)))
        stack = contextlib.ExitStack()
        media = stack.enter_context(borrow_ports(4 * count + 20))
        command = [str(self._sipp), f"127.0.0.1:{self._port}", "-sf", "scenario.xml"]
        command += ["-s", called, "-inf", "callers.csv", "-i", self._address, "-mi", self._address]
        command += ["-p", str(free_port(socket.SOCK_DGRAM)), "-m", str(count), "-r", "20", "-l", str(count)]
        command += ["-nostdin", "-mp", str(media), "-recv_timeout", "600000"]
        with (folder / "screen.txt").open("wb") as screen:
            program = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, start_new_session=True,
                env={**os.environ, "TERM": "dumb"},
            )  # fmt: skip
        self._running.append((program, stack))

    def dial(self, tap: Events, called: str, count: int, first: int, wait_s: float) -> list[str]:
        """As `start`; uuids of those that came within ``wait_s``, by what the switches told."""
        before = len(tap.events)
        self.start(called, count, first)

        def came() -> list[str]:
            seen = [event for event in list(tap.events)[before:] if event.name == "CHANNEL_CREATE"]
            uuids = [str(e.get("Unique-ID")) for e in seen if e.get("Caller-Destination-Number") == called]
            return list(dict.fromkeys(uuids))

        with contextlib.suppress(TimeoutError):  # fewer: whoever asked compares
            until(lambda: len(came()) >= count, "the callers have come", wait_s)
        return came()

    def end(self, *, over: bool = False) -> None:
        """All; ``over``: only what has ended by itself."""
        kept = []
        for program, stack in self._running:
            if over and program.poll() is None:
                kept.append((program, stack))
                continue
            program.kill()
            program.wait(5)
            stack.close()
        self._running = kept
