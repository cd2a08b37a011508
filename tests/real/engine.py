"""The engine as a process of its own, `cti serve`, on a real switch: started, asked over its API, killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cti.switch.conf import slot_variable

from .esl import wait_until
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
worker: {{slot: {slot}, guard_s: 6, drain_s: 1}}
limits: {{calls: 400, per_caller: 0}}
queues:
  service: {{agents: [1011]}}
"""

#: The shipped calendar has nights; these tests run at any hour.
ALWAYS_OPEN = "calendar: hotline\ntitle: Always open\ntimezone: Asia/Shanghai\nweek:\n  mon-sun: 00:00-24:00\n"


class EngineProcess:
    """``folder`` keeps its data between starts, prompts and records included."""

    def __init__(self, switch: RealSwitch, folder: Path, slot: int = 0) -> None:
        self.folder, self.switch, self.slot = folder, switch, slot
        self.api_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        if not (folder / "flows").exists():
            shutil.copytree(ROOT / "ivr_flows", folder / "flows")
            (folder / "flows" / "calendars" / "hotline.yaml").write_text(ALWAYS_OPEN)
        self.config = folder / "cti.yaml"
        conf = switch.conf
        self.config.write_text(
            CONFIG.format(
                host=conf.host, port=conf.port, password_file=conf.password_file, api_port=self.api_port, slot=slot
            )
        )

    def start(self) -> None:
        with (self.folder / "engine.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(self.config)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
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
        """JSON of the API."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}", timeout=5) as answer:
            return json.load(answer)

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

    def kill(self) -> None:
        """As a crash: nothing is said to the switch."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(5)

    def log(self) -> str:
        path = self.folder / "engine.log"
        return path.read_text(errors="replace") if path.exists() else ""


def _finished(calls: list[dict[str, Any]], count: int) -> bool:
    return len(calls) >= count and all(call["ended_at"] for call in calls)
