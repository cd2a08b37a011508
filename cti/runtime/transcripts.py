"""Conversations by text, line by line: while they go on, and for a while after their end.

Each line goes to the store, to whoever waits for it (`Transcript.wait`), and to the listeners. What a flow calls
sensitive is in no line that is kept.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from gevent.event import Event as Flag

from cti.core.masking import mask, mask_all, mask_text
from cti.core.moments import iso
from cti.core.transcripts import Author, Line, MessageKept
from cti.flow.replay_recorder import asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cti.flow import Run
    from cti.flow.types import Type
    from cti.ports import Clock, Store

#: Lines in memory of one conversation; earlier ones are in the store only.
LINES_MAX = 1_000
#: How long the lines of an ended conversation are still there to be fetched, and of how many such conversations.
KEPT_S, KEPT_MAX = 600.0, 5_000


class Transcript:
    """``ended``: nothing more comes."""

    def __init__(self, call_id: str) -> None:
        self.call_id, self.ended = call_id, False
        self.lines: deque[Line] = deque(maxlen=LINES_MAX)
        self.ended_at = 0.0  # monotonic
        self._count = 0
        self._changed = Flag()

    @property
    def last(self) -> int:
        """The number of the last line; 0: there is none."""
        return self._count

    def add(self, at: float, author: Author, text: str, kept: str, agent: str = "") -> Line:
        self._count += 1
        line = Line(self._count, at, author, text, kept, agent)
        self.lines.append(line)
        self._changed.set()
        return line

    def go_on(self, lines: Iterable[Line]) -> None:
        """Those that an earlier engine kept."""
        for line in lines:
            self.lines.append(line)
            self._count = max(self._count, line.number)

    def end(self, at: float) -> None:
        self.ended, self.ended_at = True, at
        self._changed.set()

    def after(self, number: int) -> list[Line]:
        return [line for line in self.lines if line.number > number]

    def mask(self, number: int, kept: str) -> Line | None:
        """Keep less of a line; the line as it is now. None: there is no such line in memory."""
        for place, line in enumerate(self.lines):
            if line.number == number:
                self.lines[place] = replace(line, kept=kept)
                return self.lines[place]
        return None

    def wait(self, number: int, timeout_s: float) -> list[Line]:
        """The lines after ``number``, as soon as there is one; none at the timeout, or when nothing more comes."""
        if self._count <= number and not self.ended:
            self._changed.clear()
            self._changed.wait(timeout_s)
        return self.after(number)


class Transcripts:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._all: dict[str, Transcript] = {}
        self._over: OrderedDict[str, Transcript] = OrderedDict()
        #: Told of each line, with the conversation that it is of.
        self.listeners: list[Callable[[str, Line], None]] = []
        #: Conversations that somebody still works on are not forgotten.
        self.in_use: Callable[[str], bool] = lambda _call_id: False

    def find(self, call_id: str) -> Transcript | None:
        return self._all.get(call_id)

    def begin(self, call_id: str) -> Transcript:
        self._forget()
        found = self._all.get(call_id)
        if found is None:
            found = self._all[call_id] = Transcript(call_id)
        return found

    def resume(self, call_id: str, lines: Iterable[Line]) -> None:
        """A conversation of an earlier engine goes on."""
        self.begin(call_id).go_on(lines)

    def note(self, call_id: str, author: Author, text: str, kept: str, agent: str = "") -> Line:
        line = self.begin(call_id).add(self._clock.now(), author, text, kept, agent)
        with self._store.together():
            self._store.record(MessageKept(call_id, line.number, line.at, author, agent, kept))
            for listener in self.listeners:
                listener(call_id, line)
        return line

    def mask(self, call_id: str, number: int, kept: str) -> None:
        """A line turns out to hold what may not be kept: less of it is, from now on."""
        line = self.begin(call_id).mask(number, kept)
        if line is not None:
            self._store.record(MessageKept(call_id, number, line.at, line.author, line.agent, kept))

    def ended(self, call_id: str) -> None:
        found = self._all.get(call_id)
        if found is not None and not found.ended:
            found.end(self._clock.monotonic())
            self._over[call_id] = found

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for call_id, found in list(self._over.items()):
            if now - found.ended_at <= KEPT_S and len(self._over) <= KEPT_MAX:
                return
            if not self.in_use(call_id):
                del self._over[call_id], self._all[call_id]


class CallWords:
    """What is written in one call."""

    def __init__(self, transcripts: Transcripts, call_id: str) -> None:
        self._transcripts, self._call_id = transcripts, call_id
        transcripts.begin(call_id)
        self._ahead: list[Line] = []  # what came before it was asked for: in front what waits in the run
        self._waiting = 0  # how many of them do; behind them is what came when the run kept no more

    def received(self, run: Run, text: str) -> None:
        """Before the run is fed with it: an answer to a sensitive question is not kept."""
        kept = _kept(asked_for(run), text)
        self._ahead.append(self._transcripts.note(self._call_id, Author.CUSTOMER, text, kept))

    def fed(self, run: Run) -> None:
        """After the run was fed with anything: what was written ahead of a sensitive question is not kept either."""
        waiting = len(run.texts)
        if run.thrown:
            for line in self._ahead[max(0, self._waiting - run.thrown) :]:
                self._transcripts.mask(self._call_id, line.number, _kept(asked_for(run), line.text, secret=True))
        if waiting:
            self._ahead = self._ahead[max(0, self._waiting - waiting) :]
        else:
            self._ahead = []
        self._waiting = waiting

    def go_on(self, run: Run) -> None:
        """After another engine: what the run has not asked for yet was written last."""
        self._waiting = len(run.texts)
        written = [line for line in self._transcripts.begin(self._call_id).lines if line.author is Author.CUSTOMER]
        self._ahead = written[len(written) - self._waiting :]

    def said(self, text: str, shown: str) -> None:
        self._transcripts.note(self._call_id, Author.FLOW, text, shown or text)

    def written(self, text: str, agent: str) -> Line:
        return self._transcripts.note(self._call_id, Author.AGENT, text, text, agent)

    def ended(self) -> None:
        self._transcripts.ended(self._call_id)


def _kept(asked: Type | None, text: str, *, secret: bool = False) -> str:
    """``asked``: the type of the sensitive value that is asked for, or None. ``secret``: it may be one all the same."""
    if asked is not None and asked.kind == "phone":
        return mask(text)
    return mask_all(text) if secret or asked is not None else text


def shown(line: Line, *, unmask: bool = False) -> dict[str, object]:
    """For a person who works with it: what may be kept; numbers and addresses in it masked unless asked otherwise."""
    return {
        "number": line.number,
        "at": iso(line.at),
        "from": line.author.value,
        "agent": line.agent,
        "text": line.kept if unmask else mask_text(line.kept),
    }
