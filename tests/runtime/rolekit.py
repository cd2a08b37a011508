"""A cluster on one machine: PostgreSQL, an embedded switch with its callers here, each role a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent import subprocess  # as the program's own, whose watcher reaps every child of this process
from gevent.threadpool import ThreadPool
from sqlalchemy import create_engine, text

from cti.app import open_accounts, open_records
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant
from cti.core.people import AgentProfile, Team
from cti.core.records import CallDetail
from cti.store import open_store
from cti.switch.embedded import EmbeddedSwitch, PhoneBehaviour, PlatformDialplan, SwitchConfig, VirtualCaller

ROOT = Path(__file__).resolve().parents[2]
FLOWS = Path(__file__).parent / "role_flows"
PASSWORD = "correct horse battery staple"
DEADLINE_S = 60.0
SECRET = "only-for-tests"  # of the switch
QUEUE = "110"  # the number whose flow puts the caller into the queue
AGENTS = {"anna": "1001", "bert": "1002"}
CONFIG = """\
node: {node}
data: {node}
flows: {flows}
store: {{url: "{url}", keys: keys.json}}
switches:
  - {{name: fs, host: 127.0.0.1, port: {port}, kind: embedded, password: {password}, domain: cti.local}}
api: {{port: 0, token_key: token-key.pem}}
figures: {{port: 0}}
reload: {{watch: false}}
worker: {{guard_s: 300, slot: {slot}}}
dialing: {{allowed: ["1380"], trunks: [carrier]}}
callbacks: {{pause_s: 0.2, ring_s: 5}}
limits: {{overload: {{cpu_pct: 0, late_ms: 0}}}}
queues: {{service: {{ring_s: 20, wrapup_s: 30, record: true, dispositions: {{solved: Solved}}}}}}
"""


class Process:
    """`cti serve --roles …`."""

    def __init__(self, cluster: Cluster, node: str, roles: str, slot: int) -> None:
        self.cluster, self.node, self.roles = cluster, node, roles
        self.log = cluster.folder / f"{node}-{roles.replace(',', '-')}.{monotonic()}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(cluster.config(node, slot)), "--roles", roles],
                cwd=ROOT, stdout=output, stderr=output, env={**os.environ},
            )  # fmt: skip
        cluster.processes.append(self)

    def told(self) -> str:
        return self.log.read_text(errors="replace")

    def says(self, words: str) -> None:
        def there() -> bool:
            assert self.process.poll() is None, self.told()[-6000:]
            return words in self.told()

        self.cluster.until(there, f"{self.node} says {words!r}")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.cluster.until(lambda: self.process.poll() is not None, f"{self.node} has ended")

    @property
    def figures(self) -> str:
        """Of a flow worker."""
        self.says("figures on http://")
        return re.findall(r"figures on (http://[0-9.:]+)/metrics", self.told())[-1]

    @property
    def api(self) -> str:
        """Of a front."""
        words = "requests of clients are passed on to whoever distributes: "
        self.says(words)
        return re.findall(words + r"(http://[0-9.:]+)", self.told())[-1]


class Cluster:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        dialplan = PlatformDialplan(apology="say:cti:en:We are sorry.", guard_s=300)
        self.switch = EmbeddedSwitch(
            SwitchConfig(
                password=SECRET, domain="cti.local", dialplan=dialplan, heartbeat_s=2.0,
                gateways={"carrier": True},
            )
        )  # fmt: skip
        self.switch.start()
        self.processes: list[Process] = []
        self._people()

    def config(self, node: str, slot: int = 0) -> Path:
        file = self.folder / f"{node}.yaml"
        told = CONFIG.format(node=node, flows=FLOWS, url=self.url, port=self.switch.port, password=SECRET, slot=slot)
        file.write_text(told, encoding="utf-8")
        return file

    def _people(self) -> None:
        settings = load_settings(self.config("one"))
        open_store(self.url, self.folder / "keys.json").close(10.0)  # makes the tables
        with open_accounts(settings) as accounts:
            deed = accounts.deed(SYSTEM, reason="test")
            accounts.store.people.save_team(Team("service"), deed)
            for name, extension in AGENTS.items():
                user, _ = accounts.add_user(name, [Grant.parse("agent@team:service")], deed)
                accounts.set_password(user.user_id, PASSWORD, deed)
                profile = AgentProfile(extension, user.user_id, name.title(), "service", {}, phone=extension)
                accounts.store.agents.save([profile], deed)
                self.phone(extension, answer_after=0.05)
            user, _ = accounts.add_user("super", [Grant.parse("supervisor")], deed)
            accounts.set_password(user.user_id, PASSWORD, deed)

    def start(self, node: str, roles: str, slot: int = 0) -> Process:
        return Process(self, node, roles, slot)

    def close(self) -> None:
        for one in self.processes:
            if one.process.poll() is None:
                one.process.kill()
            one.process.wait()
        self.switch.stop()

    # ---- people ------------------------------------------------------------------------------------------------------

    def phone(self, extension: str, **behaviour: Any) -> None:
        self.switch.core.directory.phones[extension].behaviour = PhoneBehaviour(**behaviour)

    def call(self, number: str = QUEUE, caller: str = "13800000000") -> VirtualCaller:
        return self.switch.call(caller, number)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def until(self, true: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
        deadline = monotonic() + timeout_s
        while not (found := true()):
            if monotonic() > deadline:
                logs = "\n".join(f"--- {one.node} {one.roles}\n{one.told()[-3000:]}" for one in self.processes)
                raise TimeoutError(f"not within {timeout_s:g} s: {what}\n{logs}")
            gevent.sleep(0.02)
        return found

    def record(self, caller: VirtualCaller) -> CallDetail:
        assert caller.channel is not None
        uuid = caller.channel.uuid

        def complete() -> CallDetail | None:
            with open_records(load_settings(self.config("one"))) as store:
                found = store.find_call(uuid)
            return found if found is not None and found.call.ended_at is not None else None

        found: CallDetail = self.until(complete, f"the record of {uuid}")
        return found

    def handled(self, calls: Collection[str]) -> list[tuple[str, str, str]]:
        """Of these calls: contact, agent and how it ended, once for each that reports count."""
        query = text("SELECT contact, agent, ended_by FROM contacts_handled WHERE call_id = ANY(:calls)")
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return sorted((row[0], row[1], row[2]) for row in connection.execute(query, {"calls": list(calls)}))
        finally:
            engine.dispose()

    def kept(self, owner: str) -> int:
        """How many calls of this worker another run could go on with."""
        query = text("SELECT count(*) FROM call_snapshots WHERE owner = :owner")
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return int(connection.execute(query, {"owner": owner}).scalar_one())
        finally:
            engine.dispose()

    def bridged(self, caller: VirtualCaller) -> str:
        """The leg with which the caller talks; empty: with none."""
        assert caller.channel is not None
        return str(caller.channel.variables.get("bridge_to") or "")


class Client:
    """Somebody with a client of the API, at whichever address."""

    def __init__(self, cluster: Cluster, name: str, api: str) -> None:
        self.cluster, self.name, self.api, self.token = cluster, name, api, ""
        self._threads = ThreadPool(1)
        self.token = self.ask("POST", "/v1/sessions", {"name": name, "password": PASSWORD})["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        def led() -> tuple[int, bytes] | None:
            found = self._threads.apply(self._ask, (method, path, body))  # the switch runs on this thread
            return None if found[0] == 503 and b"no-leader" in found[1] else found

        status, text = self.cluster.until(led, f"somebody leads, for {method} {path}")
        assert status < 300, f"{method} {path}: {status} {text.decode()}"
        return json.loads(text) if text else {}

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def waiting(self) -> int:
        """In the queue, as far as the supervisor sees."""
        found = self.ask("GET", "/v1/queues")["items"]
        return sum(int(queue["waiting"]) for queue in found if queue["queue"] == "service")


class Agent(Client):
    """READY, at the phone of the profile."""

    def __init__(self, cluster: Cluster, name: str, api: str, *, permanent: bool = False) -> None:
        super().__init__(cluster, name, api)
        phone = {"phone": AGENTS[name], "remote_answer": "permanent_leg"} if permanent else {}
        cluster.until(lambda: self._sign_in(phone), f"{name} signs in")
        if permanent:
            cluster.until(lambda: self.leg() == "open", "the leg stands")
        self.ready()

    def _sign_in(self, phone: dict[str, str]) -> bool:
        """Not before the leader has heard that a switch is up."""
        try:
            self.ask("POST", "/v1/me/sign-in", phone)
        except AssertionError as error:
            if ": 503 " in str(error):
                return False
            raise
        return True

    def leg(self) -> str:
        """How the permanent one is."""
        told = self.ask("GET", "/v1/me")["work"]["permanent_leg"]
        return "" if told is None else str(told["state"])

    def ready(self) -> None:
        self.ask("PUT", "/v1/me/state", {"state": "READY"})

    def presence(self) -> tuple[str, str]:
        found = self.ask("GET", "/v1/me")["work"]
        return found["state"], found["reason"]

    def contacts(self) -> list[dict[str, Any]]:
        self.ask("PUT", "/v1/me/heartbeat")
        found: list[dict[str, Any]] = self.ask("GET", "/v1/me/contacts")["items"]
        return found

    def doing(self, activity: str) -> str:
        """The contact that is in this activity, as soon as there is one."""

        def there() -> str:
            return next((str(one["contact"]) for one in self.contacts() if one["activity"] == activity), "")

        return str(self.cluster.until(there, f"{self.name} is {activity}"))

    def soon(self, contact: str, command: str) -> None:
        """As `do`, as soon as the next leader knows what became of the talk."""

        def done() -> bool:
            try:
                self.do(contact, command)
            except AssertionError as error:
                if "not-talking" in str(error):
                    return False
                raise
            return True

        self.cluster.until(done, f"{self.name} may {command}")

    def do(self, contact: str, command: str, body: Any = None) -> Any:
        return self.ask("POST", f"/v1/me/contacts/{contact}/{command}", body or {})


def uuid_of(caller: VirtualCaller) -> str:
    assert caller.channel is not None
    return caller.channel.uuid
