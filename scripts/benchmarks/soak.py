"""An hour and more on a real FreeSWITCH: callers of the shipped hotline by SIPp, some of whom want an agent; agents
with SIP phones who work by the API. Nothing may grow, and every call is on record once.

    scripts/bench soak -- --minutes 75 --per-second 2 --agents 4

Memory and file descriptors of the engine are read four times a minute; what counts is how the median of the last ten
minutes under load differs from that of the ten after the warm-up. Records are held against the switch: a client of the
event socket that the engine knows nothing of keeps the channel of each caller that was hung up, and the switch itself
counts the sessions since its start, agents' legs included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from _figures import cpu_s, load
from _soak_people import Callers, agents

from tests.real.engine import EngineProcess
from tests.real.esl import Tap, wait_until
from tests.real.sipp import may_press
from tests.real.switch import MISSING, NO_SIPP, RealSwitch, find_binary, settings_for_test

WARM_S, WINDOW_S, SAMPLE_S, TELL_S = 900.0, 600.0, 15.0, 300.0
MOST_GROWTH = 0.02
QUEUE = "{wrapup_s: 4, record: true, dispositions: {solved: Solved}}"


@dataclass(frozen=True)
class Sample:
    """``at``: seconds under load; sizes in KiB."""

    at: float
    resident: int
    own: int
    files: int
    threads: int
    switch_resident: int


def kib(pid: int, file: str, *names: str) -> int:
    """Sum of lines of /proc/pid/``file``."""
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.partition(":")[0] in names)


def sample(at: float, engine: int, switch: int) -> Sample:
    status = Path(f"/proc/{engine}/status").read_text()
    return Sample(
        at=at,
        resident=kib(engine, "status", "VmRSS"),
        own=kib(engine, "smaps_rollup", "Private_Clean", "Private_Dirty"),
        files=len(list(Path(f"/proc/{engine}/fd").iterdir())),
        threads=int(status.split("Threads:")[1].split()[0]),
        switch_resident=kib(switch, "status", "VmRSS"),
    )


class Count:
    """Channels that the switch has hung up, by direction."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.callers: set[str] = set()
        self.legs: set[str] = set()

    def take(self) -> None:
        for event in self._tap.take():
            if event.name == "CHANNEL_HANGUP_COMPLETE":
                of = self.callers if event.get("Call-Direction") == "inbound" else self.legs
                of.add(event.get("Unique-ID"))

    def sessions(self) -> int:
        """Since the start of the switch, by itself."""
        [line] = [line for line in self._tap.api("status").splitlines() if "since startup" in line]
        return int(line.split()[0])


def records(engine: EngineProcess) -> tuple[list[str], Counter[str], Counter[str], int]:
    """Calls with a terminal record, causes of their ends, goals, and agents' legs."""
    with closing(sqlite3.connect(f"file:{engine.folder / 'data' / 'cti.db'}?mode=ro", uri=True)) as database:
        # What the clock begins (the shipped reminders) has no caller.
        by_callers = (
            "SELECT call_records.call_id, terminal_cause, error FROM call_records JOIN calls USING (call_id)"
            " WHERE medium <> 'timer'"
        )
        ended = database.execute(by_callers).fetchall()
        goals = Counter(goal for (goal,) in database.execute("SELECT goal FROM call_goals"))
        legs = database.execute("SELECT count(*) FROM legs WHERE role <> 'caller'").fetchone()[0]
    causes = Counter(f"{cause} {error}".strip() for _, cause, error in ended)
    return [call for call, _, _ in ended], causes, goals, int(legs)


def window(samples: list[Sample], since: float, until: float, of: Callable[[Sample], int]) -> float:
    return statistics.median(of(one) for one in samples if since <= one.at <= until)


class Soak:
    def __init__(self, switch: RealSwitch, engine: EngineProcess, sipp: Path, folder: Path) -> None:
        self._switch, self._engine, self._sipp, self._folder = switch, engine, sipp, folder
        self.samples: list[Sample] = []

    def run(self, minutes: float, per_s: float, people: int) -> bool:
        assert self._engine.process is not None
        engine, switch, seconds = self._engine.process.pid, self._switch.pid, minutes * 60
        with self._switch.tap("CHANNEL_HANGUP_COMPLETE") as tap:
            count, sessions = Count(tap), Count(tap).sessions()
            idle, before = sample(0, engine, switch), (cpu_s(engine), cpu_s(switch))
            with agents(self._engine, self._switch, self._sipp, self._folder / "phones", people) as told:
                began = time.monotonic()
                callers = Callers(self._sipp, self._folder / "callers", self._switch.conf.trunks_port, per_s, seconds)
                self._watch(callers, count, began, engine, switch)
            took, spent = time.monotonic() - began, (cpu_s(engine) - before[0], cpu_s(switch) - before[1])
            wait_until(lambda: tap.api("show channels count").startswith("0"), 300, "no channel is left", 1.0)
            time.sleep(3)
            count.take()
            ended = count.sessions() - sessions
        done = callers.results()
        with suppress(TimeoutError):  # what is missing then is told below
            wait_until(lambda: len(records(self._engine)[0]) >= len(count.callers), 60, "every record", 1.0)
        print(f"callers by SIPp: {sum(one.created for one in done.values())} created,", end=" ")
        failed = {name: one.failed for name, one in done.items()}
        print(f"failed {failed}; agents: {dict(told)}; load {load():.1f}")
        each = spent[0] / len(count.callers) * 1e3
        print(f"CPU: engine {spent[0] / took:.3f} of a core ({each:.1f} ms a call), switch {spent[1] / took:.3f}")
        print(f"file descriptors without calls: {idle.files} before, {sample(took, engine, switch).files} after")
        whole = [self._memory(seconds), self._files(seconds), self._records(count, ended)]
        return all(whole) and not any(one.failed for one in done.values())

    def _watch(self, callers: Callers, count: Count, began: float, engine: int, switch: int) -> None:
        told = began
        while not callers.over():
            time.sleep(SAMPLE_S)
            now = time.monotonic()
            self.samples.append(sample(now - began, engine, switch))
            with (self._folder / "samples.jsonl").open("a") as kept:
                kept.write(json.dumps(asdict(self.samples[-1])) + "\n")
            count.take()
            if now - told >= TELL_S:
                told, last = now, self.samples[-1]
                print(
                    f"  {last.at / 60:5.1f} min: {len(count.callers)} calls over; engine {last.resident} KiB resident, "
                    f"{last.own} its own, {last.files} files, {last.threads} threads; "
                    f"switch {last.switch_resident} KiB; load {load():.1f}",
                    flush=True,
                )

    def _both(self, seconds: float, of: Callable[[Sample], int]) -> tuple[float, float]:
        """Medians after the warm-up and at the end."""
        warm = min(WARM_S, seconds / 3)
        wide = min(WINDOW_S, (seconds - warm) / 2)
        return window(self.samples, warm, warm + wide, of), window(self.samples, seconds - wide, seconds, of)

    def _memory(self, seconds: float) -> bool:
        met = True
        for name, of in (("resident", lambda one: one.resident), ("its own", lambda one: one.own)):
            first, last = self._both(seconds, of)
            growth = last / first - 1
            met = met and growth < MOST_GROWTH
            print(
                f"memory of the engine, {name}: {first:.0f} KiB after the warm-up, {last:.0f} KiB at the end:", end=" "
            )
            print(f"{growth:+.1%} (under {MOST_GROWTH:.0%}): {'met' if growth < MOST_GROWTH else 'MISSED'}")
        return met

    def _files(self, seconds: float) -> bool:
        first, last = self._both(seconds, lambda one: one.files)
        threads = self._both(seconds, lambda one: one.threads)
        met = last <= first + 1
        print(
            f"file descriptors under load: {first:.0f} after the warm-up, {last:.0f} at the end; threads {threads}:",
            end=" ",
        )
        print("flat: met" if met else "flat: MISSED")
        return met

    def _records(self, count: Count, sessions: int) -> bool:
        calls, causes, goals, legs = records(self._engine)
        met = sorted(calls) == sorted(count.callers) and sessions == len(count.callers) + len(count.legs)
        print(f"records {len(calls)}, by cause {dict(causes)}; goals {dict(goals)}; agents' legs {legs}")
        print(f"the switch: {len(count.callers)} callers' channels hung up and {len(count.legs)} legs;", end=" ")
        print(
            f"{sessions} sessions by its own counter; callers without a record {len(count.callers - set(calls))},",
            end=" ",
        )
        print(f"records without a caller {len(set(calls) - count.callers)}: {'met' if met else 'MISSED'}")
        return met


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=75.0)
    options.add_argument("--per-second", type=float, default=2.0, help="callers of all kinds")
    options.add_argument("--agents", type=int, default=4)
    options.add_argument("--keep", type=Path, help="a folder that is not there yet, for all that the run leaves")
    asked = options.parse_args()
    if asked.minutes < 2:
        options.error("two minutes at least: nothing can be told of less")
    binary, sipp = find_binary(), shutil.which("sipp")
    if binary is None or sipp is None or not may_press():
        print("not measured:", MISSING if binary is None else NO_SIPP if sipp is None else "SIPp needs a raw socket")
        return 0
    print(f"{asked.minutes:g} minutes, {asked.per_second:g} callers/s, {asked.agents} agents", flush=True)
    with nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="cti-soak-") as name:
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        switch = RealSwitch(binary, folder / "switch", settings_for_test(max_sessions=400))
        engine = EngineProcess(switch, folder / "engine")
        engine.config.write_text(engine.config.read_text().replace("{agents: [1011]}", QUEUE))
        switch.start()
        try:
            engine.start()
            met = Soak(switch, engine, Path(sipp), folder).run(asked.minutes, asked.per_second, asked.agents)
        finally:
            engine.stop()
            switch.stop()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
