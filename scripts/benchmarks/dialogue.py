"""The same dialogue on one real FreeSWITCH: by the engine, by native dialplan, and by mod_httapi.

mod_httapi has two servers: an application that holds the dialogue as the flow does, keys looked at and calls on record
(`_dialogue_app.py`), and ready answers, which is the least that a server can do and holds nothing.

Answer, prompt, digit, prompt, digit, hang up. What is measured, by turns in one run:

- the step: from the DTMF event to the PLAYBACK_START of the next prompt, by the switch's own stamps, which count its
  ticks of 20 ms; for digits that cut the prompt short, and for digits that come when it is over. Added is what the
  engine takes more than the native dialplan.
- calls per second at under 0.1 % failures, with switch, SIPp and engine (or the web server) on the same cores: the rate
  is raised until calls fail. A call has failed that did not get through both prompts to the far side's BYE in time.
  SIPp has a higher real-time priority than the rest: without it SIPp is the first to get no processor, presses keys
  too late, and what is counted are its own failures. A rate is kept up for half a minute: for ten seconds the switch
  takes on more than it can carry, in up to a thousand calls that last ever longer.

mod_httapi is built with few FreeSWITCHes; --httapi names the file of one built elsewhere.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from _dialogue_ways import APPLICATION, ENGINE, NATIVE, READY, WebServer, add_ways, files_of, write_flows
from _figures import cpu_s, load, percentile, spread

from cti.switch.guard import DIALPLAN_S
from tests.real.engine import EngineProcess
from tests.real.esl import Tap, wait_until
from tests.real.sipp import Pause, Press, Result, WaitBye, may_press, run_callers
from tests.real.switch import MISSING, NO_SIPP, RealSwitch, find_binary, find_modules, settings_for_test

CALLED = {"native": NATIVE, "engine": ENGINE, "httapi app": APPLICATION, "httapi ready": READY}
PEER = "httapi app"
ADDED_S = (0.025, 0.060)  # median, p95
OF_NATIVE, FAILURES = 0.8, 0.001
#: SIPp takes a second from the command to the digit, and the next one must not come before that is over.
CUT = (Pause(0.3), Press("1"), Pause(1.6), Press("1"), WaitBye())
OVER = (Pause(2.8), Press("1"), Pause(1.6), Press("1"), WaitBye())
LATE_S = 12
STEP_RATE, STEP_CALLS = 12, 72


@dataclass
class Way:
    """``steps``: seconds, of each way to press; ``rates``: the highest clean one of each turn."""

    name: str
    steps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rates: list[int] = field(default_factory=list)
    engine_ms: list[float] = field(default_factory=list)


class Site:
    def __init__(self, binary: Path, sipp: Path, folder: Path, module: Path | None) -> None:
        self.sipp, self.folder, self.runs = sipp, folder, 0
        self.switch = RealSwitch(binary, folder / "switch", settings_for_test(max_sessions=1000))
        write_flows(folder / "engine")
        # As an operator has it, and no number of calls is refused: the native dialplan refuses none either.
        self.engine = EngineProcess(self.switch, folder / "engine", guard_s=DIALPLAN_S, calls=0)
        self.switch.start()
        self.engine.start()
        files = files_of(self.engine)
        self.servers = {
            "ready": WebServer("_dialogue_ways", *files),
            "application": WebServer("_dialogue_app", *files, str(folder / "application.db")),
        }
        ports = {name: server.port for name, server in self.servers.items()}
        with self.switch.tap("HEARTBEAT") as tap:
            with_httapi = add_ways(self.switch, tap, files, ports, module)
        self.ways = [Way(name) for name in CALLED if not name.startswith("httapi") or with_httapi]

    def callers(self, called: str, how: tuple[Pause | Press | WaitBye, ...], calls: int, rate: int) -> Result:
        """Raises RuntimeError when the engine has ended: what is measured then is nothing."""
        self.runs += 1
        at = self.folder / f"callers-{self.runs}"
        limit = calls / rate + LATE_S
        result = run_callers(
            self.sipp, at, self.switch.conf.trunks_port, called, how, calls=calls, per_second=rate, at_once=calls,
            timeout_s=limit, ahead=True,
        )  # fmt: skip
        assert self.engine.process is not None
        if (status := self.engine.process.poll()) is not None:
            raise RuntimeError(f"the engine ended with {status}:\n{self.engine.log()[-3000:]}")
        return result

    def quiet(self) -> None:
        """No channel is left."""
        with self.switch.tap("HEARTBEAT") as tap:
            try:
                wait_until(lambda: tap.api("show channels count").startswith("0"), 20, "no channel left", 0.1)
            except TimeoutError:
                tap.api("hupall")
                wait_until(lambda: tap.api("show channels count").startswith("0"), 60, "no channel left", 0.1)

    def cpu(self) -> tuple[float, float]:
        """Of the switch; of the programs beside it: engine and web servers."""
        assert self.engine.process is not None
        beside = [self.engine.process.pid, *(server.process.pid for server in self.servers.values())]
        return cpu_s(self.switch.pid), sum(map(cpu_s, beside))

    def close(self) -> None:
        for server in self.servers.values():
            server.stop()
        self.engine.stop()
        self.switch.stop()


def steps(tap: Tap) -> list[float]:
    """Seconds, of each call, from its first digit to the next prompt."""
    pressed: dict[str, int] = {}
    found: dict[str, float] = {}
    for event in tap.take():
        uuid, at = event.get("Unique-ID") or "", int(event.get("Event-Date-Timestamp") or 0)
        if event.name == "DTMF":
            pressed.setdefault(uuid, at)
        elif uuid in pressed and "silence" not in (event.get("Playback-File-Path") or ""):
            found.setdefault(uuid, (at - pressed[uuid]) / 1e6)
    return list(found.values())


def measure_steps(site: Site, turns: int) -> None:
    with site.switch.tap("DTMF PLAYBACK_START") as tap:
        for turn in range(turns):
            for way in site.ways if turn % 2 == 0 else reversed(site.ways):
                for name, how in (("cut short", CUT), ("over", OVER)):
                    done = site.callers(CALLED[way.name], how, STEP_CALLS, STEP_RATE)
                    took = steps(tap)
                    if done.successful < STEP_CALLS or len(took) < STEP_CALLS:
                        print(
                            f"  {way.name}: {done.successful} of {STEP_CALLS} calls went well, {len(took)} steps seen"
                        )
                    way.steps[name] += took
                site.quiet()


def measure_rates(site: Site, turns: int, rates: range, seconds: int) -> None:
    """A rate of each way in turn, each for so long, until every one has failed."""
    for turn in range(turns):
        up = list(site.ways) if turn % 2 == 0 else list(reversed(site.ways))
        clean = dict.fromkeys((way.name for way in up), 0)
        for rate in rates:
            for way in list(up):
                calls, before = rate * seconds, site.cpu()
                done = site.callers(CALLED[way.name], CUT, calls, rate)
                site.quiet()
                on_switch, beside = (after - earlier for after, earlier in zip(site.cpu(), before, strict=True))
                failed = calls - done.successful
                print(
                    f"  {way.name:<12} {rate:>3}/s: {failed:>3} of {calls} failed; CPU a call: switch "
                    f"{on_switch / calls * 1e3:5.1f} ms, engine or web server {beside / calls * 1e3:5.1f} ms",
                    flush=True,
                )
                if failed > FAILURES * calls:
                    up.remove(way)
                else:
                    clean[way.name] = rate
                    if way.name == "engine":
                        way.engine_ms.append(beside / calls)
            if not up:
                break
        for way in site.ways:
            way.rates.append(clean[way.name])


def told_steps(ways: dict[str, Way]) -> bool:
    met = True
    for name in ("cut short", "over"):
        for way in ways.values():
            took = way.steps[name]
            print(
                f"  prompt {name}: {way.name:<12} {len(took)} steps: median {statistics.median(took) * 1e3:5.1f} ms, "
                f"mean {statistics.mean(took) * 1e3:5.1f} ms, p95 {percentile(0.95, took) * 1e3:5.1f} ms"
            )
        both = [ways[way].steps[name] for way in ("engine", "native")]
        added = [statistics.median(both[0]) - statistics.median(both[1])]
        added.append(percentile(0.95, both[0]) - percentile(0.95, both[1]))
        good = added[0] <= ADDED_S[0] and added[1] <= ADDED_S[1]
        met = met and good
        print(
            f"  prompt {name}: added by the engine: median {added[0] * 1e3:.1f} ms (at most {ADDED_S[0] * 1e3:.0f}), "
            f"p95 {added[1] * 1e3:.1f} ms (at most {ADDED_S[1] * 1e3:.0f}): {'met' if good else 'MISSED'}"
        )
    return met


def told_rates(ways: dict[str, Way]) -> bool:
    best = {name: statistics.median(way.rates) for name, way in ways.items()}
    for name, way in ways.items():
        print(f"  {name:<12} clean up to {best[name]:.0f}/s (by turn: {way.rates})")
    if ways["engine"].engine_ms:
        print(f"  CPU of the engine a call: {spread(ways['engine'].engine_ms, 'ms', 1e3)} (min / median / max)")
    good = best["engine"] >= OF_NATIVE * best["native"]
    print(f"  engine to native {best['engine'] / max(1, best['native']):.2f} (at least {OF_NATIVE}):", end=" ")
    print("met" if good else "MISSED")
    if PEER not in best:
        print("  mod_httapi: not measured, this FreeSWITCH was built without it")
        return good
    better = best["engine"] >= best[PEER]
    print(
        f"  engine to mod_httapi with an application {best['engine'] / max(1, best[PEER]):.2f} (at least 1):", end=" "
    )
    print("met" if better else "MISSED")
    ready = best["engine"] / max(1, best["httapi ready"])
    print(f"  engine to mod_httapi with ready answers, which decide and record nothing: {ready:.2f}")
    return good and better


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--httapi", type=Path, help="the file mod_httapi.so; default: where the switch has its modules"
    )
    options.add_argument("--step-turns", type=int, default=1)
    options.add_argument("--turns", type=int, default=1, help="how often each rate is tried; 0: none")
    options.add_argument("--seconds", type=int, default=30, help="how long each rate is kept up")
    options.add_argument("--rates", default="60:200:20", help="calls per second: from:to:step")
    asked = options.parse_args()
    binary, sipp = find_binary(), shutil.which("sipp")
    if binary is None or sipp is None or not may_press():
        print("not measured:", MISSING if binary is None else NO_SIPP if sipp is None else "SIPp needs a raw socket")
        return 0
    module: Path | None = asked.httapi
    if module is None and (modules := find_modules(binary)) is not None and (modules / "mod_httapi.so").exists():
        module = modules / "mod_httapi.so"
    with tempfile.TemporaryDirectory(prefix="cti-dialogue-") as name:
        site = Site(binary, Path(sipp), Path(name), module)
        try:
            began = time.monotonic()
            measure_steps(site, asked.step_turns)
            if asked.turns:
                measure_rates(site, asked.turns, range(*map(int, asked.rates.split(":"))), asked.seconds)
        finally:
            site.close()
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores, load {load():.1f}")
    ways = {way.name: way for way in site.ways}
    met = told_steps(ways) if asked.step_turns else True
    return 0 if (not asked.turns or told_rates(ways)) and met else 1


if __name__ == "__main__":
    sys.exit(main())
