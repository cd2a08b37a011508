"""A message of a socket back end as a feed's destination: a frame for each record, or for a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cti.boss.feeds.destination import FeedUndelivered
from cti.boss.feeds.lines import read_json
from cti.boss.feeds.options import FeedSocket, SocketPlan
from cti.boss.mapping import UnknownCode, outcome_of, outgoing
from cti.boss.way import WayError
from cti.core.feeds import FeedFile

#: (plan, fields, key, how long the answer may take): the answer's fields. Raises WayError, KeyError.
Asked = Callable[[SocketPlan, Mapping[str, Any], str, float], Mapping[str, Any]]
#: What a frame of a whole batch may carry.
BATCH_NAMES = ("feed", "number", "rows", "digest", "data", "key")


class SocketDestination:
    def __init__(self, options: FeedSocket, plan: SocketPlan, ask: Asked | None) -> None:
        self._options, self._plan, self._ask = options, plan, ask

    def deliver(self, file: FeedFile, data: bytes) -> None:
        """A batch whose middle failed begins anew: its frames are the same then, with the same keys."""
        if self._ask is None:
            raise FeedUndelivered("no-backend")
        for key, values in self._frames(file, data):
            try:
                fields = outgoing(self._plan.mapped, values, key)
                answer = self._ask(self._plan, fields, key, self._options.timeout_s)
                outcome_of(self._plan.mapped, answer)
            except WayError as error:
                raise FeedUndelivered(error.reason) from None
            except UnknownCode as error:
                raise FeedUndelivered(f"code-{error.code}") from None
            except KeyError:
                raise FeedUndelivered("no-backend") from None

    def fetch(self, name: str) -> bytes | None:
        """What was sent is the receiver's."""
        return None

    def close(self) -> None:
        """The connections are the back end's."""

    def _frames(self, file: FeedFile, data: bytes) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(key, what it may carry): every attempt gives the same."""
        number = f"{file.feed}/{file.number}"
        if self._options.frames == "record":
            for record in read_json(data):
                yield f"{number}/{record['position']}", record
        else:
            facts = (file.feed, file.number, file.rows, file.digest, data.decode())
            yield number, dict(zip(BATCH_NAMES, facts, strict=False))
