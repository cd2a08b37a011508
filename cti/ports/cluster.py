"""What joins the processes of a cluster: who is there, and messages between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cti.core.errors import CtiError

#: Roles of a process: it carries calls, distributes them, or answers clients.
ROLES = ("flow", "acd", "api")
#: A member of whom nothing was heard for so long, by our own clock, is gone.
GONE_S = 5.0
#: The job (`cti.runtime.job_owner`) whose holder distributes.
LEADER_JOB = "acd"
#: The longest body of a message, in bytes of JSON.
LONGEST = 64 * 1024


class TooLong(CtiError):
    """A message between processes is over 64 KB."""

    code = "message-too-long"
    remedy = "keep less in the variables that go with a call"


@dataclass(frozen=True, slots=True)
class Member:
    """One process. ``address`` stays the same over restarts (``node/slot`` of a flow worker, ``node/acd`` …), ``run``
    is another one at each start. ``api``: its base URL for other members, empty without one. ``switches``: those that
    it drives and that are up."""

    address: str
    run: str
    roles: frozenset[str]
    api: str = ""
    switches: tuple[str, ...] = ()
    draining: bool = False

    @property
    def node(self) -> str:
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Leader:
    """Who distributes. ``epoch`` rises with each one."""

    address: str
    run: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Message:
    """``sender`` and ``run``: of whom it comes. ``epoch``: of the leader in whose name it was written; 0: in nobody's.
    ``sequence`` rises by one with each message of this pair of runs. ``body``: JSON, 64 KB at most."""

    sender: str
    run: str
    kind: str
    body: Mapping[str, Any]
    epoch: int
    sequence: int


class Bus(Protocol):
    """Called and calling on the hub; what is told is told in order, one after the other."""

    me: str
    run: str
    #: Told of each member that came (True), or says something else of itself (True again), and that is over (False): no
    #: message of that run is told any more. One that was silent for `GONE_S` and goes on, in the same run, comes anew:
    #: over first, then there; what was on its way between is lost, and both sides say anew what they have. Who cannot
    #: reach the database for so long is told that all others are over.
    watchers: list[Callable[[Member, bool], None]]
    #: Told when somebody else leads, us included; None: nobody does, as far as is known.
    led: list[Callable[[Leader | None], None]]

    def members(self) -> Mapping[str, Member]:
        """By address, we among them."""

    def leader(self) -> Leader | None: ...

    def tell(self, **changed: Any) -> None:
        """Something of our own `Member` is different: switches, draining, api."""

    def send(self, to: str, run: str, kind: str, body: Mapping[str, Any], *, epoch: int = 0) -> None:
        """Put in line at once, never blocks: told there in the order of sending, at most once; dropped with the run
        that it is for. Raises CtiError (message-too-long) over 64 KB."""

    def listen(self, prefix: str, heard: Callable[[Message], None]) -> None:
        """Tell ``heard`` messages whose kind begins with ``prefix``. A message of an older epoch than the newest that
        was seen is refused."""


def holder_name(address: str, run: str) -> str:
    """With which a process takes the job `LEADER_JOB`, so that the others find its address and its run."""
    return f"{address}#{run}"


def read_holder(holder: str) -> tuple[str, str]:
    """Address and run; ("", "") for a job that nobody has."""
    address, _, run = holder.rpartition("#")
    return address, run
