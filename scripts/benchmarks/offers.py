"""From "an agent becomes ready" to the INVITE at the agent's phone, by the engine and by mod_callcenter.

Both on the same real switch in the same run, in turn, with as many agents signed in and SIPp callers waiting (answered,
with the same music). All agents but one are away (NOT_READY; "On Break"). One becomes ready: by a line to the engine's
process, by `callcenter_config agent set status` over the event socket; the clock runs from before that command is sent
until its phone has the INVITE. All phones are one socket of this process, so both times are read here, of one clock.
The phone is busy, so the caller waits on and as many wait for the next agent.

What each does in that time: the engine takes the first, by rank, of all contacts that this agent may serve, and has the
switch originate the leg. mod_callcenter changes the agent's
row; a thread that wakes every 100 ms asks the tables (SQLite) for every caller who waits and, for each, every agent of
the queue, then originates.
"""

from __future__ import annotations

import argparse
import random
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scripts.benchmarks._offer_sides import Callcenter, Engine, Side, add_callcenter
from tests.real.esl import Tap, wait_until
from tests.real.sip import Message, tag
from tests.real.sipp import WaitBye, run_callers
from tests.real.switch import MISSING, NO_SIPP, RealSwitch, find_binary, find_modules, settings_for_test

#: (agents, callers waiting) -> at most so many times mod_callcenter's p95.
GOALS = {(100, 50): 0.5, (500, 200): 0.2}
OFFER_S = 15.0  # an offer that has not come by then will not
CALLS_PER_S = 40
REST_S = (0.25, 0.45)  # between two offers, by chance, so that none keeps step with a thread of the switch


class Phones:
    """Every agent's phone, on one socket; all are busy."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._known: set[str] = set()

    def quiet(self, seconds: float) -> None:
        """Answer what still comes. Raises RuntimeError for an offer that nobody expects."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if (found := self._next(left)) is not None:
                raise RuntimeError(f"an offer for {found[0]}, who is not ready")

    def wait(self, agent: int, since: float) -> float:
        """Seconds from ``since`` to the INVITE for ``agent``. Raises TimeoutError, RuntimeError."""
        while (left := since + OFFER_S - time.monotonic()) > 0:
            found = self._next(left)
            if found is not None and found[0] != f"a{agent}":
                raise RuntimeError(f"an offer for {found[0]} in the place of a{agent}")
            if found is not None:
                return found[1] - since
        raise TimeoutError(f"no offer for a{agent} within {OFFER_S} s")

    def close(self) -> None:
        self._socket.close()

    def _next(self, timeout_s: float) -> tuple[str, float] | None:
        """Of the next message, if it is a new INVITE: for whom, and when it was here."""
        self._socket.settimeout(timeout_s)
        try:
            data, where = self._socket.recvfrom(65536)
        except TimeoutError:
            return None
        at = time.monotonic()
        message = Message.parse(data)
        if not message.is_request or message.method == "ACK":
            return None
        self._answer(message, "486 Busy Here" if message.method == "INVITE" else "200 OK", where)
        call = message.get("Call-ID")
        if message.method != "INVITE" or call in self._known:
            return None
        self._known.add(call)
        return message.uri.removeprefix("sip:").partition("@")[0], at

    def _answer(self, request: Message, answer: str, where: tuple[str, int]) -> None:
        headers = [*request.all("Via"), ("From", request.get("From")), ("To", f"{request.get('To')};tag={tag()}")]
        headers += [("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq"))]
        self._socket.sendto(Message(f"SIP/2.0 {answer}", headers).encode(), where)


@contextmanager
def callers(side: Side, count: int, switch: RealSwitch, tap: Tap, sipp: Path, folder: Path) -> Iterator[None]:
    """``count`` callers wait in its queue."""
    with ThreadPoolExecutor(1) as pool:
        dialling = pool.submit(
            run_callers, sipp, folder, switch.conf.trunks_port, side.called, [WaitBye()],
            calls=count, per_second=CALLS_PER_S, timeout_s=180,
        )  # fmt: skip
        try:
            wait_until(
                lambda: dialling.done() or side.waiting() == count, 60, f"{count} callers wait at {side.name}", 0.3
            )
            yield
        finally:
            tap.api("hupall")
            wait_until(lambda: tap.api("show channels count").startswith("0 "), 60, "no channel left", 0.2)
            done = dialling.result(30)
    if done.created != count:
        raise RuntimeError(f"only {done.created} of {count} callers came: {done.errors}")


def offers(side: Side, agents: list[int], phones: Phones, chance: random.Random) -> list[float]:
    """Seconds, of each agent in turn."""
    took = []
    for agent in agents:
        phones.quiet(chance.uniform(*REST_S))
        begun = time.monotonic()
        side.ready(agent)
        took.append(phones.wait(agent, begun))
        side.put_away(agent)
    phones.quiet(REST_S[1])
    return took


def compare(
    agents: int, waiting: int, rounds: int, samples: int, binary: Path, sipp: Path
) -> dict[str, list[list[float]]]:
    """Side -> round -> seconds."""
    found: dict[str, list[list[float]]] = {"engine": [], "mod_callcenter": []}
    chance = random.Random(agents)
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="cti-offers-") as name,
        tempfile.TemporaryDirectory(prefix="cti-offers-", dir=memory) as tables,
    ):
        folder, phones = Path(name), Phones()
        switch = RealSwitch(binary, folder / "switch", settings_for_test(max_sessions=400))
        add_callcenter(switch, Path(tables) / "callcenter.db")
        switch.start()
        engine = Engine(switch, folder / "engine", agents, phones.port)
        try:
            engine.wait_up()
            with switch.tap("HEARTBEAT") as tap:
                sides: list[Side] = [engine, Callcenter(tap, agents, phones.port)]
                for turn in range(rounds):
                    chosen = list(range(turn * samples, (turn + 1) * samples))  # each agent once: nothing is left over
                    for side in sides if turn % 2 == 0 else reversed(sides):
                        at = folder / f"{side.name}-{turn}"
                        with callers(side, waiting, switch, tap, sipp, at):
                            found[side.name].append(offers(side, chosen, phones, chance))
        finally:
            engine.stop()
            switch.stop()
            phones.close()
    return found


def p(share: float, values: list[float]) -> float:
    """The value that ``share`` of all do not exceed."""
    return sorted(values)[max(0, -(-int(share * 100) * len(values) // 100) - 1)]


def told(name: str, rounds: list[list[float]]) -> float:
    """Prints; the p95 of all rounds, seconds."""
    every = [value for values in rounds for value in values]
    spread = ", ".join(f"{p(0.95, values) * 1e3:.0f}" for values in rounds)
    print(
        f"    {name:<15} {len(every)} offers: p50 {statistics.median(every) * 1e3:7.1f} ms, "
        f"p95 {p(0.95, every) * 1e3:7.1f} ms (by round: {spread}), most {max(every) * 1e3:.0f} ms",
        flush=True,
    )
    return p(0.95, every)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--samples", type=int, default=15, help="offers of each side in each round")
    asked = options.parse_args()
    binary, sipp = find_binary(), shutil.which("sipp")
    modules = find_modules(binary) if binary is not None else None
    if binary is None or sipp is None:
        print("not measured:", MISSING if binary is None else NO_SIPP)
        return 0
    if modules is not None and not (modules / "mod_callcenter.so").exists():
        print("not measured: this FreeSWITCH was built without mod_callcenter")
        return 0
    met = True
    for (agents, waiting), most in GOALS.items():
        if asked.rounds * asked.samples > agents:
            options.error(f"{agents} agents do for {agents} offers: rounds × samples is more")
        print(f"  {agents} agents, {waiting} callers waiting:", flush=True)
        found = compare(agents, waiting, asked.rounds, asked.samples, binary, Path(sipp))
        p95 = {name: told(name, rounds) for name, rounds in found.items()}
        ratio = p95["engine"] / p95["mod_callcenter"]
        verdict = "met" if ratio <= most else "MISSED"
        met = met and ratio <= most
        print(f"    p95 of the engine to mod_callcenter's: {ratio:.3f} (at most {most}): {verdict}", flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
