"""What agents write about the contacts at hand: checked by the queue's dispositions and the flow's types, kept at each
change, and shown to whoever has the contact next.

Which variables may be put right is what the agent sees of the flow that brought the contact into the queue: its
variables, but none that is sensitive (shown masked, so nobody could tell what was wrong with it), none that was made
of a sensitive one, and no list or record. The run of the flow is not changed by it: a flow was checked for every value
that it can come to by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from cti.acd import outputs as o
from cti.core.moments import iso
from cti.core.recent import Recent
from cti.core.wrapups import (
    NAME_MAX,
    NOTES_MAX,
    VALUE_MAX,
    VARIABLES_MAX,
    Dispositions,
    WrapUp,
    WrapUpRefused,
    WrapUpRow,
    check_text,
    shown_parts,
)
from cti.flow.types import BadValue, Type, convert
from cti.runtime.floor.handling import Handling, handling_of
from cti.runtime.floor.ids import call_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cti.acd.cases import Case
    from cti.runtime.floor.owner import FloorOwner

#: So long after it has left queues and agents it is known in memory what was written in a call, and what its customer
#: asked for before; of older ones it is in the store. In seconds.
KNOWN_S = 600.0
_NO_DISPOSITIONS = Dispositions()


class Keeps(Protocol):
    """Where a write-up goes that has changed."""

    def __call__(self, handling: Handling) -> None: ...


class WrapUps:
    """``queues``: dispositions by queue; by the empty name: of calls that agents place.

    It listens before whoever tells and keeps that a contact is closed. ``editable``: of a call, variables with their
    types that may be put right."""

    def __init__(self, owner: FloorOwner, queues: Mapping[str, Dispositions]) -> None:
        self._queues = dict(queues)
        self._now = owner.now
        self.keep: Keeps = lambda _handling: None
        self.editable: Callable[[str], Mapping[str, Type]] = lambda _call: {}
        self._live: dict[str, Handling] = {}  # by contact
        # Those in which something was written; what an earlier run wrote; what may be put right. By call.
        self._of_call: Recent[str, list[Handling]] = Recent(KNOWN_S, owner.now, keeps=owner.has_call)
        self._kept: Recent[str, list[WrapUpRow]] = Recent(KNOWN_S, owner.now, keeps=owner.has_call)
        self._types: Recent[str, Mapping[str, Type]] = Recent(KNOWN_S, owner.now, keeps=owner.has_call)
        self._closing: Handling | None = None
        owner.listeners.append(self._heard)

    # ---- looking -------------------------------------------------------------------------------------------------

    def dispositions(self, queue: str) -> Dispositions:
        return self._queues.get(queue, _NO_DISPOSITIONS)

    def of(self, case: Case) -> Handling:
        """By the agent who has it now."""
        agent = case.desk.agent if case.desk is not None else ""
        found = self._live.get(case.contact)
        if found is None or found.agent != agent:
            return Handling(case.contact, agent, case.queue.config.name, case.wish.medium)
        return found

    def closing(self, fact: o.Handled) -> Handling:
        """Of the contact that is being closed by this."""
        found = self._closing
        return found if found is not None and found.contact == fact.contact else handling_of(fact)

    def know(self, call: str, types: Mapping[str, Type]) -> None:
        """Which variables may be put right of a call that is over."""
        if types:
            self._types.put(call, types)

    def types(self, call: str) -> Mapping[str, Type]:
        return self._types.get(call) or {}

    def earlier(self, contact: str, *, unmask: bool = False) -> list[dict[str, Any]]:
        """What other agents wrote in the same call, the first one in front: those who had it before, and those who
        consult, or are at work on it still."""
        call, live = call_of(contact), self._live.get(contact)
        ours = self._of_call.get(call) or ()
        told = {(handling.contact, handling.agent) for handling in ours}  # which may be in the store by now, too
        kept = [row for row in self._kept.get(call) or () if (row.contact, row.agent) not in told]
        said: list[tuple[Handling | WrapUpRow, WrapUp | WrapUpRow]] = [(row, row) for row in kept]
        said += [(handling, handling.wrapup) for handling in ours if handling is not live]
        return [
            {"contact": by.contact, "agent": by.agent, "queue": by.queue, "at": iso(words.at),
             **shown_parts(words.disposition, words.notes, words.variables, unmask=unmask)}
            for by, words in said
        ]  # fmt: skip

    def shown(self, case: Case, *, unmask: bool = False) -> dict[str, Any]:
        """For a client of the agent: what is written, and what can be."""
        written, known = self.of(case).wrapup, self.dispositions(case.queue.config.name)
        return {
            "contact": case.contact,
            "version": written.version,
            "at": iso(written.at) if written.version else None,
            **written.shown(unmask=unmask),
            "editable": {name: str(kind) for name, kind in self.types(call_of(case.contact)).items()},
            "dispositions": known.listed(),
            "disposition_required": known.required,
        }

    # ---- writing ---------------------------------------------------------------------------------------------------

    def check(self, case: Case, parts: Mapping[str, Any]) -> dict[str, Any]:
        """``parts``: some of disposition (a text or None), notes (a text), variables (name -> value; None takes an edit
        back). As they are to be written. Raises WrapUpRefused: unknown-disposition, bad-text, bad-variable."""
        made = dict(parts)
        if "disposition" in parts:
            self.dispositions(case.queue.config.name).check(parts["disposition"])
        if "notes" in parts:
            made["notes"] = check_text(parts["notes"], "notes", NOTES_MAX, lines=True)
        if "variables" in parts:
            made["variables"] = _checked(self.types(call_of(case.contact)), parts["variables"])
        return made

    def write(self, case: Case, parts: Mapping[str, Any]) -> Handling:
        """``parts``: as `check` gave them. Nothing is kept where nothing is said."""
        found = self._live[case.contact] = self.of(case)
        if parts:
            found.wrapup = found.wrapup.written(parts, self._now())
            call = call_of(case.contact)
            written = self._of_call.get(call) or []
            self._of_call.put(call, written if found in written else [*written, found])
            self.keep(found)
        return found

    def require(self, case: Case, parts: Mapping[str, Any]) -> None:
        """May the work be ended with this? Raises WrapUpRefused (disposition-required)."""
        said = parts.get("disposition", self.of(case).wrapup.disposition)
        self.dispositions(case.queue.config.name).require(said)

    def restore(self, handling: Handling) -> None:
        """What the agent wrote before the end of an earlier engine, which goes on with it."""
        self._live[handling.contact] = handling
        call = call_of(handling.contact)
        self._of_call.put(call, [*(self._of_call.get(call) or ()), handling])

    def remember(self, call: str, rows: Sequence[WrapUpRow]) -> None:
        """What agents wrote in this call when another engine had it."""
        if rows:
            self._kept.put(call, list(rows))

    # ---- what the distribution says ----------------------------------------------------------------------------------

    def _heard(self, fact: o.Output) -> None:
        match fact:
            case o.EntryBegan():
                call = call_of(fact.contact)
                self.know(call, self.editable(call))
            case o.Handled():
                self._closing = self._live.pop(fact.contact, None)


def _checked(types: Mapping[str, Type], values: Mapping[str, Any]) -> dict[str, Any]:
    if len(values) > VARIABLES_MAX:
        raise WrapUpRefused("bad-variable", f"more than {VARIABLES_MAX} variables")
    return {name: _value(types, name, value) for name, value in values.items()}


def _value(types: Mapping[str, Type], name: str, value: Any) -> Any:
    kind = types.get(name)
    if kind is None:
        known = ", ".join(types) or "none"
        raise WrapUpRefused(
            "bad-variable", f"no variable {name[:NAME_MAX]!a} can be edited; those that can are {known}"
        )
    if value is None:
        return None
    if isinstance(value, str):
        check_text(value, name, VALUE_MAX)
    elif not isinstance(value, bool | int | float):
        raise WrapUpRefused("bad-variable", f"{name} takes one value, of the type {kind}")
    try:
        made = convert(kind, value)
    except BadValue as error:
        raise WrapUpRefused("bad-variable", f"{name}: {error}") from error
    return made if isinstance(made, str | int) else str(value)
