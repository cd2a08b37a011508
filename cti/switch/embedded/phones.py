"""Virtual phones and trunks: who answers when the switch calls out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from cti.switch.embedded.channel import Channel
from cti.switch.embedded.ends import Heard


@dataclass(frozen=True, slots=True)
class PhoneBehaviour:
    """How a phone treats a call. Times in seconds; None: never.

    ``refuse``: a hang-up cause with which it refuses at once (USER_BUSY, CALL_REJECTED, …), after ``refuse_after``.
    ``keys``: digits it types after answering, as (seconds after the answer, digits). ``answers_itself``: when the call
    asks for it (Call-Info: answer-after=0). ``answers_on_talk``: when a NOTIFY asks for it. ``early``: it tells that it
    rings by sound (183) instead of a word (180), as gateways do.
    """

    answer_after: float | None = 0.5
    hangup_after: float | None = None
    refuse: str = ""
    refuse_after: float = 0.02
    ring_after: float = 0.0
    registered: bool = True
    hangup_cause: str = "NORMAL_CLEARING"
    keys: tuple[tuple[float, str], ...] = ()
    answers_itself: bool = False
    answers_on_talk: bool = False
    early: bool = False


ANSWERS = PhoneBehaviour()
BUSY = PhoneBehaviour(refuse="USER_BUSY")
NO_ANSWER = PhoneBehaviour(answer_after=None)
REJECTS = PhoneBehaviour(refuse="CALL_REJECTED", refuse_after=1.0)
UNREGISTERED = PhoneBehaviour(registered=False)
UNREACHABLE = PhoneBehaviour(refuse="NORMAL_TEMPORARY_FAILURE", refuse_after=0.02)


@dataclass(slots=True)
class VirtualPhone:
    """A phone of the directory (or, with ``outside``, a number behind a trunk)."""

    extension: str
    behaviour: PhoneBehaviour = ANSWERS
    contact: str = ""
    on_heard: Callable[[Channel, Heard, bool], None] | None = None
    calls: list[PhoneLeg] = field(default_factory=list)

    def ring(self, channel: Channel) -> None:
        """An INVITE arrives: start behaving."""
        leg = PhoneLeg(self, channel)
        channel.far = leg
        self.calls = [*self.calls[-99:], leg]
        leg.start()


class PhoneLeg:
    """One call on a phone: the far end of the switch's outbound channel."""

    def __init__(self, phone: VirtualPhone, channel: Channel) -> None:
        self.phone = phone
        self.channel = channel
        self.log: list[Heard] = []
        self.digits = ""
        self.cause = ""

    def start(self) -> None:
        behaviour = self.phone.behaviour
        if behaviour.refuse:
            self._later(behaviour.refuse_after, lambda: self.channel.hangup(behaviour.refuse))
            return
        self._later(behaviour.ring_after, self.channel.pre_answer if behaviour.early else self.channel.mark_ringing)
        after = behaviour.answer_after
        if behaviour.answers_itself and self.channel.is_true("sip_auto_answer"):
            after = 0.0
        if after is not None:
            self._later(after, self._answer)

    def _answer(self) -> None:
        self.channel.answer()

    def talk(self) -> None:
        """NOTIFY, Event: talk."""
        if self.phone.behaviour.answers_on_talk:
            self._later(0.0, self._answer)

    def answered(self) -> None:
        behaviour = self.phone.behaviour
        if behaviour.hangup_after is not None:
            self._later(behaviour.hangup_after, lambda: self.channel.hangup(behaviour.hangup_cause))
        for after, keys in behaviour.keys:
            self._later(after, partial(self.channel.core.type_keys, self.channel, keys))

    def heard(self, heard: Heard, ended: bool) -> None:
        if not ended:
            self.log.append(heard)
        if self.phone.on_heard is not None:
            self.phone.on_heard(self.channel, heard, ended)

    def dtmf(self, digit: str) -> None:
        self.digits += digit

    def gone(self, cause: str) -> None:
        self.cause = cause

    def _later(self, seconds: float, action: Callable[[], object]) -> None:
        clock = self.channel.core.clock

        def run() -> None:
            if self.channel.up():
                action()

        clock.call_at(clock.now() + seconds, run)


class Directory:
    """The phones the switch knows, those behind its trunks, and the trunks themselves."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.phones: dict[str, VirtualPhone] = {}
        self.outside: dict[str, VirtualPhone] = {}
        self.gateways: dict[str, bool] = {}
        self.outside_default = PhoneBehaviour(answer_after=1.0)
        self.users_data: dict[str, dict[str, str]] = {}

    def add(self, phones: Iterable[VirtualPhone]) -> None:
        for phone in phones:
            if not phone.contact:
                phone.contact = f"{phone.extension}@{self.domain}:{5080 + int(phone.extension[-2:] or 0)}"
            self.phones[phone.extension] = phone

    def find_user(self, address: str) -> VirtualPhone | None:
        """``1001`` or ``1001@domain``; another domain knows nobody."""
        user, _, domain = address.partition("@")
        if domain and domain not in {self.domain, "127.0.0.1", "localhost", "$${domain}", "default"}:
            return None
        return self.phones.get(user)

    def outside_phone(self, number: str) -> VirtualPhone:
        phone = self.outside.get(number)
        return phone or VirtualPhone(number, self.outside_default, contact=f"{number}@{self.domain}")


def demo_phones(first: int = 1001, last: int = 1020) -> list[VirtualPhone]:
    """The phones of the shipped directory; all registered, each answers after half a second."""
    return [VirtualPhone(str(number)) for number in range(first, last + 1)]
