"""A client in TypeScript, whose types are generated from the served description, against an engine on the embedded
switch: what is described compiles, and what compiles works. A proxy stands for the network and can be cut."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket, subprocess
from gevent.server import StreamServer

from cti.core.access import Grant
from cti.core.people import AgentProfile, Team
from cti.runtime.floor import seats
from tests.api.worksite import DEED, PASSWORD
from tests.runtime.platform import Platform

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "tsconfig.json", "agent.ts")


@pytest.fixture(scope="session")
def modules() -> Path:
    """The packages of package-lock.json, fetched once for each of its versions, outside of the tree."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm: install Node.js 20 or newer")
    lock = (HERE / "package-lock.json").read_bytes() + (HERE / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cti-tests" / f"node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if (folder / "node_modules" / ".package-lock.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES[:2]:
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.skip(f"npm ci cannot get the packages of tests/clients: {done.stderr[-300:]}")
    return folder


@dataclass
class Network:
    """Carries bytes to and from the API while it is up."""

    to_port: int
    server: StreamServer = field(init=False)
    open: set[Any] = field(default_factory=set)
    up: bool = True

    def __post_init__(self) -> None:
        self.server = StreamServer(("127.0.0.1", 0), self._carry)
        self.server.start()

    def _carry(self, near: Any, _: Any) -> None:
        if not self.up:
            near.close()
            return
        with socket.create_connection(("127.0.0.1", self.to_port)) as far, near:
            self.open |= {near, far}
            gevent.joinall([gevent.spawn(_pump, near, far), gevent.spawn(_pump, far, near)], count=1)
            self.open -= {near, far}

    def cut(self) -> None:
        self.up = False
        for one in list(self.open):
            one.shutdown(socket.SHUT_RDWR)


def _pump(source: Any, sink: Any) -> None:
    try:
        while part := source.recv(65536):
            sink.sendall(part)
    except OSError:
        return  # cut


@dataclass
class Day:
    platform: Platform
    network: Network
    away_s: float

    def caller(self) -> str:
        self.platform.call("desk")
        return "called"

    def cut(self) -> str:
        self.network.cut()
        owner = self.platform.application.floor.owner
        began = time.monotonic()
        self.platform.until(
            lambda: owner.acd.floor.desks["a-anna"].reason == "connection_down", "the loss", seats.GONE_S + 30
        )
        gevent.sleep(max(0.0, self.away_s - (time.monotonic() - began)))  # that long the network is away
        return "cut"

    def mend(self) -> str:
        self.network.up = True
        return "mended"

    def lost(self, after: str, until: str) -> str:
        """Ids of the events of anna's sight in between: what must have come."""
        hub = self.platform.application.floor.hub
        [sight] = {one.sight for one in hub._subscriptions if one.sight.principal.user_id == "u-anna"}
        low, high = (int(one.rpartition("-")[2]) for one in (after, until))
        return " ".join(event.id for event in hub._ring if low < event.number <= high and sight.shows(event))


@pytest.fixture
def day(make_platform: Any) -> Iterator[Day]:
    platform = make_platform()
    accounts = platform.application.accounts
    accounts.store.people.save_team(Team("north"), DEED)
    for name, phone in (("anna", "1003"), ("bert", "1004")):
        accounts.accounts.add_user(name, [Grant.parse("agent@team:north")], DEED, user_id=f"u-{name}")
        accounts.store.credentials.set_password(f"u-{name}", accounts.hasher.hash(PASSWORD), DEED, one_time_until=None)
        accounts.store.agents.save([AgentProfile(f"a-{name}", f"u-{name}", name, "north", phone=phone)], DEED)
        platform.phone(phone)
    network = Network(platform.application.api_port)
    yield Day(platform, network, 0.0)
    network.cut()
    network.server.stop(timeout=0)


def generate(modules: Path, folder: Path, port: int) -> None:
    """Types of the description, and the client compiled with them. Fails with what the tools say."""
    for name in FILES:
        shutil.copy(HERE / name, folder)
    (folder / "node_modules").symlink_to(modules / "node_modules")
    tools = folder / "node_modules" / ".bin"
    url = f"http://127.0.0.1:{port}/v1/openapi.json"
    for command in ([tools / "openapi-typescript", url, "-o", "schema.d.ts"], [tools / "tsc", "-p", "."]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def live(day: Day, modules: Path, folder: Path) -> None:
    generate(modules, folder, day.platform.application.api_port)
    url = f"http://127.0.0.1:{day.network.server.server_port}"
    client = subprocess.Popen(
        ["node", "out/agent.js"], cwd=folder, env={**os.environ, "CTI_URL": url, "CTI_PASSWORD": PASSWORD},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    steps = []
    try:
        with gevent.Timeout(60 + day.away_s + seats.GONE_S, TimeoutError(f"the client is stuck after {steps}")):
            for line in client.stdout:
                step, *more = line.split()
                steps.append(step)
                if step == "done":
                    break
                client.stdin.write(getattr(day, step)(*more) + "\n")
                client.stdin.flush()
            assert client.wait() == 0, (steps, client.stderr.read())
            assert steps[-1] == "done"
    finally:
        client.kill()
        client.wait()


def test_an_agents_day_and_a_network_that_goes_away(
    day: Day, modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats, "GONE_S", 0.5)
    live(day, modules, _new(tmp_path))


@pytest.mark.nightly
def test_sixty_seconds_without_network(day: Day, modules: Path, tmp_path: Path) -> None:
    day.away_s = 60.0
    live(day, modules, _new(tmp_path))


def _new(folder: Path) -> Path:
    found = folder / "client"
    found.mkdir()
    return found
