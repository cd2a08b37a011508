"""A channel: its state, variables and queues, and the events that tell about it. What runs on it is in `session`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cti.switch.embedded.causes import Q850
from cti.switch.embedded.ends import FarEnd, Message, Silent, true_word
from cti.switch.embedded.event import Event
from cti.switch.embedded.headers import basic_block
from cti.switch.embedded.names import CALLSTATE_NUMBERS, FLIP_CID, WITH_VARIABLES, Source, State
from cti.switch.embedded.profile import Profile
from cti.switch.embedded.wire import Block, Header, Shape

if TYPE_CHECKING:
    from cti.switch.embedded.asr import Ear
    from cti.switch.embedded.conference import Room
    from cti.switch.embedded.core import Core
    from cti.switch.embedded.dialplan import Extension
    from cti.switch.embedded.eavesdrop import Spying
    from cti.switch.embedded.task import Task
    from cti.switch.embedded.utterance import Utterance


class Channel:
    """One leg. Only the model's own thread touches it; other parties go through its methods."""

    def __init__(self, core: Core, profile: Profile, *, outbound: bool, session_id: int) -> None:
        self.core = core
        self.uuid = profile.uuid
        self.profile = profile
        self.outbound = outbound
        self.session_id = session_id
        self.variables: dict[str, str] = {}
        self.state = State.NEW
        self.running_state = State.NONE if outbound else State.NEW
        self.callstate = "DOWN"
        self.answered = False
        self.early = False
        self.ring_ready = False
        self.has_media = False
        self.hangup_cause = ""
        self.private: deque[Message] = deque()
        self.dtmf: deque[tuple[str, int, str]] = deque()
        self.far: FarEnd = Silent()
        self.task: Task[None] | None = None
        self.watchers: list[Task[Any]] = []
        self.extension: Extension | None = None
        self.parked = False
        self.controlled = False
        self.transferring = False
        self.flipped = False
        self.bridged = False
        self.originator = False
        self.partner = ""
        self.pending_bridge = ""
        self.on_hold = False
        self.brk = 0
        self.broadcast = False
        self.stop_broadcast = False
        self.event_lock = False
        self.verbose = False  # application ``verbose_events``: all events carry the variables
        self.stack = 0
        self.recordings: dict[str, float] = {}
        self.muted = False
        self.room: Room | None = None
        self.spying: Spying | None = None  # whom it eavesdrops on
        self.spies: list[Spying] = []  # who eavesdrop on it
        self.ear: Ear | None = None
        self.utterance: Utterance | None = None  # what the far end says, or said last
        self.detected: deque[tuple[str, str]] = deque()  # Speech-Type and body of events that `park` will tell
        self.other: Profile | None = None
        self.other_type = ""
        self.scopes: list[dict[str, str]] = []  # variables of the applications that run, the innermost last
        self._variable_block: Block | None = None
        self._variable_names: Shape | None = None
        self.lines: dict[Header, bytes] = {}  # headers that were encoded, as they stand on the wire
        self._caller_block: Block | None = None
        self._other_block: Block | None = None

    # ---- looks ----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.profile.channel_name

    def ready(self) -> bool:
        """switch_channel_ready: alive and not being taken elsewhere."""
        return (
            State.ROUTING < self.state < State.HANGUP
            and self.state == self.running_state
            and self.state != State.RESET
            and not self.transferring
        )

    def up(self) -> bool:
        return self.state < State.HANGUP

    def getvar(self, name: str) -> str | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        value = self.variables.get(name)
        if value is not None:
            return value
        profile_value = self._profile_variable(name)
        if profile_value is not None:
            return profile_value
        return self.core.globals.get(name)

    def _profile_variable(self, name: str) -> str | None:
        profile = self.profile
        found = {
            "caller_id_name": profile.name,
            "caller_id_number": profile.number,
            "ani": profile.number,
            "destination_number": profile.destination,
            "uuid": profile.uuid,
            "context": profile.context,
            "dialplan": profile.dialplan,
            "username": profile.username,
            "network_addr": profile.network,
            "callee_id_name": profile.callee_name,
            "callee_id_number": profile.callee_number,
            "chan_name": profile.channel_name,
            "source": profile.source,
        }.get(name)
        return found or None

    def is_true(self, name: str) -> bool:
        return true_word(self.getvar(name) or "")

    # ---- changes ---------------------------------------------------------------------------------------------------

    def setvar(self, name: str, value: str | None) -> None:
        if value is None or value == "":
            if self.variables.pop(name, None) is None:
                return
            self._variable_names = None
        else:
            old = self.variables.get(name)
            if old == value:
                return
            if old is None:
                self._variable_names = None
            self.variables[name] = value
        self._variable_block = None

    def profile_changed(self) -> None:
        self._caller_block = self._other_block = None

    def meet(self, other: Profile | None, kind: str) -> None:
        """Remember the other leg's profile for the ``Other-Leg-*`` headers; ``kind`` originator or originatee."""
        self.other, self.other_type, self._other_block = other, kind, None

    def poke(self) -> None:
        if self.task is not None:
            self.task.poke()

    def changed(self) -> None:
        """Wake whoever waits for this channel's state, and the channel itself."""
        for watcher in list(self.watchers):
            watcher.poke()
        self.poke()

    def watches(self, other: Channel) -> None:
        """Be woken when ``other`` changes."""
        if self.task is not None:
            other.watchers.append(self.task)

    def unwatch(self, other: Channel) -> None:
        if self.task is not None and self.task in other.watchers:
            other.watchers.remove(self.task)

    def queue(self, message: Message) -> None:
        self.private.append(message)
        self.poke()

    def set_callstate(self, callstate: str) -> None:
        if callstate == self.callstate:
            return
        old, self.callstate = self.callstate, callstate
        self.fire(
            "CHANNEL_CALLSTATE",
            first=[
                ("Original-Channel-Call-State", old),
                ("Channel-Call-State-Number", str(CALLSTATE_NUMBERS[callstate])),
            ],
        )

    def set_running(self, state: State) -> None:
        """switch_channel_set_running_state: the call state of an inbound leg follows, then CHANNEL_STATE."""
        self.running_state = state
        if not self.outbound and state < State.HANGUP:
            if state == State.ROUTING:
                self.set_callstate("RINGING")
            elif self.answered:
                self.set_callstate("ACTIVE")
            elif self.early:
                self.set_callstate("EARLY")
        self.fire("CHANNEL_STATE")

    def start_media(self) -> None:
        if self.has_media:
            return
        self.has_media = True
        for name, value in self.core.media_variables:
            self.setvar(name, value)

    def pre_answer(self) -> None:
        """Early media, once."""
        if self.early or self.answered or not self.up():
            return
        self.start_media()
        self.early = True
        self.setvar("endpoint_disposition", "EARLY MEDIA")
        self.profile.times.progress_media = self.core.clock.now()
        self.profile_changed()
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.core.execute_on(self, "execute_on_pre_answer")
        self.set_callstate("EARLY")
        self.changed()

    def mark_ringing(self) -> None:
        if not self.ring_ready and self.answered:
            self.profile.times.progress = self.profile.times.progress or self.core.clock.now()
        if self.ring_ready or self.answered or not self.up():
            return
        self.ring_ready = True
        self.profile.times.progress = self.core.clock.now()
        self.profile_changed()
        self.fire("CHANNEL_PROGRESS")
        if self.outbound:
            self.set_callstate("RINGING")
        self.changed()

    def answer(self) -> bool:
        """Answer, once; an inbound leg passes through early media as SIP does here. False when it is too late."""
        if not self.up():
            return False
        if self.answered:
            return True
        if self.outbound:
            self.start_media()
        else:
            self.pre_answer()
        self.answered = True
        self.profile.times.answered = self.core.clock.now()
        self.profile_changed()
        self.fire("CHANNEL_ANSWER")
        self.setvar("endpoint_disposition", "ANSWER")
        self.set_callstate("ACTIVE")
        self.far.answered()
        self.changed()
        return True

    def partner_uuid(self) -> str:
        """The other leg, be it bridged, bonded, or still ringing; empty for none."""
        return self.partner or self.variables.get("signal_bond") or self.variables.get("originate_signal_bond", "")

    def identity(self) -> tuple[str, str]:
        """Name and number under which this leg is shown to the other one."""
        profile = self.profile
        if self.outbound and not self.originator:
            return profile.callee_name, profile.callee_number
        return profile.name, profile.number

    def hangup(self, cause: str) -> None:
        """One per customer: the first cause stays. The session thread does the rest when it wakes."""
        if self.state >= State.HANGUP:
            return
        self.state = State.HANGUP
        self.hangup_cause = cause
        partner = self.core.channels.get(self.partner_uuid())
        if partner is not None:
            partner.setvar("last_bridge_hangup_cause", cause)
        if self.originator:
            self.setvar("last_bridge_role", "originator")
        elif self.bridged:
            self.setvar("last_bridge_role", "originatee")
        self.fire("CHANNEL_HANGUP")
        self.changed()

    def flip_cid(self) -> None:
        """A called leg that gets something to execute becomes a caller: its two ids change places, once."""
        if not self.outbound or self.flipped:
            return
        self.flipped = True
        profile = self.profile
        self.setvar("channel_cid_flipped", "yes")
        self.setvar("pre_transfer_caller_id_name", profile.name)
        self.setvar("pre_transfer_caller_id_number", profile.number)
        profile.orig_name, profile.orig_number = profile.name, profile.number
        profile.name, profile.callee_name = profile.callee_name, profile.name
        profile.number, profile.callee_number = profile.callee_number, profile.number
        self.profile_changed()
        self.fire("CALL_UPDATE", first=[("Direction", "RECV")], source=FLIP_CID)

    # ---- events ----------------------------------------------------------------------------------------------------

    def fire(
        self,
        name: str,
        extra: Iterable[Header] = (),
        *,
        first: Iterable[Header] = (),
        source: Source | None = None,
        lead: Iterable[Header] = (),
        body: str = "",
    ) -> Event | None:
        """Fire an event about this channel. ``first`` goes before the channel's headers, ``extra`` after them."""
        return self.core.bus.fire(
            name, lambda: self.blocks(name, extra, first=first), source=source, lead=lead, body=body
        )

    def blocks(self, name: str, extra: Iterable[Header] = (), *, first: Iterable[Header] = ()) -> list[Block]:
        if self._caller_block is None:
            self._caller_block = self.profile.block("Caller", self.lines)
        blocks = [Block(first), basic_block(self), self._caller_block]
        if self.other is not None:
            if self._other_block is None:
                self._other_block = self.other.block("Other-Leg", self.lines)
            blocks += [Block([("Other-Type", self.other_type)]), self._other_block]
        if self.verbose or name in WITH_VARIABLES:
            blocks.append(self.variable_block())
        blocks.append(Block(extra))
        return blocks

    def variable_block(self) -> Block:
        if self._variable_block is None:
            if self._variable_names is None:
                self._variable_names = Shape([f"variable_{name}" for name in self.variables])
            names, values = self._variable_names.names, self.variables.values()
            self._variable_block = Block(zip(names, values, strict=True), self._variable_names, self.lines)
        return self._variable_block

    @property
    def q850(self) -> int:
        return Q850.get(self.hangup_cause, 16)
