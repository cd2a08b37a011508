"""Hands texts to the processes that render them: at most two, each text with a deadline, nothing on the hub."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess
from gevent.lock import BoundedSemaphore

from cti.core.errors import CtiError
from cti.prompts import render_child
from cti.prompts.parts import unavailable

#: Raised when the way of rendering changes, so that what was cached before is rendered anew.
VERSION = "2"
_CHILD = Path(render_child.__file__)
_MOST_WAITING = 200
_MOST_JOBS = 1_000  # of one process, whose use of the processor is bounded


class EspeakMissing(CtiError):
    """espeak-ng is not installed: no text can be spoken on a real switch."""

    code = "espeak-missing"

    def __init__(self) -> None:
        super().__init__("espeak-ng is not installed, so no text can be spoken", remedy="apt-get install espeak-ng")


class Renderer:
    """Renders with espeak-ng. ``speed`` in words per minute; ``path``: where programs are looked for (PATH if None)."""

    def __init__(
        self, *, speed: int = 160, processes: int = 2, render_s: float = 30.0, path: str | None = None
    ) -> None:
        self._speed = speed
        self._render_s = render_s
        self._slots = BoundedSemaphore(processes)
        self._waiting = 0
        self._free: list[_Worker] = []
        self._closed = False
        self._environment = {"PATH": path if path is not None else os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}

    @property
    def fingerprint(self) -> str:
        """What besides text and voice decides how a prompt sounds."""
        return f"{VERSION}/espeak-ng/{self._speed}"

    def render(self, text: str, voice: str, output: Path, *, once: bool = False) -> None:
        """``output`` exists afterwards, complete. ``once``: quickly, for what is played once, at espeak-ng's own rate.

        Raises CtiError (prompt-unavailable, espeak-missing)."""
        if self._waiting >= _MOST_WAITING:
            raise unavailable(f"{_MOST_WAITING} prompts are waiting to be rendered already")
        self._waiting += 1
        try:
            with self._slots:
                self._render(text, voice, output, once)
        finally:
            self._waiting -= 1

    def _render(self, text: str, voice: str, output: Path, once: bool) -> None:
        draft = output.with_name(f".{output.name}.{os.getpid()}")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            self._check(*self._run(_literal(text), voice, draft, once))
            draft.replace(output)
        except OSError as error:
            raise unavailable(f"a prompt cannot be written: {error.strerror}", f"check {output.parent}") from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _run(self, text: str, voice: str, draft: Path, once: bool) -> tuple[int, str]:
        worker = self._free.pop() if self._free else _Worker(self._environment)
        job = {"text": text, "voice": voice, "speed": self._speed, "output": str(draft), "once": once}
        try:
            with gevent.Timeout(
                self._render_s, unavailable(f"a prompt was not rendered within {self._render_s:.0f} s")
            ):
                status, said = worker.ask(job)
        except BaseException:
            worker.kill()  # whatever it still answers would be taken for the next one's
            raise
        if self._closed or worker.jobs >= _MOST_JOBS:
            worker.kill()
        else:
            self._free.append(worker)
        return status, said

    def close(self) -> None:
        """End the processes that are idle; one that renders ends with its text."""
        self._closed = True
        while self._free:
            self._free.pop().kill()

    def _check(self, status: int, said: str) -> None:
        if status == render_child.MISSING:
            raise EspeakMissing
        if status == render_child.SILENT:
            raise unavailable("there is nothing to speak in a prompt's text", "write words")
        if status == render_child.REFUSED:
            raise unavailable(f"espeak-ng refused: {said[-200:]}", "check prompts.voices (espeak-ng --voices)")
        if status == render_child.UNWRITTEN:
            raise OSError(0, said)
        if status:
            raise unavailable(f"the renderer ended with status {status}")


class _Worker:
    """One such process; it answers one text after the other, and ends when we do."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.jobs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # so that its espeak-ng can be ended with it
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self._answers = self._process.stdin, self._process.stdout

    def ask(self, job: dict[str, Any]) -> tuple[int, str]:
        """(status, what was said). Raises CtiError when the process has ended."""
        self.jobs += 1
        try:
            self._jobs.write(json.dumps(job).encode() + b"\n")
            self._jobs.flush()
            line = self._answers.readline()
            answer = json.loads(line)
        except (OSError, ValueError) as error:
            raise unavailable("the process that renders prompts has ended") from error
        return int(answer["status"]), str(answer["said"]).strip()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._jobs.close()
        self._answers.close()


def _literal(text: str) -> str:
    """espeak-ng reads ``[[…]]`` as phonemes; set apart, the brackets are just brackets."""
    while "[[" in text:
        text = text.replace("[[", "[ [")
    return text
