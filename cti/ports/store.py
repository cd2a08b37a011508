"""What is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cti.core.documents import DocumentLeft
from cti.core.floor_records import EntryOpened
from cti.core.records import CallDetail, CallFilter, CallJournal, CallRow, NoticeTotal, Record, StoreHealth
from cti.core.request_files import Answer, MadeFile, RequestFile, TakenUp
from cti.core.snapshots import CallsLeft, Ownership, RunSnapshot, Sign
from cti.core.versions import Activation, FlowVersion, VersionFigures
from cti.core.wrapups import WrapUpRow


class Store(Protocol):
    """Records of calls: in by `record`, which returns at once (queued in order, grouped); reads block."""

    def record(self, record: Record) -> None:
        """Queue one record. Never raises for a database that is away; call it on the hub's thread only."""

    def together(self) -> AbstractContextManager[None]:
        """What is recorded within is written whole or not at all. For a moment only: others' records wait meanwhile."""

    def list_calls(
        self, *, limit: int, before: str | None = None, where: CallFilter | None = None, unmask: bool = False
    ) -> list[CallRow]:
        """Newest first; ``before`` is the `CallRow.cursor` to go on from. Raises StoreUnavailable."""

    def find_call(self, call_id: str, *, unmask: bool = False) -> CallDetail | None:
        """Raises StoreUnavailable."""

    def count_visits(
        self, flow: str, *, since: float | None = None, until: float | None = None
    ) -> list[tuple[str, str, int]]:
        """(node, exit, how often) of visits that began in [since, until); exit '' while one lasts. StoreUnavailable."""

    def count_notices(self, *, since: str | None = None) -> list[NoticeTotal]:
        """Callers told, by notice, from the day ``since`` (YYYY-MM-DD) on. Raises StoreUnavailable."""

    def find_documents(self, worker: str) -> list[DocumentLeft]:
        """Documents that the last engine of this worker left waiting, or with an agent. Raises StoreUnavailable."""

    def find_wrapups(self, call_ids: Collection[str], *, unmask: bool = False) -> dict[str, list[WrapUpRow]]:
        """What agents wrote about contacts of these calls, by call, the first one in front. Raises StoreUnavailable."""

    def find_journal(self, call_id: str) -> CallJournal | None:
        """What the call's last run was fed, in clear: for replays, never for display. Raises StoreUnavailable."""

    def find_journals(self, call_ids: Sequence[str]) -> dict[str, CallJournal]:
        """The same of many calls, by call; those without a journal are left out."""

    def fence(self, owner: str, epoch: int, on_stale: Callable[[], object]) -> None:
        """From here on what is recorded is written, and a write to the back office begun, only while the worker
        ``owner`` is at ``epoch``, which is looked at in the same transaction. After that nothing is: ``on_stale`` is
        told, once, where a record was refused."""

    def disown(self) -> None:
        """Another engine has the worker. What the database does not take at the end is not left for a next start."""

    def keep_snapshot(self, snapshot: RunSnapshot) -> None:
        """In the place of the call's last one; with the records put before it, or after them. Goes when the call ends.
        Returns at once."""

    def wait_snapshots(self, timeout_s: float) -> bool:
        """Until all that were put are in the database; False at the deadline."""

    def find_snapshots(self, owner: str) -> list[RunSnapshot]:
        """Of the calls of this worker that have no end yet. Raises StoreUnavailable."""

    def find_stays(self, worker: str) -> list[EntryOpened]:
        """Stays in queues that are open on record, of those calls. Raises StoreUnavailable."""

    def close_lost(self, live: Collection[str], at: float, *, switch: str | None = None) -> int:
        """End the calls that an earlier engine left open and that are not ``live`` (cause engine_lost); how many."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything queued so far is in the database; False at the deadline."""

    def health(self) -> StoreHealth: ...

    def close(self, timeout_s: float) -> bool:
        """Flush and stop; what cannot be written is spilled to a file and taken up at the next start."""


class OwnerBook(Protocol):
    """Which engine of a worker is the present one. Every method blocks its greenlet; raises StoreUnavailable."""

    def begin(self, owner: str, at: float) -> Ownership:
        """Another engine of this worker: the epoch after the last one."""

    def seen(self, owner: str, epoch: int, at: float) -> bool:
        """A sign of life; False: another engine of this worker has begun since."""

    def find(self, owner: str) -> Sign | None:
        """The last sign of life; None: no engine of this worker ever ran on this database."""

    def take_up(self, dead: str, seen: Sign, heir: str, epoch: int, run: str) -> CallsLeft | None:
        """All calls of the worker ``dead`` are ``heir``'s, of this ``epoch``, from now on, whole or not at all. None:
        ``dead`` is not as it was ``seen``."""


class FlowHistory(Protocol):
    """Versions of flows and which of them callers meet. Every method blocks its greenlet; raises StoreUnavailable."""

    def write(self, versions: Sequence[FlowVersion], activations: Sequence[Activation]) -> int:
        """All or nothing; a version that is there stays as it is. The number of the last activation, 0 without."""

    def settle(self, number: int, file_version: str) -> None:
        """Fill in the version that the files make, for a line written by somebody who could not know it."""

    def last_number(self) -> int: ...

    def active(self) -> dict[str, Activation]:
        """flow -> the line that says which version its callers meet (canaries and what is held back apart)."""

    def held(self) -> dict[str, Activation]:
        """flow -> its last line, where that says that it is held back."""

    def canaries(self) -> list[Activation]:
        """Every canary that was begun or taken back, the oldest first."""

    def history(self, flow: str, limit: int = 50, before: int | None = None) -> list[Activation]:
        """The newest first; ``before``: of a smaller number only."""

    def find(self, flow: str, version: str) -> list[FlowVersion]:
        """Versions of the flow that begin with ``version``; two at most, which is one too many."""

    def figures(self, flow: str, version: str, since: float = 0.0) -> VersionFigures:
        """Of the calls that this version met since then and that have ended."""


class RequestFiles(Protocol):
    """Questions that go by files, on disk when a call returns. Every method blocks its greenlet; StoreUnavailable."""

    def add(self, backend: str, key: str, row: bytes, now: float, expires_at: float | None) -> bool:
        """``expires_at``: a look-up that is in no file by then goes in none. False: the key is there already."""

    def find(self, backend: str, keys: Collection[str]) -> dict[str, Answer]:
        """How those stand that are known."""

    def due(self, backend: str, due_before: float, most: int) -> bool:
        """Is there a file that is not written, or what `claim` would make one of?"""

    def claim(
        self,
        backend: str,
        day: str,
        now: float,
        due_before: float,
        most: int,
        build: Callable[[int, Sequence[bytes]], MadeFile],
        worker: str,
        lease_s: float,
    ) -> RequestFile | None:
        """The next file, of the ``most`` oldest questions, once there are so many or one was asked before
        ``due_before``. ``build``: of number and rows. None: nothing is due, or a file is not written yet."""

    def lease(self, backend: str, now: float, worker: str, lease_s: float) -> RequestFile | None:
        """The claimed file that is not known to be written, for ``worker`` alone for so long. None: there is none, or
        another one is at it."""

    def ready(self, file: RequestFile, now: float, worker: str) -> bool:
        """From now on its last name may have been given. False: the lease has ended."""

    def written(self, file: RequestFile, now: float) -> None: ...

    def taken(self, backend: str) -> dict[str, int]:
        """Files of answers that were taken up: name -> bytes."""

    def take_up(
        self,
        backend: str,
        name: str,
        digest: str,
        size: int,
        answers: Iterable[tuple[str, Mapping[str, Any]]],
        now: float,
    ) -> TakenUp | None:
        """All of a file's answers (key, fields), once. None: it was taken up already."""

    def outstanding(self, backend: str) -> tuple[int, int]:
        """Questions that wait for a file, and those that are in one and wait for an answer."""

    def purge(self, backend: str, before: float, names: Collection[str]) -> None:
        """Forget what was answered, or asked for nobody any more, before then, but no file of ``names``."""


EventSink = Callable[[str, Mapping[str, Any]], None]
