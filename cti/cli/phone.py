"""A telephone in the terminal: prompts as they are spoken, keys as they are typed, with the time of the call."""

from __future__ import annotations

import json
import os
import sys
import termios
import time
import tty
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent.select
from gevent.event import Event as Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.switch.embedded import VirtualCaller

SHOWN = {"say": "🔊", "file": "▶", "tone": "♪", "ringback": "☎"}
DIGITS = "0123456789*#"


@dataclass(slots=True)
class Phone:
    """Watches one virtual caller and prints what happens; ``as_json``: one object a line."""

    as_json: bool = False
    silent: bool = False
    started: float = 0.0
    done: Flag = field(default_factory=Flag)
    cause: str = ""

    def observe(self, caller: VirtualCaller, what: str, about: dict[str, Any]) -> None:
        now = time.time()
        self.started = self.started or now
        at = now - self.started
        if what == "answered":
            self._print(at, "answered", {}, "   the call is answered")
        elif what == "heard" and about["kind"] in SHOWN:
            kind, text = about["kind"], about["text"]
            self._print(at, "heard", {"kind": kind, "text": text}, f"{SHOWN[kind]} {text}")
        elif what == "pressed":
            self._print(at, "pressed", {"keys": about["keys"]}, f"⌨ {about['keys']}")
        elif what == "heard_end" and about["interrupted"] and about["kind"] == "say":
            self._print(at, "interrupted", {"text": about["text"]}, "   (interrupted)")
        elif what == "done":
            self.cause = about["cause"]
            self._print(at, "hung_up", {"cause": self.cause}, f"   the call has ended: {self.cause}")
            self.done.set()

    def _print(self, at: float, what: str, about: dict[str, Any], line: str) -> None:
        if self.silent:
            return
        if self.as_json:
            print(json.dumps({"at": round(at, 2), "event": what, **about}, ensure_ascii=False), flush=True)
        else:
            print(f"{at:7.1f}s  {line}", flush=True)


def type_live(caller: VirtualCaller, phone: Phone) -> None:
    """Keys of the keyboard are keys of the telephone; h or Ctrl-C hangs up. Ends with the call."""
    with _raw_keyboard():
        while not phone.done.is_set():
            readable, _, _ = gevent.select.select([sys.stdin], [], [], 0.2)
            if not readable:
                continue
            key = os.read(sys.stdin.fileno(), 1).decode(errors="replace")
            if key in ("h", "H", "\x03", "\x04", ""):
                caller.hangup()
                return
            if key in DIGITS:
                caller.press(key)


@contextmanager
def _raw_keyboard() -> Iterator[None]:
    """Keys arrive as they are pressed, without Enter and without echo; the terminal is as before afterwards."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
