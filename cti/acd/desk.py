"""An agent at work: presence, and the contacts at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.acd.model import Slot
from cti.acd.states import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cti.acd.cases import Case
    from cti.acd.model import Profile
    from cti.acd.needs import Line, Need


class Desk:
    """``stamp`` grows whenever something changes that counts for offers. ``load``: contacts by slot, offered ones
    included. ``idle_since``: end of the last contact, or since READY if that came later. ``next``: the presence chosen
    for the end of the work, with its reason."""

    __slots__ = (
        "_blended",
        "agent",
        "bucket",
        "bucket_since",
        "contacts",
        "handling",
        "idle_since",
        "listed",
        "load",
        "needs",
        "next",
        "number",
        "personal",
        "presence",
        "profile",
        "reason",
        "since",
        "stamp",
    )

    def __init__(self, profile: Profile, number: int, now: float, personal: Line) -> None:
        self.agent = profile.agent
        self.number = number
        self.presence = Presence.LOGOUT
        self.reason = ""
        self.since = now
        self.idle_since = now
        self.contacts: dict[str, Case] = {}
        self.handling = 0  # how many of them are connected, or in work
        self.load: dict[Slot, int] = {}
        self.needs: dict[Slot, list[Need]] = {}
        self.personal = personal  # contacts that wait for this agent alone
        self.next: tuple[bool, str] | None = None
        self.stamp = 0
        self.bucket = ""  # how the agent spends the time at present
        self.bucket_since = now
        self.listed = False  # the idle entries of this stamp are made
        self.take(profile)

    def take(self, profile: Profile) -> None:
        self.profile = profile
        self._blended = profile.beside_call | {Slot.CALL}

    @property
    def ready(self) -> bool:
        return self.presence is Presence.READY

    @property
    def signed_in(self) -> bool:
        return self.presence is not Presence.LOGOUT

    def spends(self) -> str:
        """The bucket of `outputs.TimeSpent`; empty while signed out."""
        if self.presence is Presence.LOGOUT:
            return ""
        if self.handling:
            return "handling"
        if self.contacts:
            return "reserved"
        return "ready" if self.presence is Presence.READY else "not_ready"

    def open(self, slot: Slot) -> bool:
        """Whether one more contact fits in now."""
        load = self.load
        if self.presence is not Presence.READY or load.get(slot, 0) >= self.profile.capacity.get(slot, 0):
            return False
        if not load:
            return True
        if slot is Slot.CALL:
            return load.keys() <= self._blended
        return Slot.CALL not in load or slot in self._blended

    def open_slots(self) -> list[Slot]:
        return [slot for slot in self.profile.capacity if self.open(slot)] if self.ready else []

    def all_needs(self) -> Iterator[Need]:
        return (need for needs in self.needs.values() for need in needs)

    def hold(self, case: Case) -> None:
        self.contacts[case.contact] = case
        self.load[case.slot] = self.load.get(case.slot, 0) + 1
        self.changed()

    def release(self, case: Case) -> None:
        del self.contacts[case.contact]
        left = self.load[case.slot] - 1
        if left:
            self.load[case.slot] = left
        else:
            del self.load[case.slot]
        self.changed()

    def changed(self) -> None:
        self.stamp += 1
        self.listed = False
