"""The bus of a cluster over the database that its processes share (`cti.store.cluster` has the rules of that).

A process gives a sign of life each second, and sooner where there is something to send; without one that the database
has taken for `FENCE_S`, by a clock that goes on while the process is stopped, it tells nothing more, neither to others
nor to itself, and comes anew. That is shorter than `GONE_S`, after which others find it gone.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
import orjson
from gevent.event import Event as Flag

from cti.core.errors import CtiError
from cti.ports.cluster import LONGEST, Leader, Member, Message, TooLong
from cti.runtime.cluster.sight import Sight
from cti.runtime.cluster.telling import Line, tell_all
from cti.runtime.job_owner import boottime
from cti.store.cluster import Buried, Post, read_body, stream_of
from cti.store.cluster_wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cti.store.cluster import ClusterStore, MemberRow, Seen

log = logging.getLogger("cti.cluster")

#: Between two signs of life, and the longest way of a message whose notification was lost.
BEAT_S = 1.0
FENCE_S = 3.5
#: What is gathered for one transaction.
_GATHER_S = 0.002
_AT_ONCE = 500
#: What waits to be sent at most; over it this process comes anew, and the others with it.
WAITING_MAX = 10_000
_WAITING_BYTES = 16 * 1024 * 1024
_HEARD_MAX = 5_000


class SharedBus:
    """`cti.ports.cluster.Bus`. ``start`` it on the hub, ``stop`` it at the end."""

    def __init__(
        self,
        store: ClusterStore,
        member: Member,
        *,
        clock: Callable[[], float] = boottime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._member, self._clock, self._wall = store, member, clock, wall
        self.me, self.run = member.address, member.run
        self.watchers: list[Callable[[Member, bool], None]] = []
        self.led: list[Callable[[Leader | None], None]] = []
        self._listeners: list[tuple[str, Callable[[Message], None]]] = []
        self._sight = Sight()
        self._known: dict[str, Member] = {self.me: member}
        self._shown: dict[str, str] = {}  # address -> stream
        self._leader: Leader | None = None
        self._newest = 0  # epoch
        self._generation: int | None = None
        self._joined = False  # ever
        self._changed = False
        self._beaten = 0.0
        self._out: deque[Post] = deque()
        self._out_bytes = 0
        self._sequences: Counter[str] = Counter()  # by the other's stream
        self._taken_up: dict[str, int] = {}  # stream -> last sequence that came
        self._taken: set[tuple[str, str, int]] = set()  # to be deleted
        self._line = Line()
        self._woken = Flag()
        self._said = ""
        self._running: list[Any] = []

    # ---- Bus -------------------------------------------------------------------------------------------------------

    def members(self) -> Mapping[str, Member]:
        return self._known

    def leader(self) -> Leader | None:
        return self._leader

    def tell(self, **changed: Any) -> None:
        self._member = replace(self._member, **changed)
        self._changed = True
        self._woken.set()

    def listen(self, prefix: str, heard: Callable[[Message], None]) -> None:
        self._listeners.append((prefix, heard))

    def send(self, to: str, run: str, kind: str, body: Mapping[str, Any], *, epoch: int = 0) -> None:
        text = orjson.dumps(body)
        if len(text) > LONGEST:
            raise TooLong(f"a message {kind} of {len(text)} bytes")
        stream = self._sight.stream_of(to, run)
        if self._generation is None or stream is None:
            return
        if len(self._out) >= WAITING_MAX or self._out_bytes > _WAITING_BYTES:
            self._come_anew("more is to be sent than the database takes")
            return
        self._sequences[stream] += 1
        mine = stream_of(self.run, self._generation)
        self._out.append(Post(mine, stream, self._sequences[stream], kind, epoch, text))
        self._out_bytes += len(text)
        self._woken.set()

    # ---- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Join, and know who is there. Raises StoreUnavailable."""
        self._turn()
        wake = Wake(self._store.engine, self.run, self._woken.set)
        self._running = [gevent.spawn(run) for run in (self._beat, self._guard, self._line.run, wake.run)]

    def stop(self) -> None:
        """What waits is sent, and the others are told that this process is over."""
        gevent.killall(self._running)
        if self._generation is not None:
            try:
                self._turn()
                if self._generation is not None:
                    self._store.leave(self._member, self._generation, self._wall())
            except CtiError as error:
                log.warning("the others will find out by themselves that this process has ended: %s", error)
        self._generation = None

    def _beat(self) -> None:
        while True:
            if self._woken.wait(BEAT_S):
                gevent.sleep(_GATHER_S)
            self._woken.clear()
            try:
                self._turn()
            except CtiError as error:
                if error.message != self._said:
                    log.warning("the cluster is not reached: %s", error)
                    self._said = error.message
                gevent.sleep(BEAT_S / 4)
            except Exception:
                log.exception("a turn of the cluster has failed")
                gevent.sleep(BEAT_S)

    def _guard(self) -> None:
        while True:
            gevent.sleep(0.25)
            self._fenced()

    def _fenced(self) -> bool:
        if self._generation is not None and self._clock() - self._beaten >= FENCE_S:
            self._come_anew(f"no sign of life was taken for {FENCE_S:g} s")
        return self._generation is None

    def _turn(self) -> None:
        """One transaction: what is to be said, and what there is to hear. Raises StoreUnavailable."""
        if self._fenced() and not self._join():
            return
        generation, began = self._generation, self._clock()
        assert generation is not None
        posts = [self._out[number] for number in range(min(_AT_ONCE, len(self._out)))]
        taken, changed = list(self._taken)[:_AT_ONCE], self._changed
        most = max(1, min(_AT_ONCE, _HEARD_MAX - len(self._line)))
        self._changed = False
        try:
            seen = self._store.exchange(self._member, generation, posts, taken, most, changed=changed)
        except Buried as error:
            self._come_anew(error.message)
            self._woken.set()
            return
        except CtiError:
            self._changed = self._changed or changed
            raise
        if self._generation != generation:  # meanwhile
            return
        if self._said:
            log.info("the cluster is reached again")
            self._said = ""
        self._beaten = began
        for post in posts:
            self._out.popleft()
            self._out_bytes -= len(post.body)
        self._taken.difference_update(taken)
        self._see(seen, generation, began)
        if self._out or len(seen.posts) == most:
            self._woken.set()

    def _join(self) -> bool:
        began = self._clock()
        generation = self._store.join(self._member, self._wall(), take=not self._joined)
        if generation is None:
            if self._said != "taken":
                log.error("another process has the address %s in the cluster", self.me)
                self._said = "taken"
            return False
        log.info("in the cluster as %s (generation %d)", self.me, generation)
        self._joined, self._generation, self._beaten = True, generation, began
        return True

    def _come_anew(self, why: str) -> None:
        """For the others, and for ourselves: nothing that is on its way is told any more."""
        if self._generation is None:
            return
        log.warning("out of the cluster, to come anew: %s", why)
        self._generation = None
        self._out.clear()
        self._out_bytes = 0
        self._sequences.clear()
        self._taken_up.clear()
        self._taken.clear()
        self._sight.forget()
        self._show({self.me: self._known.get(self.me, self._member)}, None, {})

    # ---- what is told ----------------------------------------------------------------------------------------------

    def _see(self, seen: Seen, generation: int, began: float) -> None:
        silent = self._sight.look(seen.members, seen.lease, began, self._clock())
        for row in silent:
            if row.member.run != self.run:
                self._bury(row)
        senders = self._sight.senders()
        self._taken_up = {stream: last for stream, last in self._taken_up.items() if stream in senders}
        streams = {member.address: stream for stream, member in senders.items()}
        self._show(self._sight.members(), self._sight.leader(), streams)
        for post in seen.posts:
            self._taken.add(post.key)
            sender = senders.get(post.sender)
            last = self._taken_up.get(post.sender, 0)
            if sender is None or post.sequence <= last:  # over since, or here already and not yet deleted
                continue
            if post.sequence != last + 1:
                log.error("messages of %s are missing", sender.address)
                self._come_anew("a gap in what was sent")
                return
            self._taken_up[post.sender] = post.sequence
            self._line.put(lambda post=post, sender=sender: self._hear(post, sender, generation, began))  # type: ignore[misc]

    def _show(self, members: dict[str, Member], leader: Leader | None, streams: dict[str, str]) -> None:
        """Tell what is different. One of another stream is over and there again."""
        before, self._known = self._known, {self.me: self._member, **members}
        for address, member in before.items():
            same = streams.get(address) == self._shown.get(address)
            if address != self.me and not (address in members and same):
                self._watched(member, False)
        for address, member in self._known.items():
            same = streams.get(address) == self._shown.get(address) or address == self.me
            if address not in before or not same or before[address] != member:
                self._watched(member, True)
        self._shown = streams
        if leader != self._leader:
            self._leader = leader
            if leader is not None:
                self._newest = max(self._newest, leader.epoch)
            self._line.put(lambda: tell_all(self.led, leader))

    def _watched(self, member: Member, here: bool) -> None:
        self._line.put(lambda: tell_all(self.watchers, member, here))

    def _bury(self, row: MemberRow) -> None:
        try:
            if self._store.bury(row, self._wall()):
                log.warning("%s is silent: it counts as gone", row.member.address)
                self._woken.set()
        except CtiError as error:
            log.warning("%s is silent, and cannot be taken out: %s", row.member.address, error)

    def _hear(self, post: Post, sender: Member, generation: int, read_at: float) -> None:
        if self._clock() - read_at >= FENCE_S:  # we were stopped between reading and now
            self._fenced()
            return
        if self._generation != generation:
            return
        if 0 < post.epoch < self._newest:
            log.warning("%s of %s is refused: another leads since", post.kind, sender.address)
            return
        self._newest = max(self._newest, post.epoch)
        body = read_body(post.body)
        if body is None:
            return
        message = Message(sender.address, sender.run, post.kind, body, post.epoch, post.sequence)
        tell_all([heard for prefix, heard in self._listeners if post.kind.startswith(prefix)], message)
