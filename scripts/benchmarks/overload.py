"""More callers than there is room for: how soon they hear that all lines are busy, and what those inside notice of it.

One engine with room for so many calls on the embedded switch, each a process of its own. All places are taken by
callers of the shipped hotline who ask for their balance again and again; their steps (from the event of a key to the
start of the next prompt, by the switch's time stamps) are measured before, while a stream of further callers knocks,
and after. Of those who knock: the time from the first event of their channel to the start of the announcement.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from _figures import load, percentile
from _worker_groups import Group

from tests.real.esl import Tap, wait_until

LIMITS = "{{calls: {calls}, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}"
BUSY_S, WORSE_S = 1.0, 0.010
EVERY_S = 6.0


def stamp(event: Any) -> float:
    """Seconds."""
    return int(event.get("Event-Date-Timestamp") or 0) / 1e6


def steps(events: list[Any], inside: set[str]) -> list[float]:
    pressed: dict[str, float] = {}
    took = []
    for event in events:
        uuid = event.get("Unique-ID") or ""
        if event.name == "DTMF" and uuid in inside:
            pressed.setdefault(uuid, stamp(event))
        elif event.name == "PLAYBACK_START" and uuid in pressed:
            took.append(stamp(event) - pressed.pop(uuid))
    return took


def announced(events: list[Any], inside: set[str]) -> tuple[int, list[float]]:
    """How many came, and after how many seconds each heard something."""
    began: dict[str, float] = {}
    heard: dict[str, float] = {}
    for event in events:
        uuid = event.get("Unique-ID") or ""
        if event.name == "CHANNEL_CREATE" and uuid not in inside:
            began[uuid] = stamp(event)
        elif event.name == "PLAYBACK_START" and uuid in began:
            heard.setdefault(uuid, stamp(event) - began[uuid])
    return len(began), list(heard.values())


class Run:
    def __init__(self, group: Group, room: int, phase_s: float) -> None:
        self.group, self.room, self.phase_s = group, room, phase_s
        names = "CHANNEL_CREATE DTMF PLAYBACK_START"
        self.tap = Tap("127.0.0.1", group.port, (group.folder / "secret").read_text().strip(), names)
        self.inside: set[str] = set()

    def fill(self) -> None:
        """All places; the keys of all spread over the time between two."""
        script: list[object] = ["1", {"wait": EVERY_S}] * (int((4 * self.phase_s + EVERY_S * 3) / EVERY_S) + 1)
        for number in range(self.room):
            self.group.place(f"1380000000{number % 3}", [*script, "h"])
            time.sleep(EVERY_S / self.room)
        time.sleep(EVERY_S)
        self.inside = {event.get("Unique-ID") or "" for event in self.tap.take() if event.name == "CHANNEL_CREATE"}

    def phase(self, per_s: float) -> list[Any]:
        """With so many who knock each second."""
        began, placed = time.monotonic(), 0
        while (at := time.monotonic() - began) < self.phase_s:
            if placed < at * per_s:
                self.group.place(f"139{placed:08}", [{"wait": 30}, "h"])
                placed += 1
            else:
                time.sleep(0.01)
        return self.tap.take()


def told(name: str, took: list[float]) -> tuple[float, float]:
    median, p95 = statistics.median(took), percentile(0.95, took)
    print(f"  inside, {name:<7} {len(took)} steps: median {median * 1e3:5.1f} ms, p95 {p95 * 1e3:5.1f} ms")
    return median, p95


def measure(room: int, per_s: float, phase_s: float) -> bool:
    with tempfile.TemporaryDirectory(prefix="cti-overload-") as name:
        folder = Path(name)
        group = Group(folder / "one", 1, folder / "prompts", LIMITS.format(calls=room))
        try:
            run = Run(group, room, phase_s)
            run.fill()
            phases = {"before": run.phase(0), "during": run.phase(per_s)}
            time.sleep(2)
            rest = run.tap.take()
            phases["after"] = run.phase(0)
            inside = len(run.inside)
            group.tap.api("hupall")
            wait_until(lambda: group.channels() == 0, 60, "no channel is left", 0.1)
            time.sleep(2)
            causes = Counter(cause for one in group.records() for cause, _, _ in one)
        finally:
            group.stop()
    print(f"room for {room}, {inside} inside, {per_s:g} more a second for {phase_s:g} s; load {load():.1f}")
    found = {name: told(name, steps(events, run.inside)) for name, events in phases.items()}
    came, heard = announced([*phases["during"], *rest], run.inside)
    soon = len(heard) == came and max(heard) < BUSY_S
    print(f"  outside: {came} came, {len(heard)} heard the announcement, after", end=" ")
    print(f"{statistics.median(heard) * 1e3:.0f} ms (median), {max(heard) * 1e3:.0f} ms at most", end=" ")
    print(f"(under {BUSY_S * 1e3:.0f}): {'met' if soon else 'MISSED'}; on record {dict(causes)}")
    kept = all(later - first <= WORSE_S for first, later in zip(found["before"], found["during"], strict=True))
    print(f"  those inside keep their latency, to {WORSE_S * 1e3:.0f} ms: {'met' if kept else 'MISSED'}")
    return soon and kept and inside == room and causes["rejected"] == came


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--room", type=int, default=100)
    options.add_argument("--per-second", type=float, default=12.0, help="callers for whom there is no room")
    options.add_argument("--phase", type=float, default=20.0, help="seconds")
    chosen = options.parse_args()
    sys.exit(not measure(chosen.room, chosen.per_second, chosen.phase))


if __name__ == "__main__":
    main()
