"""Who calls, what they press, and how phones treat what rings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cti.switch.embedded import PhoneBehaviour, VirtualCaller
from cti.switch.embedded.apps_media import FAR_FAX
from cti.switch.embedded.script import HangUp, Item, Keys, Quiet, Wait

from .ground import FAXED, NUMBERS, PHONES, TEXTED

if TYPE_CHECKING:
    import random

    from .switches import Switches

#: Queues, and flows that write to the back office, more often than others.
_OFTEN = ("complaint", "desk", "queue", "topup")
DIALLED = tuple(number for number, flow in NUMBERS.items() for _ in range(1 + (flow in _OFTEN)) if flow not in TEXTED)
#: A fax has so many at most.
FAX_PAGES = 5


class Callers:
    """``placed``: all who called, in order."""

    def __init__(self, switches: Switches, chance: random.Random) -> None:
        self._switches, self._chance = switches, chance
        self.placed: list[VirtualCaller] = []
        self.met: Counter[str] = Counter()
        self.set_phones()

    def set_phones(self) -> None:
        """On a switch that has just begun."""
        for phone in PHONES:
            self._switches.core.directory.phones[phone].behaviour = self._phone()

    def call(self, at: int) -> None:
        chance = self._chance
        hangs_up = chance.uniform(0, 60) if chance.random() < 0.5 else None
        number = f"138{chance.randrange(50):08}" if chance.random() < 0.5 else f"139{at:08}"
        caller = VirtualCaller(number, chance.choice(DIALLED), "", self._script(), False, hangs_up, 2.0)
        self.placed.append(caller)
        caller.place(self._switches.core)
        if NUMBERS[caller.called] in FAXED and caller.channel is not None and chance.random() < 0.8:
            self.met["fax machine calls"] += 1
            caller.channel.setvar(FAR_FAX, str(chance.randint(1, FAX_PAGES)))

    def hang_up(self) -> None:
        for caller in self.placed:
            if not caller.cause and caller.channel is not None:
                caller.hangup()

    def lose(self) -> None:
        """Their switch is gone: who calls hears nothing any more."""
        for caller in self.placed:
            caller.cause = caller.cause or "SWITCH_LOST"

    @property
    def uuids(self) -> set[str]:
        return {str(caller.channel.uuid) for caller in self.placed if caller.channel is not None}

    def _phone(self) -> PhoneBehaviour:
        draw = self._chance.random()
        if draw < 0.2:
            return PhoneBehaviour(answer_after=None)
        if draw < 0.4:
            return PhoneBehaviour(refuse="CALL_REJECTED", refuse_after=self._chance.uniform(0, 3))
        return PhoneBehaviour(answer_after=self._chance.uniform(0, 4), hangup_after=self._chance.uniform(0.01, 20))

    def _script(self) -> list[Item]:
        chance = self._chance

        def keys() -> Item:
            return Keys("".join(chance.choices("0123456789*#", k=chance.randint(1, 12))), 0.1)

        def wait() -> Item:
            return Wait(chance.uniform(0, 10))

        made = [chance.choice((keys, wait, Quiet))() for _ in range(chance.randint(0, 8))]
        return [*made, HangUp()] if chance.random() < 0.5 else made
