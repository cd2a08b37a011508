"""The hands of a call: does what its run asks, through the ports, and lets the results be posted back."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent

from cti.core import commands as cmd
from cti.core import events as ev
from cti.core.errors import CtiError
from cti.runtime.messages import AudioReady
from cti.runtime.queues import Entrant

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.core.calls import HandOver
    from cti.ports import Switch
    from cti.runtime.floor.stays import Stay
    from cti.runtime.media import CallMedia
    from cti.runtime.messages import Timers
    from cti.runtime.queues import Queues
    from cti.runtime.services import Services

log = logging.getLogger("cti.call")

#: What a run may still do when the caller is gone.
AFTER_HANGUP = (cmd.SendMessage, cmd.Lookup, cmd.Request, cmd.StartTimer, cmd.CancelTimer)


class Hands:
    """``post`` takes what comes back; `hangup` is the actor's, because a hang-up changes how the call will end."""

    def __init__(
        self,
        uuid: str,
        switch: Switch,
        services: Services,
        timers: Timers,
        post: Callable[[Any], None],
        hangup: Callable[[cmd.Hangup], None],
        reply: Callable[[cmd.Reply], None],
        media: CallMedia,
        queues: Queues,
        returns: bool,
        story: Callable[[str], HandOver],
        on_disk: Callable[[], bool],
    ) -> None:
        """``returns``: the call was found alive, after the end of another engine. ``story``: what is told of the call
        when it is handed to another platform, with the identity that was proved. ``on_disk`` waits until it is
        kept where the call stands."""
        self._uuid = uuid
        self._switch = switch
        self._services = services
        self._post = post
        self.media = media
        self._workers: set[gevent.Greenlet[Any, Any]] = set()
        self._wanted_audio: dict[int, str] = {}  # what is rendered: the keys that stop it
        self._queues, self._returns, self._story, self._on_disk = queues, returns, story, on_disk
        clock = services.clock
        self._do: dict[type[Any], Callable[[Any], None]] = {
            cmd.Answer: lambda _c: switch.answer(uuid),
            cmd.Play: self._play,
            cmd.StopPlay: self._stop_play,
            cmd.StartTimer: lambda c: timers.start(c.ref, clock.monotonic() + c.seconds),
            cmd.CancelTimer: lambda c: timers.cancel(c.ref),
            cmd.Lookup: self._lookup,
            cmd.Transfer: self._transfer,
            cmd.EnterQueue: self.enter,
            cmd.LeaveQueue: lambda c: queues.leave(uuid, c.ref, keep_place=c.keep_place),
            cmd.RequestCallback: self._callback,
            cmd.Request: self._request,
            cmd.FindNotices: lambda c: post(ev.NoticesFound(c.ref, services.notices.find(c))),
            cmd.Listen: self._listen,
            cmd.StopListen: self._stop_listen,
            cmd.SendMessage: self._message,
            cmd.Reply: reply,
            cmd.Hangup: hangup,
            **media.do,
        }

    def do(self, command: cmd.Command, *, gone: bool) -> None:
        """``gone``: the caller's channel is down."""
        if not gone or isinstance(command, AFTER_HANGUP) or (isinstance(command, cmd.EnterQueue) and command.document):
            self._do[type(command)](command)

    def audio_ready(self, ready: AudioReady, *, gone: bool) -> None:
        if ready.ref not in self._wanted_audio:
            return  # the flow went on meanwhile
        keys = self._wanted_audio.pop(ready.ref)
        if ready.arguments is None:
            self._post(ev.PlayEnded(ready.ref, ok=False))
        elif not gone:
            self._switch.play(self._uuid, ready.ref, ready.arguments, keys)

    def let_go(self) -> None:
        """Nobody here waits any more for what was begun."""
        for worker in tuple(self._workers):
            worker.kill(block=False)

    def close(self, *, talks_on: bool = False) -> None:
        """Nothing that was begun goes on. ``talks_on``: the caller is with people all the same."""
        self.let_go()
        self.media.close()
        if not talks_on:
            self._queues.gone(self._uuid)
        self._services.prompts.discard_call(self._uuid)

    # ---- commands that need more than a line ----------------------------------------------------------------------

    def _play(self, play: cmd.Play) -> None:
        ready = self._services.prompts.find(play.parts)
        if ready is not None:
            self._switch.play(self._uuid, play.ref, ready, play.keys)
            return
        self._wanted_audio[play.ref] = play.keys
        self._spawn(lambda: self._render(play), AudioReady(play.ref, None))

    def _render(self, play: cmd.Play) -> AudioReady:
        try:
            return AudioReady(play.ref, self._services.prompts.render(self._uuid, play.parts))
        except CtiError as error:
            log.warning("call %s: prompt not available: %s", self._uuid, error)
            return AudioReady(play.ref, None)

    def _transfer(self, c: cmd.Transfer) -> None:
        told = self._story(c.identity) if c.kind == "platform" else None
        self._switch.transfer(self._uuid, c.ref, c.kind, c.target, c.timeout_s, told)

    def _stop_play(self, stop: cmd.StopPlay) -> None:
        if stop.ref in self._wanted_audio:
            del self._wanted_audio[stop.ref]
            self._post(ev.PlayEnded(stop.ref))
        else:
            self._switch.stop_play(self._uuid, stop.ref)

    def _lookup(self, lookup: cmd.Lookup) -> None:
        self._spawn(lambda: self._services.lookups.ask(lookup), ev.LookupEnded(lookup.ref, "error"))

    def _callback(self, wish: cmd.RequestCallback) -> None:
        desk = self._services.callbacks
        self._spawn(
            lambda: ev.CallbackEnded(wish.ref, desk.register(self._uuid, wish)), ev.CallbackEnded(wish.ref, "declined")
        )

    def _message(self, message: cmd.SendMessage) -> None:
        """As a write: on disk before it goes out, and from here on with a key of its own."""
        failed = ev.MessageEnded(message.ref, "failed")
        keyed = replace(message, key=f"{self._uuid}/{message.key or message.ref}")

        def send() -> ev.MessageEnded:
            on_disk = self._on_disk()
            if not self._sure("a message"):
                return failed
            if not on_disk:
                log.warning("call %s: a message goes out although the database is away", self._uuid)
            return self._services.messages.send(keyed)

        self._spawn(send, failed)

    def message_again(self, message: cmd.SendMessage, *, here: bool) -> None:
        """An engine that is dead may have sent it. ``here``: it was one of this worker."""
        if self._services.messages.again(message.channel, here=here):
            self._message(message)
            return
        log.warning("call %s: a message by %s may have been sent, and is not sent again", self._uuid, message.channel)
        self._post(ev.MessageEnded(message.ref, "unknown"))

    def _sure(self, what: str) -> bool:
        """Is the call still ours? This process may have been stopped while another engine took it."""
        durable = self._services.durable
        if durable is None or durable.sure():
            return True
        log.error("call %s: %s is not sent, the call is another engine's", self._uuid, what)
        return False

    def _listen(self, listen: cmd.Listen) -> None:
        recogniser = self._services.recogniser
        if recogniser is None:
            self._post(ev.Heard(listen.ref, "unavailable"))
            return
        try:
            recogniser.listen(self._uuid, listen, self._post)
        except Exception:
            log.exception("call %s: the recogniser broke its contract", self._uuid)
            self._post(ev.Heard(listen.ref, "unavailable"))

    def _stop_listen(self, stop: cmd.StopListen) -> None:
        if self._services.recogniser is not None:
            self._services.recogniser.stop(self._uuid, stop.ref)

    def enter(self, wish: cmd.EnterQueue, stay: Stay | None = None) -> None:
        """``stay``: the caller stood in it before, by another engine."""
        self.media.queue = wish.queue
        self._queues.enter(self._entrant(wish, stay))

    def take_back(self, wish: cmd.EnterQueue, stay: Stay | None, *, talking: bool, connected: bool) -> bool:
        """As `Queues.take_back`."""
        self.media.queue = self.media.queue or wish.queue
        return self._queues.take_back(self._entrant(wish, stay), talking=talking, connected=connected)

    def _entrant(self, wish: cmd.EnterQueue, stay: Stay | None) -> Entrant:
        return Entrant(self._uuid, self._switch, wish, self._post, self._returns, stay)

    def _request(self, request: cmd.Request) -> None:
        """A write goes out when it is on disk that the call stands at it: whoever goes on with the call asks for this
        very write, and makes no other of it. It is made even if the caller hangs up meanwhile."""

        def submit() -> None:
            on_disk = self._on_disk()
            if not self._sure("a write"):
                return
            if not on_disk:
                log.warning("call %s: a write goes out although the database is away", self._uuid)
            self._services.requests.submit(self._uuid, request, self._post)

        if self._services.durable is None:
            self._services.requests.submit(self._uuid, request, self._post)
        else:
            gevent.spawn(submit)  # begins when the actor waits, and has been kept

    def _spawn(self, work: Callable[[], Any], failed: Any) -> None:
        """Run something that may block beside the mailbox; its result is posted, or ``failed`` when it breaks: the
        run waits for an ending, whatever happens. ``work`` keeps its own deadline."""

        def job() -> None:
            try:
                result = work()
            except Exception:
                log.exception("call %s: an adapter broke its contract", self._uuid)
                result = failed
            self._post(result)

        worker = gevent.spawn(job)
        self._workers.add(worker)
        worker.rawlink(self._workers.discard)
