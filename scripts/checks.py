"""All checks and tests, at the same time where they do not disturb each other. Called by scripts/test, from the root.

Style, layers and the collection of all tests come first and end the run when they fail; the latter compiles the tests
once, where each of the many processes after it would. Then types, the seeds of the simulation, which compute all the
time and step back for the others, the tests, and those on a real FreeSWITCH run beside each other: both wait for calls
and processes more than half of their time. What counts how many callers are served runs last,
alone. Each part is shown whole when it has ended; one that fails fails the run.

Ten processes on two cores can delay any of them by seconds. So where a few tests fail in such a part, they are run once
more, one after the other with nothing beside them. What fails then fails the run; what passes is named at the end: it
depends on time and is to be mended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "--durations=10", "--durations-min=5")
SPREAD = (
    "--dist",
    "loadfile",
    "--no-loadscope-reorder",
)  # a file's tests stay together, in the order of tests/conftest
POLL_S, TELL_S, STOP_S = 0.2, 60.0, 20.0
TESTS_FAILED = 1  # pytest's exit status; others mean that it could not run
AGAIN_AT_MOST = 10  # more than that is no matter of time


@dataclass
class Part:
    """``nice``: how far it steps back for the others. ``quiet``: what it prints matters only when it fails. ``spread``:
    for pytest, the options by which its tests go to several processes; a part that has them may be run again."""

    name: str
    command: Sequence[str | Path]
    nice: int = 0
    quiet: bool = False
    spread: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    output: Path = field(default_factory=Path)
    began: float = 0.0
    seconds: float = 0.0
    status: int | None = None

    def start(self, folder: Path) -> None:
        self.output = folder / f"{self.name.replace(' ', '-')}.txt"
        self.began = time.monotonic()
        remembered = ("-o", f"cache_dir={self.memory(folder)}") if self.spread else ()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*(["nice", "-n", str(self.nice)] if self.nice else []), *self.command, *self.spread, *remembered],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def ended(self) -> bool:
        assert self.process is not None
        if self.status is None and self.process.poll() is not None:
            self.status, self.seconds = self.process.returncode, time.monotonic() - self.began
            self.tell()
        return self.status is not None

    def tell(self) -> None:
        said = "" if self.quiet and self.status == 0 else self.output.read_text(errors="replace").rstrip()
        print(f"== {self.name}: {self.word} in {self.seconds:.0f} s\n{said}\n", flush=True)

    @property
    def word(self) -> str:
        return "not ended" if self.status is None else "passed" if self.status == 0 else f"FAILED ({self.status})"

    def memory(self, folder: Path) -> Path:
        return folder / f"{self.name.replace(' ', '-')}.cache"

    def failed(self, folder: Path) -> list[str]:
        """The tests that failed, by pytest's own note of them."""
        note = self.memory(folder) / "v" / "cache" / "lastfailed"
        return sorted(json.loads(note.read_text())) if note.is_file() else []

    def again(self, folder: Path) -> Part | None:
        """The same with the tests that failed only, in one process; None where that would prove nothing."""
        failed = self.failed(folder) if self.spread and self.status == TESTS_FAILED else []
        if not 0 < len(failed) <= AGAIN_AT_MOST:
            return None
        remembered = ("-o", f"cache_dir={self.memory(folder)}", "--last-failed", "--last-failed-no-failures", "none")
        return Part(f"{self.name}, again", (*self.command, *remembered))

    def stop(self) -> None:
        """With all that it started: orderly, then by force."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


STYLE = (
    Part("style", (BIN / "ruff", "check", ".")),
    Part("format", (BIN / "ruff", "format", "--check", ".")),
    Part("layers", (BIN / "lint-imports",)),
    Part("collection", (sys.executable, "-m", "pytest", "-qq", "--collect-only"), quiet=True),
)
REAL = ("tests/real", "tests/contract")
SIMULATION = "tests/simulation"
TOGETHER = (
    Part("types", (BIN / "mypy",), nice=10),
    Part("tests on a real FreeSWITCH", (*PYTEST, "-m", "real and not load"), spread=("-n", "3", *SPREAD, *REAL)),
    Part("tests", (*PYTEST, "-m", "not real", f"--ignore={SIMULATION}"), spread=("-n", "5", *SPREAD)),
    Part("simulation", (*PYTEST, "-m", "not real", SIMULATION), nice=5, spread=("-n", "1", *SPREAD)),
)
ALONE = (Part("load on a real FreeSWITCH", (*PYTEST, "-m", "load", *REAL)),)


def run(parts: Sequence[Part], folder: Path) -> bool:
    """All at once, to their ends; did all pass?"""
    for part in parts:
        part.start(folder)
    told = time.monotonic()
    while [part for part in parts if not part.ended()]:
        time.sleep(POLL_S)
        if time.monotonic() - told > TELL_S:
            told = time.monotonic()
            print(f"   … still running: {', '.join(part.name for part in parts if part.status is None)}", flush=True)
    return all(part.status == 0 for part in parts)


def run_again(parts: Sequence[Part], folder: Path) -> list[str]:
    """What failed beside others, alone. Changes the parts' status where all of it passes; returns those tests."""
    late = []
    for part in parts:
        failed, second = part.failed(folder), part.again(folder)
        if second is None:
            continue
        try:
            if run((second,), folder):
                late += failed
                part.status = 0
        finally:
            second.stop()
    return late


@contextmanager
def scratch() -> Iterator[Path]:
    """Prompts are rendered once for all parts; whatever still runs at the end is stopped."""
    with tempfile.TemporaryDirectory(prefix="cti-checks-") as name:
        os.environ["CTI_TEST_PROMPTS"] = f"{name}/prompts"
        try:
            yield Path(name)
        finally:
            for part in (*STYLE, *TOGETHER, *ALONE):
                part.stop()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with scratch() as folder:
        good, late = run(STYLE, folder), []
        if good:
            run(TOGETHER, folder)
            late = run_again(TOGETHER, folder)
            good = all([*(part.status == 0 for part in TOGETHER), run(ALONE, folder)])
    for part in (*STYLE, *TOGETHER, *ALONE):
        print(f"   {part.name:28} {'not run' if part.process is None else f'{part.word}, {part.seconds:.0f} s'}")
    for test in late:
        print(f"   passed only alone: {test}")
    print("== all passed" if good else "== FAILED")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
