"""Who calls and who answers in `soak.py`: SIPp callers of the hotline; agents with SIP phones, who work by the API."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti.app import open_accounts
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant
from cti.core.people import AgentProfile, Team
from tests.real.engine import EngineProcess
from tests.real.sipp import HangUp, Pause, Press, Result, Step, WaitBye, run_callers
from tests.real.sipp_phones import SippPhone
from tests.real.switch import RealSwitch

PASSWORD = "correct horse battery staple"
SKILLS = {"billing": 8, "lang.zh-CN": 9}
TALK_S, LOOK_S, SIGN_S, PHONE_S = 15.0, 1.5, 420.0, 6 * 3600
OVER_S = 240.0  # the longest that a caller stays: in the queue, the talk and the survey
#: Subscribers of the demo who are told their balance, and none of whom takes the short way for the elderly.
KNOWN = tuple(f"1380000{number:04}" for number in (0, 1, 2, 5, 6, 10, 11, 12, 15, 16))
OTHERS = tuple(f"139{number:08}" for number in range(2_000))


@dataclass(frozen=True)
class Kind:
    """Callers who do the same; ``share`` of all; ``stay_s``: about, for how many there may be at once."""

    name: str
    share: float
    steps: tuple[Step, ...]
    numbers: tuple[str, ...]
    stay_s: float


KINDS = (
    Kind("balance", 0.75, (Pause(3), Press("1"), Pause(9), HangUp()), KNOWN, 13),
    Kind("agent", 0.08, (Pause(2), Press("0"), WaitBye()), OTHERS, 90),
    Kind("abandon", 0.05, (Pause(2), Press("0"), Pause(4), HangUp()), OTHERS, 7),
    Kind("early", 0.12, (Pause(1), HangUp()), OTHERS, 2),
)


class Callers:
    """All kinds at once, in a SIPp each."""

    def __init__(self, sipp: Path, folder: Path, port: int, per_s: float, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(len(KINDS))
        self._running: dict[str, Future[Result]] = {}
        for kind in KINDS:
            rate = max(0.1, round(per_s * kind.share, 1))
            self._running[kind.name] = self._pool.submit(
                run_callers, sipp, folder / kind.name, port, "4000", kind.steps, calls=max(1, round(rate * seconds)),
                per_second=rate, at_once=20 + 3 * round(rate * kind.stay_s), callers=kind.numbers,
                timeout_s=seconds + OVER_S,
            )  # fmt: skip

    def over(self) -> bool:
        return all(one.done() for one in self._running.values())

    def results(self) -> dict[str, Result]:
        """When all are over. Raises TimeoutError of one that was not in time."""
        return {name: one.result() for name, one in self._running.items()}


def add_people(engine: EngineProcess, extensions: Sequence[str]) -> None:
    """Agents whose names are those of their phones."""
    with open_accounts(load_settings(engine.config)) as accounts:
        deed = accounts.deed(SYSTEM, reason="soak")
        accounts.store.people.save_team(Team("service"), deed)
        for skill in SKILLS:
            accounts.store.agents.save_skill(skill, skill, deed)
        for number in extensions:
            user, _ = accounts.add_user(f"agent{number}", [Grant.parse("agent@team:service")], deed)
            accounts.set_password(user.user_id, PASSWORD, deed)
            profile = AgentProfile(number, user.user_id, f"Agent {number}", "service", SKILLS, phone=number)
            accounts.store.agents.save([profile], deed)


class Agent:
    """Takes whoever is offered, talks for `TALK_S`, hangs up, writes the work down; looks every `LOOK_S`."""

    def __init__(self, port: int, name: str, told: Counter[str]) -> None:
        self._port, self._name, self._told = port, name, told
        self._token = self._refresh = ""
        self._since: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``; what is refused is counted and tried again."""
        signed = -SIGN_S
        while not stop.wait(LOOK_S):
            try:
                if time.monotonic() - signed > SIGN_S:
                    self._sign()
                    signed = time.monotonic()
                self._look()
            except urllib.error.HTTPError as error:
                self._told[f"{error.code} {error.url.rpartition('/')[2]}"] += 1
            except OSError as error:
                self._told[type(error).__name__] += 1
        with contextlib.suppress(OSError):
            self._ask("POST", "/v1/me/sign-out", {"force": True})

    def _sign(self) -> None:
        if self._refresh:
            answer = self._ask("POST", "/v1/sessions/refresh", {"refresh_token": self._refresh}, signed=False)
        else:
            answer = self._ask("POST", "/v1/sessions", {"name": self._name, "password": PASSWORD}, signed=False)
        first = not self._refresh
        self._token, self._refresh = answer["access_token"], answer["refresh_token"]
        if first:
            self._ask("POST", "/v1/me/sign-in", {})
            self._ask("PUT", "/v1/me/state", {"state": "READY"})

    def _look(self) -> None:
        self._ask("PUT", "/v1/me/heartbeat")
        contacts = self._ask("GET", "/v1/me/contacts")["items"]
        for one in contacts:
            name = str(one["contact"])
            if one["state"] == "WORK":
                self._since.pop(name, None)
                self._ask("POST", f"/v1/me/contacts/{name}/finish", {"disposition": "solved"})
                self._told["served"] += 1
            elif (
                one["activity"] == "talking"
                and time.monotonic() - self._since.setdefault(name, time.monotonic()) > TALK_S
            ):
                self._ask("POST", f"/v1/me/contacts/{name}/hangup", {})
        self._since = {name: at for name, at in self._since.items() if name in {one["contact"] for one in contacts}}
        if contacts:
            return
        me = self._ask("GET", "/v1/me")["work"]
        if me["state"] == "NOT_READY":
            self._told[f"was {me.get('reason')}"] += 1
            self._ask("PUT", "/v1/me/state", {"state": "READY"})

    def _ask(self, method: str, path: str, body: Any = None, signed: bool = True) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._token}"} if signed else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


@contextlib.contextmanager
def agents(engine: EngineProcess, switch: RealSwitch, sipp: Path, folder: Path, count: int) -> Iterator[Counter[str]]:
    """``count`` of them work inside the block. Counts of what they served, and of what was refused to them."""
    numbers = sorted(switch.conf.phones)[:count]
    add_people(engine, numbers)
    told: Counter[str] = Counter()
    stop = threading.Event()
    with ExitStack() as stack:
        for index, number in enumerate(numbers):
            password = switch.conf.phones[number]
            stack.enter_context(
                SippPhone(sipp, folder, switch.conf.phones_port, number, password, 400 + 100 * index, expires_s=PHONE_S)
            )
        threads = [
            threading.Thread(target=Agent(engine.api_port, f"agent{number}", told).run, args=(stop,), daemon=True)
            for number in numbers
        ]
        for thread in threads:
            thread.start()
        try:
            yield told
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
