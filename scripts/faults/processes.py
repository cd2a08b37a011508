"""Processes of a run: started in sessions of their own, so that what ends them is always this program."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from cti.boss import ensure_demo_database
from tests.real.scheduling import as_unit

WAIT_S = 60.0


def until(true: Callable[[], bool], what: str, timeout_s: float = WAIT_S, every_s: float = 0.05) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and an orderly end wait until it is left: what is being ended is ended. In the main thread alone."""
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda got, _frame: came.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in came[:1]:
            signal.raise_signal(got)


class Program:
    """``python -m …``; what it says goes to ``log``. An engine is scheduled as its unit has it beside a switch."""

    def __init__(self, log: Path, *arguments: str, piped: bool = False) -> None:
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments], stderr=output, start_new_session=True,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL, stdout=subprocess.PIPE if piped else output,
                preexec_fn=as_unit if arguments[:2] == ("cti", "serve") else None,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash. A stopped process ends, too."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def held(self) -> dict[str, int]:
        """Threads and file descriptors (proc(5)); empty when it has ended."""
        try:
            threads = next(
                line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "Threads" in line
            )
            return {"threads": int(threads.split()[1]), "descriptors": len(os.listdir(f"/proc/{self.pid}/fd"))}
        except (OSError, StopIteration):
            return {}


class Billing:
    """The demo's billing system, a socket back office."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = ensure_demo_database(folder / "billing.db")
        self._running = self._start()

    def _start(self) -> Program:
        bills = str(self._folder / "bills")
        program = Program(self._folder / "billing.log", "cti.boss.demo_billing", str(self._database), bills, piped=True)
        assert program.process.stdout is not None
        try:
            self.port = int(program.process.stdout.readline())
        except BaseException:
            program.kill()
            raise
        return program

    def send(self, number: signal.Signals) -> None:
        self._running.send(number)

    def kill(self) -> None:
        self._running.kill()

    def restart(self) -> None:
        self._running = self._start()


def postgresql() -> Path | None:
    """The folder of its programs, where they are and can be run."""
    found = shutil.which("initdb")
    beside = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = Path(found).resolve().parent if found else next(iter(beside), None)
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        return None  # it refuses to run as root
    return programs


class PostgreSQL:
    """A cluster in a folder of its own, on a Unix socket only."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(folder, self._user)
        command = [str(programs / "initdb"), "-D", "data", "-U", "cti", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(command, cwd=folder, user=self._user, check=True, timeout=60, stdout=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://cti@/postgres?host={self._folder}"

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", "data", "-c", "listen_addresses=",
                 "-c", f"unix_socket_directories={self._folder}"],
                cwd=self._folder, user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until(self._answers, "PostgreSQL answers")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {(self._folder / 'log').read_text(errors='replace')[-1000:]}")
        try:
            create_engine(self.url, poolclass=NullPool).connect().close()
        except SQLAlchemyError:
            return False
        return True

    def kill(self) -> None:
        """It and its children, as a power cut. Its children make sessions of their own, so each is named."""
        if self._process is None:
            return
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        self._process.kill()
        self._process.wait()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: all(_over(pid) for pid in pids), "its processes have ended")


def _over(pid: int) -> bool:
    """Ended, waited for by its parent or not (proc(5), state Z)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
