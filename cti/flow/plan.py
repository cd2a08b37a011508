"""A plan: a flow with everything it calls, ready to run, with the version that calls keep to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from cti.core.errors import CtiError
from cti.core.issue import Issue, Severity
from cti.flow.calendar import Calendar
from cti.flow.catalog import LookupSignature
from cti.flow.closure import check_closure, closure_of
from cti.flow.model import Flow


class PlanError(CtiError):
    """The flows do not make a plan; ``issues`` says why, all of it."""

    code = "bad-plan"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("\n".join(str(issue) for issue in issues))
        self.issues = issues


@dataclass(frozen=True)
class Plan:
    """Picklable. ``version`` is the sha256 of the closure: root, subflows, look-up signatures, calendars' names.

    Calendars are not part of the version: a holiday entered today holds for running calls too (`with_calendars`).
    """

    root: str
    flows: Mapping[str, Flow]
    calendars: Mapping[str, Calendar]
    lookups: Mapping[str, LookupSignature]
    version: str

    def with_calendars(self, calendars: Mapping[str, Calendar]) -> Plan:
        return replace(self, calendars=dict(calendars))


def compile_plan(flows: Mapping[str, Flow], calendars: Mapping[str, Calendar], root: str) -> Plan:
    """The plan of ``root``. Raises `PlanError` when a flow or calendar is missing, or a flow would call itself."""
    issues = [issue for issue in check_closure(flows, calendars, root) if issue.severity is Severity.ERROR]
    if issues:
        raise PlanError(issues)
    closed = {name: flows[name] for name in closure_of(flows, root)}
    lookups = {name: signature for flow in closed.values() for name, signature in flow.lookups.items()}
    return Plan(root, closed, dict(calendars), lookups, _version(root, closed, lookups))


def _version(root: str, flows: Mapping[str, Flow], lookups: Mapping[str, LookupSignature]) -> str:
    digest = sha256(root.encode())
    for name in sorted(flows):
        digest.update(f"\0{name}\0{flows[name].digest}".encode())
    for name, signature in sorted(lookups.items()):
        digest.update(f"\0{name}\0{signature}".encode())
    return digest.hexdigest()
