"""What becomes of a call that was found alive, after the end of another engine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.calls import TerminalCause
from cti.runtime.durable.taking_up import TakingUp
from cti.runtime.ending import AFTER_HANGUP_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import NewCall
    from cti.core.snapshots import RunSnapshot
    from cti.ports import Switch
    from cti.runtime.durable import CallSaver
    from cti.runtime.hands import Hands
    from cti.runtime.replies import Replies
    from cti.runtime.services import Services
    from cti.runtime.standing import Standing
    from cti.runtime.transcripts import CallWords

log = logging.getLogger("cti.call")

#: What a run waits for while the caller talks with somebody.
TALKS = frozenset({"queue", "transfer"})


class Resuming:
    """``words``: None for one who speaks. ``feed``: the run, at once. ``post``: to the call's mailbox."""

    def __init__(
        self,
        call: NewCall,
        at: Standing,
        services: Services,
        switch: Switch,
        saver: CallSaver,
        hands: Hands,
        words: CallWords | None,
        replies: Replies,
        feed: Callable[[ev.Event], None],
        post: Callable[[Any], None],
    ) -> None:
        self._call, self._at, self._services, self._switch = call, at, services, switch
        self._saver, self._hands, self._words, self._replies = saver, hands, words, replies
        self._feed, self._post = feed, post
        self.released = False  # in a talk that an earlier engine made: the engine only waits for its end
        self.recorded_before = False  # the call detail record is there already

    def begins(self, kept: RunSnapshot | None) -> bool:
        """Whether the call begins its flow. One that was not found alive does; an adopted one goes on where it was
        (``kept``), if that can be. Else it begins its flow again, its visits counted on from those on record: a second
        visit is another one. One that is over on record begins nothing: only the hang-up is missing."""
        if not self._call.adopted:
            return True
        if kept is not None:
            try:
                if self._take_up(kept):
                    return False
            finally:
                if self._services.durable is not None:
                    self._services.durable.taken(self._call.uuid)
        if self._words is not None:  # its beginning is over: nobody writes it again
            self._at.ending.force(TerminalCause.ENGINE_LOST, "engine-restarted: the conversation could not go on")
            self._hands.do(cmd.Hangup(), gone=False)
            return False
        if self._call.talking:
            self.released = self._at.ending.closed = True
            return False
        if self._call.over:
            self._at.ending.note("engine-restarted: what was left to be done after the hang-up could not go on")
            self._at.ending.gone = self._at.ending.closed = True
            return False
        return self._begins_again()

    def _begins_again(self) -> bool:
        history = self._at.log.history()
        if history is None:
            return True  # on record nowhere: it came when nobody was there to meet it
        if history.ended:
            self.recorded_before = True
            self._hands.do(cmd.Hangup(), gone=False)
            return False
        self._at.run.visits.update(history.visits)
        self._at.ending.note("engine-restarted: the flow began again in this call")
        if (durable := self._services.durable) is not None:
            self._at.log.gap(durable.last_seen(0.0), "begun_again")
        return True

    def _take_up(self, kept: RunSnapshot) -> bool:
        """Go on where an earlier engine was; False, with a line in the log, when that cannot be."""
        durable, call = self._services.durable, self._call
        assert durable is not None
        found = TakingUp.of(durable, self._saver, kept)
        if isinstance(found, str):
            log.warning("call %s: its flow begins again: %s", call.uuid, found)
            return False
        if call.talking and not found.waits_for & TALKS:
            # It had gone on from there when the engine ended, and the store was away.
            log.warning("call %s: it talks, which was not kept: the talk goes on on the switch alone", call.uuid)
            return False
        found.go_on(self._at)
        log.warning("call %s goes on at %s, kept %.1f s ago", call.uuid, found.run.waiting.get("node"), found.seconds)
        if self._at.run.ended:
            self._end(over=call.over)
            return True
        if call.over and not self._at.ending.gone:
            self._hung_up_unseen()
            return True
        if self._at.ending.gone:
            self._at.ending.deadline = self._services.clock.monotonic() + AFTER_HANGUP_S
            found.begin_again(call, self._switch, self._hands, self._post)
            return True
        found.restore_channel(call, self._switch, self._services, self._hands)
        if self._words is not None:
            self._words.go_on(found.run)  # what was asked stands there for the customer to read
            self._replies.again(found.saved.replies, here=found.here)
        else:
            self._feed(ev.Resumed())
        found.begin_again(call, self._switch, self._hands, self._post)
        return True

    def _end(self, *, over: bool) -> None:
        """The flow had ended; only the hang-up was to come, or to be told."""
        if over:
            self._at.ending.we_hang_up(self._services.clock.monotonic())
            self._at.ending.gone = self._at.ending.closed = True
        else:
            self._hands.do(cmd.Hangup(), gone=False)

    def _hung_up_unseen(self) -> None:
        """While no engine was there, or so shortly before that it was not kept. At once: no timer comes before it."""
        self._at.ending.note("engine-restarted: the caller hung up while no engine was there")
        self._at.ending.hung_up("", self._services.clock.monotonic() + AFTER_HANGUP_S)
        self._feed(ev.HungUp(""))
