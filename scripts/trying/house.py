"""The processes of a cluster for trying: database, switches, edge, roles, proxy, started and ended in order."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from cti.app import open_accounts
from cti.cli.demo_people import prepare
from cti.config import load_settings
from cti.store import open_store
from cti.switch.conf import parse_settings
from scripts.faults.processes import PostgreSQL, Program, postgresql, until
from scripts.trying import files
from tests.real.edge import Edge, missing
from tests.real.esl import Tap
from tests.real.switch import RealSwitch, find_binary, free_port, text_for_test

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from cti.cli.demo_people import WaysIn

ROLES = ("flow", "acd", "api")
NODES = ("n1", "n2")
STOP_S = 20.0
#: Kamailio takes telephones of this machine for phones, unless they call from here: then they are a carrier.
CARRIER = "127.0.0.2"


class Embedded:
    kind = "embedded"

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.port, self.password_file = free_port(), folder / f"{name}.secret"
        self._program: Program | None = None

    def start(self) -> None:
        self._program = Program(
            self._folder / f"{self._name}.log", "cti", "switch", "run",
            "--port", str(self.port), "--password-file", str(self.password_file),
        )  # fmt: skip

    def tap(self, names: str = "HEARTBEAT") -> Tap:
        """Raises OSError while it is not up."""
        return Tap("127.0.0.1", self.port, self.password_file.read_text().strip(), names)

    def kill(self) -> None:
        if self._program is not None:
            self._program.kill()

    def stop(self) -> None:
        self.kill()


class Real:
    kind = "freeswitch"

    def __init__(self, folder: Path, binary: Path, through: str, phones: dict[str, str]) -> None:
        """``through``: the Kamailio that knows where phones are; empty: there is none. ``phones``: number -> password,
        of a switch that there is already: any of them lets a phone in."""
        if phones:
            known = {"switch": {"password": "", "phones": phones}, "files": []}
            (folder / "state.json").write_text(json.dumps(known), encoding="utf-8")
        # SIPp's callers take no re-INVITE, with which a fax would offer T.38.
        text = text_for_test().replace("probe_s: 0}", "probe_s: 0, t38: refuse}")
        if through:
            text = text.replace("sip: {", f'sip: {{phones_through: "{through}", ')
        self.switch = RealSwitch(binary, folder, parse_settings(text, "trying"))
        self.port, self.password_file = self.switch.conf.port, self.switch.conf.password_file

    def start(self) -> None:
        self.switch.start()

    def tap(self, names: str = "HEARTBEAT") -> Tap:
        return self.switch.tap(names)

    def kill(self) -> None:
        self.switch.kill()

    def stop(self) -> None:
        self.switch.stop()


class House:
    """``say`` tells a person what happens. `close` whatever came of `start`."""

    site = files.CONFIG

    def __init__(self, folder: Path, *, embedded: bool, port: int, say: Callable[[str], object]) -> None:
        self.folder, self.say = folder, say
        self._binary = None if embedded else find_binary()
        self.port = port or free_port()
        self.ports = {node: free_port() for node in NODES}
        self.switches: dict[str, Embedded | Real] = {}
        self.edge: Edge | None = None
        self.database: PostgreSQL | None = None
        self.programs: dict[str, Program] = {}  # node/role
        self.people: WaysIn | None = None
        self._proxy: subprocess.Popen[bytes] | None = None

    # ---- start -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Until clients are served and both workers live on both switches. Raises RuntimeError, TimeoutError."""
        programs = postgresql()
        if programs is None:
            raise RuntimeError("no PostgreSQL is found that can be run here: apt-get install postgresql")
        self.folder.chmod(0o711)  # PostgreSQL runs as somebody else where this is root
        (self.folder / "pg").mkdir()
        self.say("PostgreSQL")
        self.database = PostgreSQL(programs, self.folder / "pg")
        self.database.start()
        self._start_switches()
        self.write_flows()
        open_store(self.database.url, self.folder / "keys.json").close(10.0)  # makes tables and key ring
        for node in NODES:
            for role in ROLES:
                self._configure(node, role)
        self.add_people(self.config("n1", "acd"))
        self.say("two flow workers, two that distribute, two fronts")
        for role in ROLES:
            for node in NODES:
                self._start(node, role)
        self._start_proxy()
        until(self.ready, "clients are served, and both workers live on both switches", 120.0)

    def write_flows(self) -> None:
        files.write_flows(self.folder / "flows")

    def add_people(self, config: Path) -> None:
        with open_accounts(load_settings(config)) as accounts:
            self.people = prepare(accounts, self.folder)

    def wire(self, node: str, role: str, switch: str) -> int:
        """The port at which a process finds the event socket of a switch."""
        return self.switches[switch].port

    def config(self, node: str, role: str) -> Path:
        return self.folder / f"{node}-{role}.yaml"

    def _configure(self, node: str, role: str) -> None:
        assert self.database is not None
        (self.folder / f"{node}-{role}").mkdir(exist_ok=True)
        switches = [
            f"  - {{name: {name}, host: 127.0.0.1, port: {self.wire(node, role, name)}, kind: {one.kind}, "
            f"password_file: {one.password_file}, domain: cti.local}}"
            for name, one in self.switches.items()
        ]
        told = self.site.format(
            node=node, data=f"{node}-{role}", url=self.database.url, switches="\n".join(switches),
            slot=NODES.index(node), port=self.ports[node] if role == "api" else 0,
        )  # fmt: skip
        if self.edge is not None:
            told += f'dialing: {{phones_through: "127.0.0.1:{self.edge.port}"}}\n'
        self.config(node, role).write_text(told, encoding="utf-8")

    def _start_switches(self) -> None:
        through = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}" if self._binary and not missing() else ""
        for name in ("a", "b"):
            folder = self.folder / f"switch-{name}"
            folder.mkdir()
            self.say(f"switch {name} ({'FreeSWITCH' if self._binary else 'embedded'})")
            self.switches[name] = (
                Real(folder, self._binary, through, self.phones) if self._binary else Embedded(folder, name)
            )
            self.switches[name].start()  # known before: it is ended whatever interrupts that
        for one in self.switches.values():
            until(lambda one=one: answers(one), "the switch answers")  # type: ignore[misc]
        if through:
            (self.folder / "edge").mkdir()
            real = [one.switch for one in self.switches.values() if isinstance(one, Real)]
            self.edge = Edge(self.folder / "edge", real, CARRIER, int(through.split(":")[1]))
            self.edge.start()

    @property
    def phones(self) -> dict[str, str]:
        """Number -> password, at all switches; of embedded ones there is none."""
        return next((one.switch.conf.phones for one in self.switches.values() if isinstance(one, Real)), {})

    def _start(self, node: str, role: str) -> None:
        log = self.folder / f"{node}-{role}.log"
        arguments = ("cti", "serve", "--config", str(self.config(node, role)), "--roles", role)
        self.programs[f"{node}/{role}"] = Program(log, *arguments)

    def _start_proxy(self) -> None:
        nginx = shutil.which("nginx")
        if nginx is None:
            self.port = self.ports["n1"]
            return
        (self.folder / "nginx").mkdir()
        file = self.folder / "nginx" / "nginx.conf"
        file.write_text(files.nginx(self.folder / "nginx", self.port, list(self.ports.values())), encoding="utf-8")
        with (self.folder / "nginx" / "log").open("ab") as log:
            self._proxy = subprocess.Popen(
                [nginx, "-p", str(self.folder / "nginx"), "-c", str(file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    # ---- running ---------------------------------------------------------------------------------------------------

    @property
    def proxied(self) -> bool:
        return self._proxy is not None

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                served = answer.status == 200
        except OSError:
            return False
        return served and all(self.lives(switch) == ["1", "1"] for switch in self.switches)

    def lives(self, switch: str) -> list[str]:
        """What a switch knows of the two worker slots: 1 lives."""
        try:
            with self.switches[switch].tap() as tap:
                return [tap.api(f"global_getvar cti_alive_{slot}").strip() for slot in range(len(NODES))]
        except (OSError, TimeoutError, AssertionError):
            return []

    def look(self, but: Container[str] = ()) -> None:
        """Who has ended is started again, as a service manager does; ``but``: these are not."""
        for name, program in list(self.programs.items()):
            if name not in but and not program.running:
                self.say(f"{name} has ended ({program.process.returncode}) and is started again")
                self._start(*name.split("/"))

    def call(self, switch: str, number: str) -> str:
        """A virtual caller; what the switch answers."""
        if not isinstance(self.switches.get(switch), Embedded):
            return "callers are placed on embedded switches alone"
        caller = {"number": f"1380000{time.time_ns() // 1000 % 10_000:04}", "called": number, "script": []}
        with self.switches[switch].tap() as tap:
            return tap.api(f"cti_call {json.dumps(caller)}")

    def hang_up(self, switch: str, uuid: str) -> str:
        with self.switches[switch].tap() as tap:
            return tap.api(f"uuid_kill {uuid}")

    # ---- end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Everything, the database last; what does not end in time is killed."""
        if self._proxy is not None:
            _end(self._proxy)
        for role in reversed(ROLES):
            ending = [program.process for name, program in self.programs.items() if name.endswith(role)]
            for one in ending:
                one.terminate()
            for one in ending:
                _end(one)
        if self.edge is not None:
            self.edge.stop()
        for switch in self.switches.values():
            switch.stop()
        if self.database is not None and self.database._process is not None:
            self.database._process.send_signal(signal.SIGINT)  # fast: clients are cut off, the data is whole
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.database._process.wait(STOP_S)
            if self.database._process.poll() is None:
                self.database.kill()


def answers(switch: Embedded | Real) -> bool:
    try:
        switch.tap().close()
    except (OSError, AssertionError, TimeoutError):
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session, which it leads
        process.wait()
