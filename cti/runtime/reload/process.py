"""The engine's side of a reload: starts the child, answers its questions, puts together what it hands over.

The hub is never held for long: frames are small, and after a few milliseconds of them others have their turn.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import gevent
from gevent import subprocess

from cti.core.errors import CtiError
from cti.flow import Flow, Plan
from cti.runtime.reload.job import Checked, FlowHead, Job, NeedVersion, NodePart, PlanPart, read_frame, write_frame
from cti.runtime.reload.judge import Verdict

#: How long the hub is held at most before others have their turn, and for how long they have it.
TURN_S, REST_S = 0.002, 0.002
#: Imports from where this engine does: a file in the working directory must not stand in for one of Python's.
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from cti.runtime.reload.child import main; sys.exit(main())"
_WORDS = 4000  # of what a child that failed said last

FindVersion = Callable[[str, str], "Mapping[str, str] | None"]


class ReloadFailed(CtiError):
    """The child said nothing that can be used: it crashed, was killed, or did not end in time."""

    code = "reload-failed"


def run_child(
    job: Job,
    find: FindVersion,
    deadline_s: float,
    command: tuple[str, ...] = (),
    building: Callable[[], object] = lambda: None,
) -> Verdict:
    """``find``: flow and version (or the beginning of one) -> the texts of its closure. Raises ReloadFailed.

    ``command``: another child than the usual one. ``building`` is called before the first flow is built. Whatever
    happens, no process is left.
    """
    child = subprocess.Popen(
        command or (sys.executable, "-P", "-c", _CHILD, *sys.path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that what it started is ended with it
    )
    said = gevent.spawn(_last_words, child.stderr)
    try:
        with gevent.Timeout(deadline_s) as overdue:
            assert child.stdin is not None
            write_frame(child.stdin, job)
            return _collect(child, find, building)
    except gevent.Timeout as timeout:
        if timeout is not overdue:
            raise
        raise ReloadFailed(
            f"checking the flows took longer than {deadline_s:g} s", remedy="look for a test or a prompt that hangs"
        ) from None
    except (EOFError, OSError) as error:
        child.wait(timeout=1.0)
        said.join(1.0)
        raise ReloadFailed(
            f"the process that checks the flows ended with status {child.poll()}: {_line(said.value)}",
            remedy="the log has what it said; `cti flow check` does the same by hand",
        ) from error
    finally:
        _end(child)
        said.kill()


def _collect(child: Any, find: FindVersion, building: Callable[[], object]) -> Verdict:
    builder = _Builder()
    turn = time.perf_counter()
    while True:
        frame = read_frame(child.stdout)
        if isinstance(frame, NeedVersion):
            write_frame(child.stdin, find(frame.flow, frame.version))
        elif isinstance(frame, Checked):
            return Verdict(frame, builder.plans, builder.canaries)
        else:
            building()
            builder.take(frame)
        if time.perf_counter() - turn > TURN_S:
            gevent.sleep(REST_S)
            turn = time.perf_counter()


class _Builder:
    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.canaries: dict[str, Plan] = {}
        self._flows: dict[str, Flow] = {}
        self._head: FlowHead | None = None
        self._nodes: dict[str, Any] = {}

    def take(self, frame: object) -> None:
        """Raises EOFError for a frame out of place."""
        match frame:
            case FlowHead():
                self._head, self._nodes = frame, {}
                self._finish()
            case NodePart(name, node) if self._head is not None:
                self._nodes[name] = node
                self._finish()
            case PlanPart():
                flows = {name: self._flows[key] for name, key in frame.flows.items()}
                plan = Plan(frame.root, flows, {}, frame.lookups, frame.version)
                (self.plans if frame.role == "active" else self.canaries)[frame.root] = plan
            case _:
                raise EOFError("a frame out of place")

    def _finish(self) -> None:
        head = self._head
        if head is not None and len(self._nodes) == head.nodes:
            self._flows[head.key] = replace(head.flow, nodes=self._nodes)
            self._head = None


def _last_words(stream: Any) -> bytes:
    """Read to the end, keep the end: a child that talks much must not stand still."""
    kept = b""
    while chunk := stream.read1(65536) if hasattr(stream, "read1") else stream.read(4096):
        kept = (kept + chunk)[-_WORDS:]
    return kept


def _line(said: object) -> str:
    lines = bytes(said).decode("utf-8", "replace").strip().splitlines() if isinstance(said, bytes) else []
    return lines[-1][:200] if lines else "it said nothing"


def _end(child: Any) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            stream.close()
