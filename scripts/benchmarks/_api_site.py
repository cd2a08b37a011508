"""The platform under `api.py`: agents with sessions, the embedded switch and `cti serve`, each process by itself."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cti.app.clocks import SystemClock
from cti.app.parts import store_place
from cti.config import load_settings
from cti.core.access import SYSTEM, Deed, Grant, Role
from cti.core.people import AgentProfile, Team, User, UserKind
from cti.runtime.account_services import AccountServices
from cti.store import open_store
from cti.store.accounts import AccountStore
from cti.store.token_key import load_token_key
from scripts.benchmarks import _api_client, _api_peer, _api_switch
from scripts.benchmarks._api_switch import FIRST_PHONE, QUEUE

ROOT = Path(__file__).resolve().parents[2]
START_S, STOP_S = 120.0, 20.0
_LIFE_S, _SAVED_AT_ONCE = 24 * 3600, 50
CONFIG = """\
data: data
flows: flows
switches: [{{name: bench, port: {switch_port}, kind: embedded, password_file: secret, domain: cti.local}}]
api: {{port: {api_port}}}
reload: {{watch: false}}
limits: {{calls: 0, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
worker: {{drain_s: 0}}
queues:
  service: {{agents: [1001]}}
  bench: {{ring_s: 20, wrapup_s: 0}}
"""
FLOW = """\
flow: bench
start: agent
languages: {default: en-US}
nodes:
  agent: {type: queue, queue: bench, to: {talked: bye, else: bye}}
  bye: {type: end, outcome: done}
"""
ENTRY = f'entries:\n  - {{name: bench, medium: voice, called: "{QUEUE}", flow: bench}}\n'


class Child:
    """A process that answers a line with a line."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script, *arguments], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Raises RuntimeError when it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} has ended: {self.process.wait(STOP_S)}")
        return line.strip()

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def end(self) -> None:
        end(self.process)


class Clients(Child):
    """`_api_client`; several orders may be under way."""

    def __init__(self) -> None:
        super().__init__(_api_client.__file__)
        self._serial = 0
        self._early: dict[int, Any] = {}

    def order(self, of: str, do: str, **what: Any) -> int:
        self._serial += 1
        self.say(json.dumps({"id": self._serial, "of": of, "do": do, **what}))
        return self._serial

    def result(self, number: int) -> Any:
        """Raises RuntimeError with what failed."""
        while number not in self._early:
            told = json.loads(self.hear())
            self._early[told["id"]] = told["found"]
        found = self._early.pop(number)
        if isinstance(found, dict) and "failed" in found:
            raise RuntimeError(found["failed"])
        return found

    def do(self, of: str, do: str, **what: Any) -> Any:
        return self.result(self.order(of, do, **what))


class Site:
    """``people``: of each agent and of one supervisor, the last: agent id (empty) and access token."""

    def __init__(self, folder: Path, agents: int) -> None:
        self.folder, self.agents = folder, agents
        self.api_port = free_port()
        (folder / "secret").touch(mode=0o600)
        (folder / "secret").write_text(secrets.token_hex(16))
        shutil.copytree(ROOT / "ivr_flows", folder / "flows")
        (folder / "flows" / "bench.yaml").write_text(FLOW)
        entry = folder / "flows" / "entry.yaml"
        entry.write_text(entry.read_text().replace("entries:\n", ENTRY, 1))
        self.switch = Child(_api_switch.__file__, str(folder / "secret"), str(agents))
        self.engine: subprocess.Popen[bytes] | None = None
        try:
            text = CONFIG.format(switch_port=self.switch.hear(), api_port=self.api_port)
            (folder / "cti.yaml").write_text(text)
            self.people = self._sign_in()
        except BaseException:
            self.switch.end()
            raise

    def _sign_in(self) -> list[dict[str, str]]:
        """What signing in does, without the passwords, whose hashes take tens of milliseconds each."""
        settings = load_settings(self.folder / "cti.yaml")
        settings.data.mkdir(mode=0o700)
        clock = SystemClock()
        store = open_store(*store_place(settings))
        try:
            accounts, deed = store.accounts, Deed(SYSTEM, clock.now(), "", "benchmark")
            services = AccountServices(accounts, load_token_key(settings.data / "token-key.pem"), clock)
            accounts.people.save_team(Team("bench", "bench"), deed)
            found, profiles = [], []
            for number in range(self.agents):
                user = _add(accounts, f"agent{number}", Role.AGENT, deed)
                phone = str(FIRST_PHONE + number)
                profiles.append(AgentProfile(f"a{number}", user.user_id, user.name, "bench", phone=phone))
                found.append({"agent": f"a{number}", "token": _token(services, user)})
            for first in range(0, self.agents, _SAVED_AT_ONCE):
                accounts.agents.save(profiles[first : first + _SAVED_AT_ONCE], deed)
            supervisor = _add(accounts, "supervisor", Role.SUPERVISOR, deed)
            return [*found, {"agent": "", "token": _token(services, supervisor)}]
        finally:
            store.close(30.0)

    # ---- the engine ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        with (self.folder / "engine.log").open("ab") as log:
            self.engine = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(self.folder / "cti.yaml")],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def wait_up(self) -> None:
        """Until it has its switch, too. Raises RuntimeError with the end of its log, TimeoutError."""
        assert self.engine is not None
        until = time.monotonic() + START_S
        while not self._up():
            if self.engine.poll() is not None:
                raise RuntimeError(f"the engine ended:\n{self.log()[-3000:]}")
            if time.monotonic() > until:
                raise TimeoutError(f"the engine is not up:\n{self.log()[-3000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash."""
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait(STOP_S)

    def get(self, path: str) -> Any:
        """As the supervisor sees it."""
        headers = {"Authorization": f"Bearer {self.people[-1]['token']}"}
        asking = urllib.request.Request(f"http://127.0.0.1:{self.api_port}{path}", headers=headers)
        with urllib.request.urlopen(asking, timeout=30) as answer:
            return json.load(answer)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Of the engine's database, as it is on disk."""
        database = sqlite3.connect(f"file:{self.folder / 'data' / 'cti.db'}?mode=ro", uri=True, timeout=30)
        try:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]
        finally:
            database.close()

    def log(self) -> str:
        return (self.folder / "engine.log").read_text(errors="replace")

    def close(self) -> None:
        if self.engine is not None:
            end(self.engine)
        self.switch.end()

    def _up(self) -> bool:
        try:
            return bool(self.get("/healthz")["status"] == "ok")
        except (OSError, urllib.error.URLError, ValueError):
            return False


@contextmanager
def peer(folder: Path) -> Iterator[tuple[Child, int]]:
    """The peer and its port."""
    child = Child(_api_peer.__file__, str(folder))
    try:
        yield child, int(child.hear())
    finally:
        child.end()


def end(process: subprocess.Popen[Any]) -> None:
    """In order, and by force when it does not."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _add(accounts: AccountStore, name: str, role: Role, deed: Deed) -> User:
    user = User(f"u-{name}", name, name, UserKind.PERSON, (Grant(role),), created_at=deed.at, password_at=deed.at)
    return accounts.people.add_user(user, None, deed)


def _token(services: AccountServices, user: User) -> str:
    session = services.sign_in.begin(user).session_id
    return services.tokens.issue(user.user_id, f"session:{session}", lives_s=_LIFE_S)
