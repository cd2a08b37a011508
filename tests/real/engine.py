"""The engine as a process of its own, `cti serve`, on a real switch: started, asked over its API, killed."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cti.app import open_accounts
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant, Role
from cti.core.people import UserKind
from cti.switch.conf import slot_variable

from .esl import wait_until
from .scheduling import as_unit
from .switch import RealSwitch, free_port

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0  # the first start renders every prompt
STOP_S = 20.0

CONFIG = """\
node: realtest
data: data
flows: flows
switches:
  - {{name: fs, host: {host}, port: {port}, password_file: {password_file}, domain: cti.local}}
api: {{host: 127.0.0.1, port: {api_port}}}
worker: {{slot: {slot}, guard_s: {guard_s}, drain_s: 1}}
limits: {{calls: {calls}, per_caller: 0, overload: {{cpu_pct: 0, late_ms: 0}}}}
queues:
  service: {{agents: [1011]}}
"""

#: The shipped calendar has nights; these tests run at any hour.
ALWAYS_OPEN = "calendar: hotline\ntitle: Always open\ntimezone: Asia/Shanghai\nweek:\n  mon-sun: 00:00-24:00\n"


class EngineProcess:
    """``folder`` keeps its data between starts; prompts are rendered once for all engines of a run."""

    def __init__(self, switch: RealSwitch, folder: Path, slot: int = 0, *, guard_s: int = 6, calls: int = 400) -> None:
        self.folder, self.switch, self.slot = folder, switch, slot
        self.api_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.shipped = not (folder / "flows").exists()
        if self.shipped:
            shutil.copytree(ROOT / "ivr_flows", folder / "flows")
            (folder / "flows" / "calendars" / "hotline.yaml").write_text(ALWAYS_OPEN)
        self.prompts = _shared_prompts(folder)
        if not (folder / "data" / "prompts").exists():
            (folder / "data" / "prompts").mkdir(parents=True)
            (folder / "data" / "prompts" / "fixed").symlink_to(self.prompts, target_is_directory=True)
        self.config = folder / "cti.yaml"
        conf = switch.conf
        self.config.write_text(
            CONFIG.format(
                host=conf.host,
                port=conf.port,
                password_file=conf.password_file,
                api_port=self.api_port,
                slot=slot,
                guard_s=guard_s,
                calls=calls,
            )
        )

    def start(self) -> None:
        first = self.shipped and self.process is None
        with _one_at_a_time(self.prompts) if first else contextlib.nullcontext():
            self._start()

    def _start(self) -> None:
        with (self.folder / "engine.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(self.config)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=as_unit,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while not (self.healthy() and self._alive()):
            if self.process.poll() is not None:
                raise RuntimeError(f"the engine ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            if time.monotonic() > until:
                self.stop()
                raise TimeoutError(f"the engine is not up after {START_S} s:\n{self.log()[-3000:]}")
            time.sleep(0.2)

    def healthy(self) -> bool:
        try:
            return bool(self.get("/healthz")["status"] == "ok")
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def _alive(self) -> bool:
        """The dialplan gives it calls: a beat or so after the links are up."""
        with self.switch.tap("HEARTBEAT") as tap:
            return tap.api(f"global_getvar {slot_variable(self.slot)}") == "1"

    def get(self, path: str) -> Any:
        """JSON of the API, as an auditor sees it."""
        headers = {} if path == "/healthz" else {"X-API-Key": self.api_key}
        asking = urllib.request.Request(f"http://127.0.0.1:{self.api_port}{path}", headers=headers)
        with urllib.request.urlopen(asking, timeout=30) as answer:
            return json.load(answer)

    @functools.cached_property
    def api_key(self) -> str:
        """Of a machine user of its own, whose name no other engine on this folder takes."""
        with open_accounts(load_settings(self.config)) as accounts:
            deed = accounts.deed(SYSTEM, reason="test")
            name = f"test-{self.slot}-{self.api_port}"
            user, _ = accounts.add_user(name, [Grant(Role.AUDITOR)], deed, kind=UserKind.MACHINE)
            return accounts.add_key(user.user_id, "test", deed)[1]

    def calls(self) -> list[dict[str, Any]]:
        """Finished and running calls, newest first, at most 500."""
        found: list[dict[str, Any]] = self.get("/v1/calls?limit=500")["items"]
        return found

    def finished(self, count: int, timeout_s: float) -> list[dict[str, Any]]:
        """At least ``count`` calls, none of them running."""
        wait_until(lambda: _finished(self.calls(), count), timeout_s, f"{count} finished calls on record", 0.3)
        return self.calls()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        with contextlib.suppress(OSError, TimeoutError, AssertionError):  # the switch may have been stopped before
            self._forget_its_end()

    def _forget_its_end(self) -> None:
        """Five seconds after its engine the switch's schedule closes a slot: in the middle of the next test."""
        with self.switch.tap("HEARTBEAT") as tap:
            for turn in (0, 1):
                tap.api(f"sched_del {slot_variable(self.slot)}_{turn}")
            tap.api(f"global_setvar {slot_variable(self.slot)}=0")

    def kill(self) -> None:
        """As a crash: nothing is said to the switch."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(5)

    def log(self) -> str:
        path = self.folder / "engine.log"
        return path.read_text(errors="replace") if path.exists() else ""


def _shared_prompts(folder: Path) -> Path:
    """Where all engines of this run of the tests keep fixed prompts: their names tell text, voice and version.
    CTI_TEST_PROMPTS names it where a run has several parts; else it lies beside the folders of the workers."""
    above = folder.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else folder.parent
    shared = Path(os.environ.get("CTI_TEST_PROMPTS") or above / "fixed-prompts")
    shared.mkdir(parents=True, exist_ok=True)
    return shared


@contextlib.contextmanager
def _one_at_a_time(prompts: Path) -> Iterator[None]:
    """The first engine renders them, the others find them there."""
    with (prompts / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _finished(calls: list[dict[str, Any]], count: int) -> bool:
    return len(calls) >= count and all(call["ended_at"] for call in calls)
