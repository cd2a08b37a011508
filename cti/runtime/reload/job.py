"""What a reload hands to its child process and what comes back: pickles, each with its length before it.

The child is this very program and its pipe is private, so pickles are safe here; they are never read from a file. A
flow comes back node by node, because taking a whole one apart would hold up the hub for tens of milliseconds.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from cti.core.issue import Issue
from cti.flow import Calendar, Catalog, EntryTable, Flow
from cti.flow.notices import Notice

_LENGTH = struct.Struct(">I")
#: More is not asked for: the largest frame is one node, or all findings.
MAX_FRAME = 64 << 20


@dataclass(frozen=True, slots=True)
class PromptJob:
    """Where `WavPrompts` renders, and how."""

    folder: str
    cache: str
    voices: Mapping[str, str]
    speed: int


@dataclass(frozen=True, slots=True)
class Pin:
    """The version that callers meet as long as the files make ``file_version`` (None: whatever they make now)."""

    version: str
    file_version: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """``serving``: flow -> the version that callers meet now. ``shared``: name of a file (entry table, calendar,
    notices) -> the text in force. ``tested``: keys of those whose tests passed before. ``withdrawn``: (flow, version)
    of canaries that were taken back; ``trials``: flow -> the canary that runs.

    ``proven_only``: take nothing but what is serving and passed its tests; all else is pending. Without ``test`` no
    tests are run.
    """

    folder: str
    catalog: Catalog
    prompts: PromptJob | None = None
    serving: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    withdrawn: frozenset[tuple[str, str]] = frozenset()
    trials: Mapping[str, str] = field(default_factory=dict)
    tested: frozenset[str] = frozenset()
    proven_only: bool = False
    test: bool = True


# ---- frames from the child ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NeedVersion:
    """The child asks for the texts of a version; a frame with `FlowVersion.files`, or None, is the answer."""

    flow: str
    version: str  # or the beginning of one


@dataclass(frozen=True, slots=True)
class FlowHead:
    """``key`` names it for plans; ``flow`` is without nodes and tests. As many `NodePart` as ``nodes`` follow."""

    key: str
    flow: Flow
    nodes: int


@dataclass(frozen=True, slots=True)
class NodePart:
    name: str
    node: Any


@dataclass(frozen=True, slots=True)
class PlanPart:
    """``flows``: flow -> key of its `FlowHead`."""

    root: str
    version: str
    flows: Mapping[str, str]
    lookups: Mapping[str, Any]
    role: str = "active"  # or canary


@dataclass(frozen=True, slots=True)
class Held:
    """A flow or file that is not what its file says: ``version`` goes on (empty: there is none), because of
    ``issues``."""

    version: str
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """The last frame: what beside the plans is to be taken, and what not.

    ``held``: flow or file name -> why it is not taken. ``pending``: those that were not judged (`Job.proven_only`).
    ``entry`` None: the table stays; so do the notices. ``shared``: file name -> the text in force from now on.
    ``disk``: flow -> version that the files make; ``files``: flow -> the texts of that closure; ``authors``: flow or
    file name -> who owns the file.
    """

    issues: list[Issue]
    held: Mapping[str, Held] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    entry: EntryTable | None = None
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    notices: tuple[Notice, ...] | None = None
    shared: Mapping[str, str] = field(default_factory=dict)
    disk: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    authors: Mapping[str, str] = field(default_factory=dict)
    canaries: Mapping[str, str] = field(default_factory=dict)  # flow -> version
    tested: frozenset[str] = frozenset()
    tests_run: int = 0
    rendered: int = 0


def write_frame(stream: IO[bytes], frame: object) -> None:
    body = pickle.dumps(frame, pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Raises EOFError: the other side is gone, or wrote something else."""
    length = _LENGTH.unpack(_exactly(stream, _LENGTH.size))[0]
    if length > MAX_FRAME:
        raise EOFError("not a frame")
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = stream.read(size - len(found))
        if not more:
            raise EOFError("the other side is gone")
        found += more
    return found
