"""Two legs in one conversation: the `bridge` application, uuid_bridge, hold (switch_ivr_bridge.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.switch.embedded import session
from cti.switch.embedded.causes import Q850
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.ends import broadcast_message, true_word
from cti.switch.embedded.names import SOFT_EXECUTE, State
from cti.switch.embedded.task import FRAME_S, NEVER, Steps

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core


MISSED = 1000  # looks, one a frame: for so long a leg waits for its partner (uuid_bridge_on_soft_execute)


def handle_cause(channel: Channel, cause: str) -> None:
    """switch_channel_handle_cause: what a failed leg does to the caller.

    ``continue_on_fail`` (``true`` or causes) keeps the caller; without it only no answer, no user response and a
    cancelled origination do. ``failure_causes`` is its opposite, ``transfer_on_fail`` moves the caller instead.
    """
    if not channel.up():
        return
    keep, failures = channel.getvar("continue_on_fail"), channel.getvar("failure_causes")
    if keep or failures:
        if failures and not _listed(failures, cause):
            return
        if keep and (true_word(keep) or _listed(keep, cause)):
            return
    elif cause in {"NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL"}:
        return
    words = (channel.getvar("transfer_on_fail") or "").split()
    if words and true_word(words[0]):
        return
    if words and _listed(words[0], cause):
        number = words[1] if len(words) > 1 and words[1].lower() != "auto_cause" else cause
        session.transfer(channel, number, *[*words[2:4], "XML", "default"][:2])
    if not channel.transferring and channel.state != State.ROUTING:
        channel.hangup(cause)


def _listed(words: str, cause: str) -> bool:
    return any(word.strip().upper() in {cause, str(Q850.get(cause, -1))} for word in words.split(","))


class Bridging:
    """The parts of a conversation, for the states and commands that meet in it."""

    def __init__(self, core: Core) -> None:
        self.core = core

    # ---- a talking pair --------------------------------------------------------------------------------------------

    def talk(self, a: Channel, b: Channel) -> Steps[None]:
        """switch_ivr_multi_threaded_bridge in A's thread: CHANNEL_BRIDGE to CHANNEL_UNBRIDGE and what follows."""
        if b.answered and not a.answered:
            a.profile.callee_name, a.profile.callee_number = b.identity()
            a.profile_changed()
            a.answer()
        if not a.ready():
            b.hangup("ORIGINATOR_CANCEL")
            return
        a.originator, b.originator = True, False
        b.setvar("call_uuid", a.uuid)
        now = self.core.clock.now()
        a.profile.callee_name, a.profile.callee_number = b.identity()
        if not b.outbound:
            b.profile.callee_name, b.profile.callee_number = a.identity()
        for one, other, kind in ((a, b, "originatee"), (b, a, "originator")):
            one.profile.times.bridged = now
            one.profile_changed()
            one.meet(other.profile.copy(), kind)
        about = [("Bridge-A-Unique-ID", a.uuid), ("Bridge-B-Unique-ID", b.uuid)]
        self._bond(a, b)
        a.fire("CHANNEL_BRIDGE", first=about)
        if b.running_state != State.SOFT_EXECUTE or b.state == State.SOFT_EXECUTE:
            b.state = State.EXCHANGE_MEDIA
        b.partner, a.partner = a.uuid, b.uuid
        a.bridged = b.bridged = True
        b.poke()
        yield from self._pump(a, b)
        a.originator = False
        while b.state == State.EXCHANGE_MEDIA and b.running_state == State.EXCHANGE_MEDIA:
            yield self.core.clock.now() + FRAME_S
        self._unbond(a, b)
        a.fire("CHANNEL_UNBRIDGE", first=about)
        self._after(a, b)

    def _bond(self, a: Channel, b: Channel) -> None:
        for one, other in ((a, b), (b, a)):
            one.setvar("bridge_to", other.uuid)
            one.setvar("last_bridge_to", other.uuid)
            one.setvar("bridge_channel", other.name)
            one.setvar("bridge_uuid", other.uuid)
            one.setvar("signal_bond", other.uuid)

    def _unbond(self, a: Channel, b: Channel) -> None:
        for one, other in ((a, b), (b, a)):
            one.bridged = False
            one.partner = ""
            one.setvar("bridge_to", None)
            if other.hangup_cause:
                one.setvar("bridge_hangup_cause", other.hangup_cause)
        b.setvar("call_uuid", b.uuid)

    def _pump(self, one: Channel, other: Channel) -> Steps[None]:
        """audio_bridge_thread: live while both do; private events of this leg run here, digits are reported."""
        one.watches(other)
        try:
            yield self.core.clock.now() + FRAME_S
            self._call_update(one, other)
            while one.ready() and other.up() and one.partner == other.uuid:
                if not self._together(other, one):
                    break
                yield self.core.clock.now() + FRAME_S if one.dtmf else NEVER
                if not one.ready():
                    break
                yield from session.parse_all_events(one)
                digit = session.take_digit(one)
                if digit and other.up():
                    other.far.dtmf(digit)
        finally:
            one.unwatch(other)

    def _together(self, other: Channel, one: Channel) -> bool:
        """Is the other side still in this conversation, or on its way into it?"""
        if other.transferring or (other.state == State.EXECUTE and not other.originator):
            return False
        return other.partner == one.uuid and other.state not in {
            State.HIBERNATE,
            State.RESET,
            State.PARK,
            State.ROUTING,
        }

    def _call_update(self, one: Channel, other: Channel) -> None:
        if not one.up() or not other.up():
            return
        name, number = other.identity()
        if not number:
            return
        about = [
            ("Direction", "SEND"),
            ("Sent-Callee-ID-Name", name or number),
            ("Sent-Callee-ID-Number", number),
            ("Bridged-To", other.uuid),
        ]
        one.setvar("last_sent_callee_id_name", name or number)
        one.setvar("last_sent_callee_id_number", number)
        one.fire("CALL_UPDATE", first=about)

    def _after(self, a: Channel, b: Channel) -> None:
        """What becomes of A: nothing set and B gone, A goes on in its dialplan."""
        if a.transferring or not a.up() or a.state in {State.HIBERNATE, State.RESET, State.ROUTING, State.PARK}:
            return
        cause = b.hangup_cause or "NORMAL_CLEARING"
        hangup_after = a.getvar("hangup_after_bridge") or ""
        if not b.answered:
            handle_cause(a, cause)
        elif hangup_after.lower() == "explicit":
            a.hangup(cause)
        elif a.is_true("park_after_bridge"):
            self.park(a)
        elif a.getvar("transfer_after_bridge"):
            self._transfer_after(a)
        elif true_word(hangup_after):
            a.hangup(cause)

    def _transfer_after(self, channel: Channel) -> None:
        parts = (channel.getvar("transfer_after_bridge") or "").split(":")
        session.transfer(channel, parts[0], *[*parts[1:3], "XML", "default"][:2])

    def park(self, channel: Channel) -> None:
        """switch_ivr_park_session: leave whatever runs and park."""
        if channel.up():
            channel.state = State.PARK
            channel.changed()

    # ---- states ----------------------------------------------------------------------------------------------------

    def exchange_media(self, b: Channel) -> Steps[None]:
        """CS_EXCHANGE_MEDIA, the life of the called leg in a bridge."""
        a = self.core.channels.get(b.partner)
        if a is None:
            b.hangup("DESTINATION_OUT_OF_ORDER")
            return
        yield from self._pump(b, a)
        if b.transferring or b.state != State.EXCHANGE_MEDIA:
            return
        if a.hangup_cause:
            b.setvar("bridge_hangup_cause", a.hangup_cause)
        if b.is_true("park_after_bridge"):
            self.park(b)
        elif b.getvar("transfer_after_bridge"):
            self._transfer_after(b)
        else:
            b.hangup("NORMAL_CLEARING" if b.answered else "ORIGINATOR_CANCEL")

    def uuid_bridge(self, a: Channel, b: Channel) -> None:
        """switch_ivr_uuid_bridge: both legs leave what they do and meet; A leads."""
        a.pending_bridge, b.pending_bridge = b.uuid, ""
        b.pending_bridge = "?" + a.uuid
        identities = a.identity(), b.identity()
        a.profile.callee_name, a.profile.callee_number = identities[1]
        b.profile.callee_name, b.profile.callee_number = identities[0]
        for channel, other, kind in ((a, b, "originatee"), (b, a, "originator")):
            profile = channel.profile
            session.note_transfer(channel, f"uuid_br:{other.uuid}")
            for name, value in (
                ("original_destination_number", profile.destination),
                ("original_caller_id_name", profile.name),
                ("original_caller_id_number", profile.number),
                ("bridge_channel", other.name),
                ("bridge_uuid", other.uuid),
                ("signal_bond", other.uuid),
                ("uuid_bridge", other.uuid),
            ):
                channel.setvar(name, value)
            channel.meet(other.profile.copy(), kind)
            channel.profile_changed()
            channel.transferring = True
            channel.state = State.HIBERNATE
            channel.changed()

    def on_reset(self, channel: Channel) -> Steps[None]:
        if channel.pending_bridge:
            if channel.pending_bridge.startswith("?"):
                yield self.core.clock.now() + FRAME_S
            if channel.state == State.RESET:
                channel.state = State.SOFT_EXECUTE
        elif channel.state == State.RESET:
            channel.state = State.EXECUTE if channel.extension else State.CONSUME_MEDIA

    def soft_execute(self, channel: Channel) -> Steps[None]:
        pending, channel.pending_bridge = channel.pending_bridge, ""
        channel.setvar("uuid_bridge", None)
        if pending.startswith("?"):
            lead = self.core.channels.get(pending[1:])
            while channel.state == State.SOFT_EXECUTE and lead is not None and lead.up():
                yield self.core.clock.now() + FRAME_S
            while channel.state == State.SOFT_EXECUTE:  # the lead died: it sleeps until somebody sends it elsewhere
                yield NEVER
            return
        other = self.core.channels.get(pending)
        idle = 0
        while other is not None and other.up() and channel.up():
            if other.state == other.running_state == State.SOFT_EXECUTE:
                break
            idle = idle + 1 if other.state == other.running_state else 0
            if idle > MISSED:  # sent elsewhere meanwhile: both are given up, wherever they are
                channel.hangup("DESTINATION_OUT_OF_ORDER")
                other.hangup("DESTINATION_OUT_OF_ORDER")
                return
            yield self.core.clock.now() + FRAME_S
        yield self.core.clock.now() + FRAME_S
        if not channel.up():
            if other is not None:
                other.hangup("DESTINATION_OUT_OF_ORDER")
            return
        if other is None or other.state != State.SOFT_EXECUTE:
            self._lost_partner(channel)
            return
        channel.fire(
            "CHANNEL_EXECUTE", [("Application", "uuid_bridge"), ("Application-Data", other.uuid)], source=SOFT_EXECUTE
        )
        other.fire(
            "CHANNEL_EXECUTE", [("Application", "uuid_bridge"), ("Application-Data", channel.uuid)], source=SOFT_EXECUTE
        )
        yield from self.talk(channel, other)
        if channel.state == State.SOFT_EXECUTE and not channel.transferring:
            channel.state = State.EXECUTE

    def _lost_partner(self, channel: Channel) -> None:
        if channel.is_true("uuid_bridge_continue_on_cancel"):
            channel.state = State.EXECUTE
        elif channel.is_true("uuid_bridge_park_on_cancel") or channel.is_true("park_after_bridge"):
            self.park(channel)
        elif channel.getvar("transfer_after_bridge"):
            self._transfer_after(channel)
        else:
            channel.hangup("DESTINATION_OUT_OF_ORDER")

    # ---- hold ------------------------------------------------------------------------------------------------------

    def hold(self, channel: Channel, on: bool) -> None:
        if not channel.up() or channel.on_hold == on:
            return
        channel.on_hold = on
        times, now = channel.profile.times, self.core.clock.now()
        if on:
            times.last_hold = now
        else:
            times.hold_accum += now - times.last_hold
        channel.profile_changed()
        channel.set_callstate("HELD" if on else "UNHELD")
        if not on:
            channel.set_callstate("ACTIVE")
        channel.fire("CHANNEL_HOLD" if on else "CHANNEL_UNHOLD")
        self._hold_music(channel, on)

    def _hold_music(self, channel: Channel, on: bool) -> None:
        """The other leg hears the music of the one that holds it."""
        partner = self.core.find(channel.partner)
        music = channel.getvar("hold_music") or ""
        if partner is None or not music or music.lower() == "silence":
            return
        if on:
            partner.queue(broadcast_message("playback", music, loops=-1))
        elif partner.broadcast:
            partner.stop_broadcast = True
            partner.brk = 1
            partner.poke()
