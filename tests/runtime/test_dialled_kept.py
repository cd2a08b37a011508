"""An engine is replaced while an agent calls somebody."""

from __future__ import annotations

import pytest

from cti.acd.states import ContactState
from cti.core.legs import Phone
from cti.runtime.floor.talk import Stage
from cti.switch.embedded.phones import PhoneBehaviour, VirtualPhone

from .keptkit import NUMBER, Kept, kept

__all__ = ["kept"]  # the fixture


class Dialled(Kept):
    """anna dials somebody behind a trunk; ``phone``: that one's."""

    def dial(self, *, answers: bool = True) -> str:
        self.phone = VirtualPhone(NUMBER, PhoneBehaviour(answer_after=0.05 if answers else None))
        self.platform.switch.core.directory.outside[NUMBER] = self.phone
        self.parts.lines.set_not_ready("anna", "break")
        assert self.parts.dials is not None
        return self.parts.dials.dial("anna", Phone(f"number/{NUMBER}"))

    @property
    def customer(self) -> list[str]:
        """The customer's legs that are up."""
        return [call.channel.uuid for call in self.phone.calls if call.channel.up()]


@pytest.fixture
def dialled(kept: Kept) -> Dialled:
    kept.__class__ = Dialled
    assert isinstance(kept, Dialled)
    return kept


@pytest.mark.nightly
def test_a_call_that_an_agent_has_placed_goes_on(dialled: Dialled) -> None:
    contact = dialled.dial()
    dialled.until(lambda: dialled.state(contact) is ContactState.TALKING, "they talk")
    dialled.killed()
    dialled.until(lambda: dialled.stage(contact) is Stage.TALKING, "it is there again")
    assert dialled.state(contact) is ContactState.TALKING
    [leg] = dialled.customer
    assert dialled.bridged(leg, dialled.legs("anna")[0])
    dialled.desk.hold("anna", contact)
    assert dialled.state(contact) is ContactState.HOLD
    dialled.desk.retrieve("anna", contact)
    dialled.until(lambda: dialled.bridged(leg, dialled.legs("anna")[0]), "they talk again")
    dialled.desk.hang_up("anna", contact)
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    dialled.nobody_waits()


@pytest.mark.nightly
def test_the_customer_of_such_a_call_may_hang_up(dialled: Dialled) -> None:
    contact = dialled.dial()
    dialled.until(lambda: dialled.state(contact) is ContactState.TALKING, "they talk")
    dialled.killed()
    dialled.until(lambda: dialled.stage(contact) is Stage.TALKING, "it is there again")
    dialled.platform.switch.core.channels[dialled.customer[0]].hangup("NORMAL_CLEARING")
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    dialled.until(lambda: dialled.state(contact) is not ContactState.TALKING, "the talk is over")
    dialled.nobody_waits()


@pytest.mark.nightly
def test_a_call_that_an_agent_places_and_that_rings_still_is_given_up(dialled: Dialled) -> None:
    """Nobody was reached yet: both phones are let go."""
    contact = dialled.dial(answers=False)
    dialled.killed()
    dialled.until(lambda: not dialled.platform.switch.core.channels, "no leg is left")
    assert dialled.state(contact) is None
    dialled.until(lambda: not dialled.parts.talks.taken("anna"), "the agent is free")
    dialled.nobody_waits()
