"""Members of a cluster and their messages in the database (`cti.runtime.cluster.shared_bus` makes a bus of it).

Who is there is settled in the database: a process that another one finds silent is *buried*, its generation goes up.
What a process writes, it writes together with a sign of life under its generation, in one transaction; one that was
buried finds its generation gone, and nothing of that is written. A message is from and to a run *and* a generation, so
nothing that was under way when one of the two was gone is ever read.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Engine, delete, func, select, tuple_, update

from cti.core.errors import CtiError
from cti.ports.cluster import LEADER_JOB, Member
from cti.store.database import ENDINGS, insert_ignoring, insert_new, make_engine
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_cluster import cluster_drains, cluster_members, cluster_messages
from cti.store.schema_jobs import job_leases
from cti.store.sealing import SealBroken, Sealer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL

log = logging.getLogger("cti.cluster")

CHANNEL = "cti_cluster"
#: A message that was not to be said any more.
VOID = "void"
#: A process that is gone is shown for so long.
_SHOWN_S = 7 * 86400.0


class Buried(CtiError):
    """This process was found silent, or another has its address: what it wanted to write is not written."""

    code = "member-gone"


@dataclass(frozen=True, slots=True)
class MemberRow:
    """``ordered``: people have told it to drain; ``member.draining`` is true then, too. ``since``: wall time at which
    it came or went."""

    member: Member
    generation: int
    beats: int
    gone: bool
    since: float
    ordered: bool

    @property
    def stream(self) -> str:
        return stream_of(self.member.run, self.generation)


@dataclass(frozen=True, slots=True)
class Post:
    """A message as it is carried. ``body``: JSON."""

    sender: str
    recipient: str
    sequence: int
    kind: str
    epoch: int
    body: bytes

    @property
    def key(self) -> tuple[str, str, int]:
        return self.sender, self.recipient, self.sequence


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    holder: str
    epoch: int
    beats: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What one exchange has read."""

    posts: list[Post]
    members: list[MemberRow]
    lease: LeaseSeen | None


def stream_of(run: str, generation: int) -> str:
    return f"{run}.{generation}"


class ClusterStore(Repository):
    """On connections of its own, two at most, with short endings: what else the process asks the database for must not
    make it look dead."""

    def __init__(self, url: URL, sealer: Sealer) -> None:
        super().__init__(make_engine(url, busy_s=2.0, read_only=False, endings=ENDINGS.brief(connections=3)), url)
        self._sealer = sealer

    @property
    def engine(self) -> Engine:
        return self._engine

    def close(self) -> None:
        super().close()
        self._engine.dispose()

    def join(self, member: Member, at: float, *, take: bool) -> int | None:
        """The generation of ``member`` from now on. ``take``: also from another run that lives; else None then."""

        def work(connection: Connection) -> int | None:
            table = cluster_members
            values = {"run": member.run, "beats": 0, "gone": False, "since": at, **_own(member)}
            if insert_new(connection, table, {"address": member.address, "generation": 1, **values}):
                generation = 1
            else:
                of = select(table).where(table.c.address == member.address).with_for_update()
                row = connection.execute(of).one()
                if row.run != member.run and not row.gone and not take:
                    return None
                generation = int(row.generation) + 1
                connection.execute(
                    update(table).where(table.c.address == member.address).values(generation=generation, **values)
                )
                _forget(connection, row.run, row.generation)
            connection.execute(delete(table).where(table.c.gone, table.c.since < at - _SHOWN_S))
            streams = [row.stream for row in _members(connection)]
            connection.execute(delete(cluster_messages).where(cluster_messages.c.recipient.not_in(streams)))
            _notify(connection, {""})
            return generation

        return self._write(work)

    def exchange(
        self,
        member: Member,
        generation: int,
        posts: Sequence[Post],
        taken: Sequence[tuple[str, str, int]],
        most: int,
        *,
        changed: bool = False,
    ) -> Seen:
        """A sign of life, with what is to be sent; what has come for us, at most ``most``. ``taken`` is deleted.
        ``posts`` that are there already stay as they are. Raises Buried: then nothing is written. What
        is said in the name of a leader who is that no more is not said: its place in the row stays."""

        def work(connection: Connection) -> Seen:
            at = cluster_members.c
            mine = update(cluster_members).where(
                at.address == member.address, at.run == member.run, at.generation == generation, ~at.gone
            )
            if connection.execute(mine.values(beats=at.beats + 1, **_own(member))).rowcount != 1:
                raise Buried("others have found this process silent")
            if posts:
                rows = [self._row(post) for post in _led(connection, posts)]
                connection.execute(insert_ignoring(connection, cluster_messages), rows)
            key = tuple_(cluster_messages.c.sender, cluster_messages.c.recipient, cluster_messages.c.sequence)
            if taken:
                connection.execute(delete(cluster_messages).where(key.in_(taken)))
            _notify(connection, {post.recipient.rpartition(".")[0] for post in posts} | ({""} if changed else set()))
            stream = stream_of(member.run, generation)
            # Messages before members: whoever sent what is read here is among those that are read after it.
            return Seen(self._posts(connection, stream, most), _members(connection), _lease(connection))

        return self._write(work)

    def bury(self, row: MemberRow, at: float) -> bool:
        """It was silent for too long, as it stands there; False: it was not, it has beaten since."""

        def work(connection: Connection) -> bool:
            c = cluster_members.c
            same = (c.address == row.member.address, c.run == row.member.run, c.generation == row.generation)
            gone = update(cluster_members).where(*same, c.beats == row.beats, ~c.gone)
            done = connection.execute(gone.values(generation=row.generation + 1, gone=True, since=at)).rowcount == 1
            if done:
                _forget(connection, row.member.run, row.generation)
                _notify(connection, {""})
            return done

        return self._write(work)

    def leave(self, member: Member, generation: int, at: float) -> None:
        """At an orderly end."""

        def work(connection: Connection) -> None:
            c = cluster_members.c
            mine = (c.address == member.address, c.run == member.run, c.generation == generation)
            connection.execute(
                update(cluster_members).where(*mine).values(generation=generation + 1, gone=True, since=at)
            )
            _forget(connection, member.run, generation)
            _notify(connection, {""})

        self._write(work)

    def list_members(self) -> list[MemberRow]:
        return self._read(_members)

    def find_lease(self) -> LeaseSeen | None:
        return self._read(_lease)

    def drain(self, target: str, at: float) -> None:
        """``target``: a node, or an address. It stays so over restarts, until `undrain`."""

        def work(connection: Connection) -> None:
            insert_new(connection, cluster_drains, {"target": clean(target, 160), "since": at})
            _notify(connection, {""})

        self._write(work)

    def undrain(self, target: str) -> bool:
        """False: it was not told to."""

        def work(connection: Connection) -> bool:
            done = connection.execute(delete(cluster_drains).where(cluster_drains.c.target == target)).rowcount == 1
            _notify(connection, {""})
            return done

        return self._write(work)

    def drains(self) -> list[str]:
        query = select(cluster_drains.c.target).order_by(cluster_drains.c.target)
        return self._read(lambda connection: list(connection.execute(query).scalars()))

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _row(self, post: Post) -> dict[str, Any]:
        return {
            "sender": post.sender,
            "recipient": post.recipient,
            "sequence": post.sequence,
            "kind": post.kind,
            "epoch": post.epoch,
            "body": self._sealer.seal_bytes(post.body, _context(post.key, post.kind, post.epoch)),
        }

    def _posts(self, connection: Connection, stream: str, most: int) -> list[Post]:
        c = cluster_messages.c
        of = select(cluster_messages).where(c.recipient == stream).order_by(c.sender, c.sequence).limit(most)
        found = []
        for row in connection.execute(of):
            key = (row.sender, row.recipient, int(row.sequence))
            try:
                body = self._sealer.open_bytes(row.body, _context(key, row.kind, row.epoch))
            except SealBroken as error:
                log.error("a message %s of another process cannot be read: %s", row.kind, error)
                body = b""
            found.append(Post(*key, row.kind, int(row.epoch), body))
        return found


def read_body(body: bytes) -> dict[str, Any] | None:
    """None: it could not be opened."""
    return orjson.loads(body) if body else None


def _context(key: tuple[str, str, int], kind: str, epoch: int) -> str:
    return f"cluster_messages.body:{key[0]}:{key[1]}:{key[2]}:{kind}:{epoch}"


def _own(member: Member) -> dict[str, Any]:
    """What a process says of itself."""
    return {
        "roles": ",".join(sorted(member.roles)),
        "api": clean(member.api, 200),
        "switches": json.dumps(member.switches),
        "draining": member.draining,
    }


def _members(connection: Connection) -> list[MemberRow]:
    drains = set(connection.execute(select(cluster_drains.c.target)).scalars())
    rows = connection.execute(select(cluster_members).order_by(cluster_members.c.address))
    return [_member(row, row.address in drains or row.address.partition("/")[0] in drains) for row in rows]


def _member(row: Any, ordered: bool) -> MemberRow:
    roles = frozenset(row.roles.split(",")) - {""}
    switches = tuple(json.loads(row.switches))
    member = Member(row.address, row.run, roles, row.api, switches, bool(row.draining) or ordered)
    return MemberRow(member, int(row.generation), int(row.beats), bool(row.gone), row.since, ordered)


def _lease(connection: Connection) -> LeaseSeen | None:
    c = job_leases.c
    row = connection.execute(select(c.holder, c.epoch, c.beats).where(c.job == LEADER_JOB)).one_or_none()
    return None if row is None else LeaseSeen(row.holder, int(row.epoch), int(row.beats))


def _led(connection: Connection, posts: Sequence[Post]) -> list[Post]:
    """Without what is said in the name of a leader who is that no more; nobody takes the lease before this transaction
    is over."""
    if not any(post.epoch for post in posts):
        return list(posts)
    c = job_leases.c
    newest = connection.execute(select(c.epoch).where(c.job == LEADER_JOB).with_for_update(read=True)).scalar() or 0
    void = [post.epoch and post.epoch < newest for post in posts]
    return [replace(one, kind=VOID, body=b"{}") if out else one for one, out in zip(posts, void, strict=True)]


def _forget(connection: Connection, run: str, generation: int) -> None:
    """What is on its way to and from a generation that is over."""
    stream, c = stream_of(run, generation), cluster_messages.c
    connection.execute(delete(cluster_messages).where((c.recipient == stream) | (c.sender == stream)))


def _notify(connection: Connection, runs: set[str]) -> None:
    """With the commit. "": everybody is to look."""
    for run in runs if connection.dialect.name == "postgresql" else ():
        connection.execute(select(func.pg_notify(CHANNEL, run)))
