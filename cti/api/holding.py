"""Whose data somebody may see in clear for now: agents that of the subscribers who are with them, supervisors that of
those who are with their agents; and who holds `data.unmask` for everybody, everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.core.access import GLOBAL, Permission, decide
from cti.core.numbers import normalise_number
from cti.runtime.floor.ids import call_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.api.guard import Access
    from cti.boss.plans import QuestionPlan
    from cti.core.access import ResourceScope
    from cti.runtime.floor import Floor

_NUMBER = "phone"


class Holding:
    """``floor``: None where no agents are at work; then no subscriber is with anybody."""

    def __init__(self, floor: Floor | None) -> None:
        self._floor = floor

    def scope(self, access: Access, plan: QuestionPlan, inputs: Mapping[str, Any]) -> ResourceScope:
        """Of a contact that goes on, of the subscriber of whom is asked, which is shown in clear to whoever asks; the
        platform's where there is none. A question of several numbers needs a contact of each."""
        found = [self._of(access, number) for number in _numbers(plan, inputs)]
        return found[0] if found and GLOBAL not in found else GLOBAL

    def _of(self, access: Access, number: str) -> ResourceScope:
        if self._floor is None:
            return GLOBAL
        for contact, case in self._floor.owner.acd.floor.cases.items():
            scope = self._floor.views.scope(case)
            if not decide(access.principal, Permission.DATA_UNMASK, scope).allowed:
                continue
            caller = self._floor.publisher.screens.number(call_of(contact))
            if caller and normalise_number(caller) == number:
                return scope
        return GLOBAL


def _numbers(plan: QuestionPlan, inputs: Mapping[str, Any]) -> list[str]:
    """In the national spelling."""
    kinds = plan.signature.inputs
    names = [name for name, kind in kinds.items() if kind.kind == _NUMBER or name == plan.subscriber]
    return [normalise_number(str(inputs[name])) for name in names if inputs.get(name) is not None]
