"""What is written down about decisions and changes. A line quotes no secret and no personal data in clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.core.masking import mask, mask_all


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, and how they came in (``session:<id>``, ``key:<id>``, ``cli:<login>``, ``system``)."""

    user_id: str
    name: str
    via: str = ""


#: What the platform does by itself, such as making the first user.
SYSTEM = Author("system", "system", "system")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One decision. Times in seconds since the epoch; ``number`` counts up, 0 before it is stored.

    ``permission``: what was needed (empty where none is: a sign-in). ``action``: what was done or tried, such as
    ``user.add``. ``target``: the object, ``<kind>:<id>``. ``reason``: of the decision, or the one that a person gave.
    ``before`` and ``after`` hold what changed, masked.
    """

    at: float
    author: Author
    action: str
    target: str
    permission: str = ""
    allowed: bool = True
    reason: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Deed:
    """A change that was allowed: who, when, by which permission and why. The store adds what changed, and writes the
    line in the same transaction as the change."""

    author: Author
    at: float
    permission: str = ""
    reason: str = ""

    def line(
        self, action: str, target: str, before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None
    ) -> AuditLine:
        was, became = changed(before or {}, after or {})
        return AuditLine(self.at, self.author, action, target, self.permission, True, self.reason, was, became)


#: Fields whose values are shown in part, or not at all, in a line of the audit.
_PARTLY = frozenset({"phone", "number", "caller"})
_NEVER = frozenset({"password", "password_hash", "secret", "secret_hash", "sip_password"})


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the fields that differ, masked: (before, after). A field that is missing on a side is left out there.

    >>> changed({"phone": "13800001234", "team": "a"}, {"phone": "13900001234", "team": "a"})
    ({'phone': '138****1234'}, {'phone': '139****1234'})
    """
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _shown(before, names), _shown(after, names)


def _shown(fields: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: _masked(name, fields[name]) for name in names if name in fields}


def _masked(name: str, value: Any) -> Any:
    if name in _NEVER:
        return mask_all(str(value)) if value is not None else None
    if name in _PARTLY and isinstance(value, str):
        return mask(value) if len(value) > 7 else value  # an extension of the house is no personal datum
    if isinstance(value, frozenset | set | tuple):
        return sorted(str(item) for item in value)
    return value
