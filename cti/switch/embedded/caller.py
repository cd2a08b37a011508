"""Virtual callers: people who dial, listen, type and hang up, by script or driven live."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cti.switch.embedded.channel import Channel
from cti.switch.embedded.core import Core
from cti.switch.embedded.ends import Heard
from cti.switch.embedded.media import text_duration
from cti.switch.embedded.profile import Profile, Times, clean
from cti.switch.embedded.script import HangUp, Hear, Item, Keys, Quiet, Say, Wait

Observer = Callable[["VirtualCaller", str, dict[str, Any]], None]
"""(caller, what, about): what is ``answered``, ``heard``, ``heard_end``, ``pressed``, ``said``, ``done``."""


@dataclass(slots=True)
class VirtualCaller:
    """Somebody who calls. ``script`` runs from the answer on; ``hangup_at_end`` ends the call after its last item.

    ``heard`` lists what was played to the caller, ``cause`` is set when the call is over. ``speaking_s``: how long the
    caller would talk into a recording before falling silent. ``uuid`` names the call; empty: chosen by the switch.
    ``variables``: of the channel, such as the trunk's and headers that came with the call.
    """

    number: str
    called: str
    name: str = ""
    script: Sequence[Item] = ()
    hangup_at_end: bool = False
    hangup_after_s: float | None = None
    speaking_s: float = 2.0
    answer_wait_s: float = 60.0
    context: str = "trunks"
    uuid: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    log: list[Heard] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    channel: Channel | None = None
    cause: str = ""
    digits: str = ""
    _at: int = 0
    _wake: int = 0
    _playing: int = 0
    _quiet_since: float = 0.0
    _heard_from: int = 0

    # ---- calling ---------------------------------------------------------------------------------------------------

    def place(self, core: Core) -> str:
        """Dial. Returns the uuid of the call; raises RuntimeError when the switch takes no calls."""
        if core.paused_inbound or core.shutting_down or len(core.channels) >= core.max_sessions:
            raise RuntimeError("the switch takes no new calls")
        now = core.clock.now()
        port = 15_000 + core.session_count % 40_000
        address = f"{self.number}@{core.config.domain}:{port}"
        profile = Profile(
            uuid=self.uuid or core.new_uuid(),
            channel_name=f"sofia/internal/{address}",
            destination=clean(self.called),
            username=clean(self.number),
            name=clean(self.name or self.number),
            number=clean(self.number),
            context=self.context,
            times=Times(profile_created=now, created=now),
        )
        channel = core.new_channel(profile, outbound=False)
        channel.far = self
        self.channel = channel
        for name, value in self._variables(core, channel, address, port):
            channel.setvar(name, value)
        core.launch(channel)
        if self.hangup_after_s is not None:
            self._after(self.hangup_after_s, self.hangup)
        self._after(self.answer_wait_s, self._tired)
        return channel.uuid

    def _variables(self, core: Core, channel: Channel, address: str, port: int) -> list[tuple[str, str]]:
        domain = core.config.domain
        return [
            ("direction", "inbound"),
            ("uuid", channel.uuid),
            ("session_id", str(channel.session_id)),
            ("sip_from_user", self.number),
            ("sip_from_uri", address),
            ("sip_from_host", domain),
            ("audio_media_flow", "disabled"),
            ("channel_name", channel.name),
            ("endpoint_disposition", "DELAYED NEGOTIATION"),
            ("sip_call_id", f"{channel.uuid}@{domain}"),
            ("sip_network_ip", domain),
            ("sip_network_port", str(port)),
            ("sip_from_display", self.name or self.number),
            ("sip_req_user", self.called),
            ("sip_req_uri", f"{self.called}@{domain}:5060"),
            ("sip_req_host", domain),
            ("sip_to_user", self.called),
            ("sip_to_uri", f"{self.called}@{domain}:5060"),
            ("sip_to_host", domain),
            *core.profile_variables,
            *self.variables.items(),
            ("max_forwards", "70"),
            ("call_uuid", channel.uuid),
        ]

    def press(self, keys: str) -> None:
        """Type now; nothing when the call is over."""
        if self.channel is not None and self.channel.up():
            self._tell("pressed", {"keys": keys})
            self.channel.core.type_keys(self.channel, keys)

    def say(self, text: str, confidence: float = 0.95, seconds: float | None = None) -> float:
        """Speak now; how long it takes. Nothing when the call is over."""
        lasts = text_duration(text) if seconds is None else seconds
        if self.channel is not None and self.channel.up():
            self._tell("said", {"text": text})
            self.channel.core.say(self.channel, text, confidence, lasts)
        return lasts

    def hangup(self) -> None:
        if self.channel is not None:
            cause = "NORMAL_CLEARING" if self.channel.answered else "ORIGINATOR_CANCEL"
            self.channel.hangup(cause)

    def _tired(self) -> None:
        if self.channel is not None and not self.channel.answered:
            self.hangup()

    # ---- the far end of the channel ----------------------------------------------------------------------------------

    def answered(self) -> None:
        self._tell("answered", {})
        self._quiet_since = self._now()
        self._next()

    def heard(self, heard: Heard, ended: bool) -> None:
        self._playing += -1 if ended else 1
        self._quiet_since = self._now()
        if not ended:
            self.log.append(heard)
        self._tell(
            "heard_end" if ended else "heard",
            {
                "kind": heard.kind,
                "text": heard.text,
                "at": heard.at,
                "duration_s": round(heard.duration_s, 3),
                "interrupted": heard.interrupted,
            },
        )
        self._check()

    def dtmf(self, digit: str) -> None:
        """The switch sends us a digit."""
        self.digits += digit

    def gone(self, cause: str) -> None:
        self.cause = cause
        self._wake += 1
        self._tell("done", {"cause": cause})

    # ---- the script ------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Begin the item that is due."""
        self._wake += 1
        if self.cause or self.channel is None:
            return
        if self._at >= len(self.script):
            if self.hangup_at_end:
                self.hangup()
            return
        item = self.script[self._at]
        if isinstance(item, Keys):
            for index, digit in enumerate(item.digits):
                self._after(index * item.gap_s, partial(self.press, digit))
            self._done_after(len(item.digits) * item.gap_s)
        elif isinstance(item, Wait):
            self._done_after(item.seconds)
        elif isinstance(item, Say):
            self._done_after(self.say(item.text, item.confidence, item.seconds))
        elif isinstance(item, HangUp):
            self.hangup()
        elif isinstance(item, Hear):
            self._done_after(item.timeout_s)
            self._check()
        else:
            self._done_after(item.timeout_s)
            self._check()

    def _check(self) -> None:
        """Did what we wait for happen?"""
        if self._at >= len(self.script) or self.cause or self.channel is None or not self.channel.answered:
            return
        item = self.script[self._at]
        if isinstance(item, Hear):
            for index in range(self._heard_from, len(self.log)):
                if item.text.lower() in self.log[index].text.lower():
                    over = self._playing == 0 or index < len(self.log) - 1
                    if not item.ended or over:
                        self._heard_from = index + 1
                        self._done_after(0.0)
                        return
        elif isinstance(item, Quiet) and self._playing <= 0:
            mark, since = self._wake, self._quiet_since

            def still_quiet() -> None:
                if mark == self._wake and since == self._quiet_since and self._playing <= 0:
                    self._done_after(0.0)

            self._after(item.seconds, still_quiet)

    def _done_after(self, seconds: float) -> None:
        self._wake += 1
        mark = self._wake

        def done() -> None:
            if mark == self._wake:
                self._at += 1
                self._next()

        self._after(seconds, done)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        if self.channel is not None:
            self.channel.core.clock.call_at(self._now() + seconds, action)

    def _now(self) -> float:
        return self.channel.core.clock.now() if self.channel is not None else 0.0

    def _tell(self, what: str, about: dict[str, Any]) -> None:
        for observer in list(self.observers):
            observer(self, what, about)
