"""`cti serve` as a process of its own, on the folder and the switch of a `Platform`."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from gevent import subprocess  # as the program's own, whose watcher reaps every child of this process

from .platform import Platform

ROOT = Path(__file__).parents[2]


def alive(platform: Platform) -> str:
    return str(platform.switch.core.globals.get("cti_alive_0", ""))


class Engine:
    """`cti serve` as a process, on the platform's folder and switch."""

    def __init__(self, platform: Platform, *options: str, config: Path | None = None) -> None:
        self.platform, self.config = platform, config or platform.folder / "cti.yaml"
        self.log = self.config.with_suffix(f".{time.monotonic_ns()}.log")
        if not options:
            platform.switch.core.set_global("cti_alive_0", "0")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(self.config), *options],
                cwd=ROOT, stdout=output, stderr=output, env={**os.environ},
            )  # fmt: skip
        platform.processes.append(self.process)

    def __enter__(self) -> Engine:
        self.platform.until(lambda: alive(self.platform) == "1", "the engine beats", 30)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.platform.until(lambda: self.process.poll() is not None, "the engine ends", 20)

    def told(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        self.process.kill()
        self.platform.until(lambda: self.process.poll() is not None, "the engine is dead")

    def on_record(self) -> int:
        with sqlite3.connect(self.platform.folder / "data" / "cti.db") as database:
            found: int = database.execute("select count(*) from node_visits where node = 'main'").fetchone()[0]
        return found
