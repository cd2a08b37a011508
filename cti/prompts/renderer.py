"""Starts the processes that render texts: at most two at once, each with a deadline, none on the hub."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from gevent import subprocess
from gevent.lock import BoundedSemaphore

from cti.core.errors import CtiError
from cti.prompts import render_child
from cti.prompts.parts import unavailable

#: Raised when the way of rendering changes, so that what was cached before is rendered anew.
VERSION = "2"
_CHILD = Path(render_child.__file__)
_MOST_WAITING = 200


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
        quality = [render_child.AS_SPOKEN] if once else []
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD), voice, str(self._speed), str(draft), *quality],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # so that its espeak-ng can be ended with it
        )
        try:
            _, said = child.communicate(text.encode(), timeout=self._render_s)
        except subprocess.TimeoutExpired:
            raise unavailable(f"a prompt was not rendered within {self._render_s:.0f} s") from None
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        return int(child.returncode), said.decode("utf-8", "replace").strip()

    def _check(self, status: int, said: str) -> None:
        if status == render_child.MISSING:
            raise EspeakMissing
        if status == render_child.SILENT:
            raise unavailable("there is nothing to speak in a prompt's text", "write words")
        if status == render_child.REFUSED:
            raise unavailable(f"espeak-ng refused: {said[-200:]}", "check prompts.voices (espeak-ng --voices)")
        if status:
            raise unavailable(f"the renderer ended with status {status}")


def _literal(text: str) -> str:
    """espeak-ng reads ``[[…]]`` as phonemes; set apart, the brackets are just brackets."""
    while "[[" in text:
        text = text.replace("[[", "[ [")
    return text
