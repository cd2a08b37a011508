"""Engines as processes of their own on an embedded switch in another process, as many as a group has worker slots."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from _figures import cpu_s
from engine import ROOT, start_switch

from cti.switch.conf import slot_variable
from tests.real.esl import Tap, wait_until

CONFIG = """\
node: bench{slot}
data: data
flows: {flows}
switches: [{{name: bench, port: {port}, kind: embedded, password_file: {secret}}}]
api: {{port: 0}}
reload: {{watch: false}}
limits: {limits}
worker: {{slot: {slot}, drain_s: 0}}
queues: {{service: {{agents: [1001]}}}}
"""
NO_LIMIT = "{calls: 0, per_caller: 0, overload: {cpu_pct: 0, late_ms: 0}}"
ALWAYS_OPEN = "calendar: hotline\ntitle: Always open\ntimezone: Asia/Shanghai\nweek:\n  mon-sun: 00:00-24:00\n"
UP_S = 180.0


class Group:
    """``slots`` engines on a switch of their own. Prompts are rendered once into ``prompts``."""

    def __init__(self, folder: Path, slots: int, prompts: Path, limits: str = NO_LIMIT) -> None:
        folder.mkdir(parents=True)
        self.slots, self.folder = slots, folder
        flows = folder / "flows"
        shutil.copytree(ROOT / "ivr_flows", flows)
        (flows / "calendars" / "hotline.yaml").write_text(ALWAYS_OPEN)
        self.switch, self.port = start_switch(folder)
        self.tap = Tap("127.0.0.1", self.port, (folder / "secret").read_text().strip(), "HEARTBEAT")
        self.engines = [self._start(slot, flows, prompts, limits) for slot in range(slots)]

    def _start(self, slot: int, flows: Path, prompts: Path, limits: str) -> subprocess.Popen[bytes]:
        own = self.folder / str(slot)
        (own / "data" / "prompts").mkdir(parents=True)
        prompts.mkdir(exist_ok=True)
        (own / "data" / "prompts" / "fixed").symlink_to(prompts, target_is_directory=True)
        config = own / "cti.yaml"
        secret = self.folder / "secret"
        config.write_text(CONFIG.format(slot=slot, flows=flows, port=self.port, secret=secret, limits=limits))
        with (own / "engine.log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(config)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self._wait_alive(slot, process)
        return process

    def _wait_alive(self, slot: int, process: subprocess.Popen[bytes]) -> None:
        def alive() -> bool:
            if process.poll() is not None:
                raise RuntimeError((self.folder / str(slot) / "engine.log").read_text()[-2000:])
            return self.tap.api(f"global_getvar {slot_variable(slot)}") == "1"

        wait_until(alive, UP_S, f"engine {slot} takes calls", 0.2)

    def place(self, number: str, script: list[object]) -> None:
        wish = json.dumps({"number": number, "called": "10086", "script": script})
        answer = self.tap.api("cti_call " + base64.urlsafe_b64encode(wish.encode()).decode())
        if not answer.startswith("+OK"):
            raise RuntimeError(f"cti_call: {answer}")

    def channels(self) -> int:
        return int(self.tap.api("show channels count").split()[0])

    def cpu_s(self) -> list[float]:
        return [cpu_s(engine.pid) for engine in self.engines]

    def records(self) -> list[list[tuple[str, str, str]]]:
        """Of each engine: cause, outcome, entry of each call that is over."""
        found = []
        for slot in range(self.slots):
            file = self.folder / str(slot) / "data" / "cti.db"
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
                found.append(
                    database.execute(
                        "SELECT r.terminal_cause, r.outcome, c.entry FROM call_records r JOIN calls c USING (call_id)"
                    ).fetchall()
                )
        return found

    def stop(self) -> None:
        for engine in self.engines:
            engine.terminate()
        for engine in self.engines:
            engine.wait(30)
        self.tap.close()
        self.switch.terminate()
        self.switch.wait(20)
