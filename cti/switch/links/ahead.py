"""The thread of a switch on our machine that reads our commands gets a processor before the switch's calls.

FreeSWITCH reads commands byte by byte and yields after each (mod_event_socket.c: read_packet), at the real-time
priority of its calls (switch_apr.c: SWITCH_PRI_LOW, for every thread that asks for no other), and has no setting for
it. On a full machine a command then takes longer to arrive than what it orders takes to be done: calls last longer,
there are more of them, and the rate breaks down (docs/sizing.md, "One machine").

Whoever runs as the switch's user may move its threads up to the switch's RLIMIT_RTPRIO (sched_setscheduler(2)).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Self

from cti.esl import padded

log = logging.getLogger("cti.switch.links")

_PROC = Path("/proc")
_REAL_TIME = frozenset(getattr(os, name, -1) for name in ("SCHED_FIFO", "SCHED_RR"))

#: Bytes of a probe: reading them takes some 3 ms, a call uses less than 0.1 ms meanwhile.
_PROBE = 4_096
_PROBES = 3  # a call that begins meanwhile uses as much once, not each time
_ROUNDS = 3
_LEAST_NS = 300_000
_LIMIT_S = 5.0


class Standing(StrEnum):
    """Of the thread that reads our commands."""

    AHEAD = "ahead"
    ELSEWHERE = "elsewhere"  # the switch is on another machine (or in a container): it is its own master there
    EQUAL = "equal"  # the switch gives nobody a real-time priority: there is nothing to be ahead of
    FORBIDDEN = "forbidden"  # we are not the switch's user, or its limit is too low
    UNKNOWN = "unknown"  # its threads cannot be told apart


class Reader:
    """The thread of a connection that is about to be made. Made by `look` before it, asked to `go_ahead` after it."""

    def __init__(self, standing: Standing, pid: int = 0, others: frozenset[int] = frozenset()) -> None:
        self.standing = standing
        self._pid, self._others = pid, others

    @classmethod
    def look(cls, ports: tuple[int, int] | None) -> Self:
        """``ports``: the switch's and ours, of another connection to the same event socket; None: it has none. Never
        raises, takes milliseconds."""
        try:
            pid = _process_behind(*ports) if ports is not None else None
            if pid is None:
                return cls(Standing.ELSEWHERE)
            if pid == os.getpid() or os.sched_getscheduler(pid) not in _REAL_TIME:
                return cls(Standing.EQUAL)
            return cls(Standing.UNKNOWN, pid, frozenset(_threads(pid)))
        except PermissionError:
            return cls(Standing.FORBIDDEN)
        except (OSError, ValueError) as error:
            log.debug("the switch's process cannot be looked at: %s", error)
            return cls(Standing.UNKNOWN)

    def go_ahead(self, ask: Callable[[bytes], object]) -> Standing:
        """Find the thread and move it a step up. ``ask``: sends a command to it and waits for the answer; what it
        raises is passed on."""
        if not self._others:
            return self.standing
        try:
            until = monotonic() + _LIMIT_S
            for _ in range(_ROUNDS):
                thread = reader_of(self._work(ask, until))
                if thread is not None:
                    self.standing = _step_up(thread)
                    break
                if monotonic() > until:
                    break
        except PermissionError:
            self.standing = Standing.FORBIDDEN
        except (OSError, ValueError) as error:
            log.debug("the switch's threads cannot be looked at: %s", error)
        return self.standing

    def _work(self, ask: Callable[[bytes], object], until: float) -> dict[int, list[int]]:
        """Thread -> nanoseconds of processor time, for each probe, of those that are new since `look`."""
        new = [thread for thread in _threads(self._pid) if thread not in self._others]
        before = {thread: used for thread in new if (used := _used_ns(self._pid, thread)) is not None}
        work: dict[int, list[int]] = {thread: [] for thread in before}
        for _ in range(_PROBES):
            ask(padded(_PROBE))
            for thread in tuple(work):
                used = _used_ns(self._pid, thread)
                if used is None:  # it has ended
                    del work[thread]
                else:
                    work[thread].append(used - before[thread])
                    before[thread] = used
            if monotonic() > until:
                break
        return work


def reader_of(work: Mapping[int, list[int]]) -> int | None:
    """Of the threads the one that worked at every probe, at least twice as much as any other. None: not to be told."""
    least = sorted(((min(used, default=0), thread) for thread, used in work.items()), reverse=True)
    if not least or least[0][0] < _LEAST_NS:
        return None
    if len(least) > 1 and least[0][0] < 2 * least[1][0]:
        return None
    return least[0][1]


def _step_up(thread: int) -> Standing:
    policy = os.sched_getscheduler(thread)
    if policy not in _REAL_TIME:
        return Standing.EQUAL
    own = os.sched_getparam(thread).sched_priority
    most = os.sched_get_priority_max(policy)
    os.sched_setscheduler(thread, policy, os.sched_param(min(own + 1, most)))
    return Standing.AHEAD


def _process_behind(port: int, ours: int) -> int | None:
    """The process that has the other end of a connection within this machine; None: it is elsewhere. Raises
    PermissionError: another user's."""
    inode = _inode(port, ours)
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    for folder in _PROC.glob("[0-9]*/fd"):
        try:
            if any(_target(file) == wanted for file in os.scandir(folder)):
                return int(folder.parent.name)
        except OSError:  # another user's, or it has ended
            continue
    raise PermissionError(f"the process with {wanted} is not shown to us")


def _target(file: os.DirEntry[str]) -> str:
    try:
        return os.readlink(file.path)
    except OSError:  # closed meanwhile
        return ""


def _inode(local: int, remote: int) -> int | None:
    """Of the socket on port ``local`` that is connected to ``remote``; proc(5), /proc/net/tcp. Addresses need not be
    looked at: whoever is found by mistake does not answer to the probes."""
    for line in _connections():
        words = line.split()
        if [int(words[k].rpartition(":")[2], 16) for k in (1, 2)] == [local, remote]:
            return int(words[9]) or None  # 0: nobody has accepted it yet
    return None


def _connections() -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        try:
            yield from (_PROC / "net" / name).read_text().splitlines()[1:]
        except FileNotFoundError:  # another system, or no IPv6
            continue


def _threads(pid: int) -> list[int]:
    return [int(name) for name in os.listdir(_PROC / str(pid) / "task")]


def _used_ns(pid: int, thread: int) -> int | None:
    """Processor time since the thread began (Documentation/scheduler/sched-stats.rst); None: it has ended."""
    try:
        return int((_PROC / str(pid) / "task" / str(thread) / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return None
