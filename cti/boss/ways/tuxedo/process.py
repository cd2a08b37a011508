"""A worker process, seen from the platform: started, asked, ended, begun anew. All of it belongs to the hub."""

from __future__ import annotations

import json
import logging
import os
import struct
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent import socket, subprocess
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from cti.boss.way import WayError

log = logging.getLogger("cti.boss")

WORKER = Path(__file__).with_name("worker.py")
#: From one start to the next, when workers end: from the first to the second, twice as long each time.
AGAIN_S, AGAIN_MOST_S = 0.2, 10.0
#: A worker that lived so long is none that cannot start.
STEADY_S = 30.0
#: The longest message from a worker; an answer is a buffer of the domain, and those have bounds, too.
MESSAGE_MAX = 16 << 20
STOP_S = 2.0
#: The least life of a worker that is begun anew because it finds no service; and how long the next worker goes without
#: that service: twice as long each time, so that a name that is wrong costs the other services little.
RENEW_S, RENEW_MOST_S = 5.0, 300.0

Told = Mapping[str, Any]


class WorkerProcess:
    """``asked``: the first message to it (module, threads, user, password)."""

    def __init__(self, name: str, asked: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._name, self._asked, self._environment = name, asked, dict(environment)
        self._socket: Any = None
        self._process: Any = None
        self._pending: dict[int, tuple[AsyncResult[Told | WayError], float]] = {}
        self._number = 0
        self._writing = BoundedSemaphore()  # two greenlets would mix their messages when the buffer is full
        self._missing: dict[str, tuple[float, float]] = {}  # by service: not before, and for how long after that
        self.renewing, self._at_once = False, False
        self.module, self.trouble, self.starts, self._began = "", "", 0, 0.0
        self._runs = gevent.spawn(self._run)

    @property
    def up(self) -> bool:
        return bool(self.module)

    @property
    def busy(self) -> int:
        return len(self._pending)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else int(self._process.pid)

    def overdue(self, now: float) -> float:
        """For how long its longest call is past its deadline; below 0: none is."""
        return max((now - deadline for _, deadline in self._pending.values()), default=-1.0)

    def call(self, message: Mapping[str, Any], deadline: float) -> Told:
        """Blocks until the worker's thread has ended, past the deadline too: it counts as at work until then. Raises
        WayError."""
        if not self.up:
            raise WayError("error", self.trouble or "no-worker", sent=False)
        self._number += 1
        number = self._number
        ended: AsyncResult[Any] = AsyncResult()
        self._pending[number] = ended, deadline
        raw = json.dumps({**message, "id": number}).encode()
        process = self._process
        with self._writing:
            if ended.ready() or self._process is not process:  # it ended while we waited for our turn
                self._pending.pop(number, None)
                raise WayError("error", "worker-died", sent=False)
            try:
                self._socket.sendall(struct.pack("!I", len(raw)) + raw)
            except OSError:
                self._pending.pop(number, None)
                raise WayError("error", "worker-died", sent=True) from None
        found: Any = ended.get()
        if isinstance(found, WayError):
            raise WayError(found.outcome, found.reason, sent=found.sent)
        told: Told = found
        return told

    def missing(self, service: str) -> None:
        """It does not find a service. A client that was there before the domain was stopped and started stays attached
        to what the old one has left (tried with Enduro/X 8: TPENOENT for ever), so another process is begun; not while
        it has other calls, and ever more rarely for a service that the new one does not find either."""
        now = time.monotonic()
        after, pause_s = self._missing.get(service, (0.0, RENEW_S))
        if self._pending or not self.up or now < max(after, self._began + RENEW_S):
            return
        self._missing[service] = now + pause_s, min(2 * pause_s, RENEW_MOST_S)
        self.module, self.renewing, self._at_once = "", True, True
        self.kill()

    def found(self, service: str) -> None:
        self._missing.pop(service, None)

    def kill(self) -> None:
        """What it does is ended with it; another one begins."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        self._runs.kill()
        self._end("closed")

    # ---- its life ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = AGAIN_S
        while True:
            began = self._began = time.monotonic()
            try:
                self._start()
                self._listen()
            except (OSError, ValueError) as error:
                self.trouble = f"worker-{type(error).__name__}"
            self._end("worker-died")
            if self._at_once:
                self._at_once = False
                continue
            self.renewing = False
            log.error("%s: a worker process has ended: %s", self._name, self.trouble or "it died")
            if time.monotonic() - began > STEADY_S:
                pause_s = AGAIN_S
            gevent.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_MOST_S)

    def _start(self) -> None:
        """Raises OSError."""
        self.starts += 1
        ours, theirs = socket.socketpair()
        try:
            os.set_inheritable(theirs.fileno(), True)
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(WORKER), str(theirs.fileno())],
                env=self._environment, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._socket = ours
        raw = json.dumps(self._asked).encode()
        ours.sendall(struct.pack("!I", len(raw)) + raw)

    def _listen(self) -> None:
        """Until it ends. Raises OSError, ValueError for what is no message."""
        with self._socket.makefile("rb") as file:  # it holds the socket open, as long as a traceback holds it
            while head := file.read(4):
                (size,) = struct.unpack("!I", head)
                if size > MESSAGE_MAX:
                    raise ValueError("too long")
                told = json.loads(file.read(size))
                if "module" in told:
                    if not told["module"]:
                        self.trouble, self.renewing = "no-module", False
                        log.error("%s: no XATMI client is installed: %s", self._name, told["what"])
                        continue
                    self.module, self.trouble, self.renewing = told["module"], "", False
                    continue
                ended, _ = self._pending.pop(told["id"], (None, 0.0))
                if ended is not None:
                    ended.set(told)

    def _end(self, why: str) -> None:
        self.module = ""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for ended, _ in self._pending.values():
            ended.set(WayError("error", why, sent=True))
        self._pending.clear()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:  # the system does not let go of it yet; it is no longer ours to wait for
                log.error("%s: the worker process %s does not end", self._name, process.pid)
