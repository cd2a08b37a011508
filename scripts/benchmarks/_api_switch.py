"""The switch of `api.py`, in a process of its own: virtual phones of the agents, and callers by lines on stdin.

    talk 100 60        100 callers stay on the hotline for 60 s, asking for the balance again and again
    queue 20 15 4      for 15 s, 20 callers a second for the queue; each hangs up 4 s after it began
    hangup             all of them

Each line is answered with how many channels there are (`hangup`: were), `queue` when the last of its callers has
dialled. Ends with its stdin.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import gevent
from gevent.fileobject import FileObject

from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, SwitchConfig, VirtualPhone, parse_script

HOTLINE, QUEUE = "10086", "9001"
FIRST_PHONE = 20_000
ANSWER_S = 0.3
_ASK_S = 6
_CALLS_PER_S = 40.0


def talk(switch: EmbeddedSwitch, callers: int, seconds: float) -> None:
    steps: list[Any] = [step for _ in range(max(1, int(seconds) // _ASK_S)) for step in ("1", {"wait": _ASK_S})]
    script = parse_script([*steps, "h"])
    for number in range(callers):
        switch.call(f"1380000000{number % 4}", HOTLINE, script=script)
        gevent.sleep(1 / _CALLS_PER_S)


def queue(switch: EmbeddedSwitch, per_s: float, seconds: float, each_s: float) -> None:
    """At even distances, whatever is late."""
    began = time.monotonic()
    for number in range(int(per_s * seconds)):
        gevent.sleep(max(0.0, began + number / per_s - time.monotonic()))
        switch.call(f"139{number:08}", QUEUE, hangup_after_s=each_s)


def main(password_file: str, phones: int) -> None:
    """Prints its port when it listens."""
    with open(password_file, encoding="ascii") as file:
        password = file.read().strip()
    own = tuple(VirtualPhone(str(FIRST_PHONE + n), PhoneBehaviour(answer_after=ANSWER_S)) for n in range(phones))
    switch = EmbeddedSwitch(SwitchConfig(password=password, domain="cti.local", phones=own))
    print(switch.start(), flush=True)
    for line in FileObject(sys.stdin.fileno(), closefd=False):
        match line.split():
            case ["talk", callers, seconds]:
                talk(switch, int(callers), float(seconds))
            case ["queue", per_s, seconds, each_s]:
                queue(switch, float(per_s), float(seconds), float(each_s))
        print(len(switch.core.channels), flush=True)
        if line.startswith("hangup"):
            switch.core.hangup_all("NORMAL_CLEARING")
    switch.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
