"""The one policy table, and the one function that reads it.

Everything that is neither granted by a cell nor reached by the scope of the role is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from cti.core.access.permissions import Permission, Role
from cti.core.access.principal import GLOBAL, Grant, Principal, ResourceScope, ScopeKind


class Reach(IntEnum):
    """How far a permission of a role goes."""

    NONE = 0
    OWN = 1  # what belongs to the user
    SCOPE = 2  # and what belongs to the teams and queues for which the role was granted
    ANY = 3  # everything, whatever scope the role was granted for: data without a team, such as flows


_ORDER = (Role.AGENT, Role.TEAM_LEAD, Role.SUPERVISOR, Role.FLOW_AUTHOR, Role.AUDITOR, Role.ADMIN)


def _row(
    *cells: Reach, switch: Reach = Reach.NONE, gateway: Reach = Reach.NONE, orderer: Reach = Reach.NONE
) -> Mapping[Role, Reach]:
    """``switch``, ``gateway``, ``orderer``: of the roles that are for machines only."""
    machines = {Role.SWITCH: switch, Role.GATEWAY: gateway, Role.ORDERER: orderer}
    return {**dict(zip(_ORDER, cells, strict=True)), **machines}


_P, NO, OWN, SCO, ANY = Permission, Reach.NONE, Reach.OWN, Reach.SCOPE, Reach.ANY

# fmt: off
TABLE: Mapping[Permission, Mapping[Role, Reach]] = {
    #                          agent lead  superv author auditor admin
    _P.OWN_ACCOUNT:       _row(OWN,  OWN,  OWN,  OWN,  OWN,  OWN),
    _P.OWN_PRESENCE:      _row(OWN,  OWN,  OWN,  NO,   NO,   NO),
    _P.EVENTS_READ:       _row(OWN,  SCO,  SCO,  OWN,  SCO,  OWN),

    _P.AGENTS_READ:       _row(SCO,  SCO,  SCO,  NO,   SCO,  SCO),
    _P.AGENTS_EDIT:       _row(NO,   SCO,  NO,   NO,   NO,   SCO),
    _P.AGENTS_STATE:      _row(NO,   SCO,  SCO,  NO,   NO,   NO),
    _P.SKILLS_READ:       _row(ANY,  ANY,  ANY,  ANY,  ANY,  ANY),
    _P.SKILLS_EDIT:       _row(NO,   SCO,  NO,   NO,   NO,   SCO),
    _P.SCHEDULES_READ:    _row(OWN,  SCO,  SCO,  NO,   SCO,  SCO),
    _P.SCHEDULES_EDIT:    _row(NO,   SCO,  SCO,  NO,   NO,   SCO),
    _P.TEAMS_READ:        _row(SCO,  SCO,  SCO,  NO,   SCO,  SCO),
    _P.TEAMS_EDIT:        _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.PHONES_ROTATE:     _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.PHONES_DIRECTORY:  _row(NO,   NO,   NO,   NO,   NO,   NO, switch=SCO),

    _P.QUEUES_READ:       _row(SCO,  SCO,  SCO,  ANY,  SCO,  SCO),
    _P.QUEUES_CONTROL:    _row(NO,   NO,   SCO,  NO,   NO,   SCO),
    _P.CONTACTS_READ:     _row(OWN,  SCO,  SCO,  NO,   SCO,  NO),
    _P.CONTACTS_HANDLE:   _row(OWN,  OWN,  OWN,  NO,   NO,   NO),
    _P.CONTACTS_PICK_UP:  _row(SCO,  SCO,  SCO,  NO,   NO,   NO),
    _P.CONTACTS_MOVE:     _row(NO,   SCO,  SCO,  NO,   NO,   NO),
    _P.CONTACTS_LISTEN:   _row(NO,   SCO,  SCO,  NO,   NO,   NO),
    _P.CONTACTS_JOIN:     _row(NO,   NO,   SCO,  NO,   NO,   NO),

    _P.CHATS_RELAY:       _row(NO,   NO,   NO,   NO,   NO,   NO, gateway=OWN),

    _P.CALLS_READ:        _row(OWN,  SCO,  SCO,  ANY,  SCO,  SCO),
    _P.CALLS_PLACE:       _row(OWN,  OWN,  OWN,  NO,   NO,   NO),
    _P.RECORDINGS_READ:   _row(NO,   SCO,  SCO,  NO,   SCO,  SCO),
    _P.RECORDINGS_LISTEN: _row(NO,   SCO,  SCO,  NO,   SCO,  NO),
    _P.RECORDINGS_HOLD:   _row(NO,   NO,   SCO,  NO,   NO,   SCO),
    _P.RECORDINGS_DELETE: _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.CUSTOMERS_READ:    _row(ANY,  ANY,  ANY,  NO,   ANY,  NO),
    _P.CUSTOMERS_EDIT:    _row(ANY,  ANY,  ANY,  NO,   NO,   NO),
    _P.CALLBACKS_READ:    _row(OWN,  SCO,  SCO,  NO,   SCO,  NO),
    _P.CALLBACKS_EDIT:    _row(OWN,  SCO,  SCO,  NO,   NO,   NO),
    _P.NOTICES_READ:      _row(ANY,  ANY,  ANY,  ANY,  ANY,  ANY),
    _P.NOTICES_EDIT:      _row(NO,   ANY,  ANY,  NO,   NO,   ANY),
    _P.REPORTS_READ:      _row(OWN,  SCO,  SCO,  ANY,  SCO,  SCO),
    _P.DATA_UNMASK:       _row(OWN,  NO,   SCO,  NO,   SCO,  NO),

    _P.FLOWS_READ:        _row(NO,   ANY,  ANY,  ANY,  ANY,  ANY),
    _P.FLOWS_CHECK:       _row(NO,   NO,   NO,   ANY,  NO,   ANY),
    _P.FLOWS_EDIT:        _row(NO,   NO,   NO,   ANY,  NO,   NO),
    _P.FLOWS_ACTIVATE:    _row(NO,   NO,   NO,   ANY,  NO,   NO),
    _P.ENTRIES_READ:      _row(NO,   ANY,  ANY,  ANY,  ANY,  ANY),
    _P.ENTRIES_EDIT:      _row(NO,   NO,   NO,   ANY,  NO,   NO),
    _P.CALENDARS_READ:    _row(ANY,  ANY,  ANY,  ANY,  ANY,  ANY),
    _P.CALENDARS_EDIT:    _row(NO,   ANY,  ANY,  ANY,  NO,   NO),

    _P.LOOKUPS_RUN:       _row(ANY,  ANY,  ANY,  ANY,  NO,   NO),
    _P.REQUESTS_RUN:      _row(ANY,  ANY,  ANY,  NO,   NO,   NO),
    _P.REQUESTS_SETTLE:   _row(NO,   NO,   ANY,  NO,   NO,   ANY),
    _P.BACKENDS_READ:     _row(NO,   NO,   ANY,  ANY,  ANY,  ANY),
    _P.BACKENDS_CONTROL:  _row(NO,   NO,   NO,   NO,   NO,   ANY),
    _P.FEEDS_READ:        _row(NO,   NO,   NO,   NO,   ANY,  ANY),
    _P.ORDERS_READ:       _row(NO,   NO,   NO,   NO,   ANY,  ANY),
    _P.ORDERS_PLACE:      _row(NO,   NO,   NO,   NO,   NO,   ANY, orderer=ANY),
    _P.FEEDS_RUN:         _row(NO,   NO,   NO,   NO,   NO,   ANY),
    _P.NODES_READ:        _row(NO,   NO,   NO,   NO,   ANY,  ANY),
    _P.NODES_DRAIN:       _row(NO,   NO,   NO,   NO,   NO,   ANY),
    _P.WEBHOOKS_EDIT:     _row(NO,   NO,   NO,   NO,   NO,   ANY),

    _P.USERS_READ:        _row(NO,   SCO,  NO,   NO,   SCO,  SCO),
    _P.USERS_EDIT:        _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.ROLES_GRANT:       _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.KEYS_EDIT:         _row(NO,   NO,   NO,   NO,   NO,   SCO),
    _P.AUDIT_READ:        _row(NO,   NO,   NO,   NO,   ANY,  ANY),
    _P.DEMO_CALL:         _row(NO,   NO,   ANY,  ANY,  NO,   ANY),
}
# fmt: on

#: Which roles must say why, each time they use the permission: those who listen outside the daily work of a team, and
#: everybody who deletes. What is done with a hold always says why.
REASONED: Mapping[Permission, frozenset[Role]] = {
    _P.RECORDINGS_LISTEN: frozenset({Role.AUDITOR}),
    _P.RECORDINGS_DELETE: frozenset(Role),
}


def needs_reason(permission: Permission, grant: str) -> bool:
    """``grant``: the one that allows it, as `Decision.reason` has it."""
    return any(grant.startswith(f"{role}@") for role in REASONED.get(permission, ()))


#: Why something is refused. Published: the API and the audit use these words.
NO_PERMISSION, OUT_OF_SCOPE, PASSWORD_FIRST = "no-permission", "out-of-scope", "password-change-required"


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason``: the grant that allows it (``supervisor@queue:service``), or one of the constants above.

    ``masked``: personal data of the object is to be shown masked, because `Permission.DATA_UNMASK` does not reach it.
    Without the mask nothing is shown unmasked by itself: a client asks for that, with a reason, and it is audited.
    """

    allowed: bool
    reason: str
    masked: bool = True

    @property
    def hidden(self) -> bool:
        """Not even that the object exists is told: the answer is the one for an object that is not there."""
        return self.reason == OUT_OF_SCOPE


def decide(principal: Principal, permission: Permission, resource: ResourceScope = GLOBAL) -> Decision:
    """May ``principal`` do this to that object?"""
    if principal.limited and permission is not Permission.OWN_ACCOUNT:
        return Decision(False, PASSWORD_FIRST)
    by = _allowing(principal, permission, resource)
    if by is not None:
        return Decision(True, str(by), masked=_allowing(principal, Permission.DATA_UNMASK, resource) is None)
    held = any(TABLE[permission][grant.role] for grant in principal.grants)
    return Decision(False, OUT_OF_SCOPE if held else NO_PERMISSION)


def _allowing(principal: Principal, permission: Permission, resource: ResourceScope) -> Grant | None:
    for grant in principal.grants:
        reach = TABLE[permission][grant.role]
        if reach is Reach.ANY or (reach is Reach.SCOPE and _inside(grant, resource)):
            return grant
        if reach and resource.owner is not None and resource.owner == principal.user_id:
            return grant
    return None


def _inside(grant: Grant, resource: ResourceScope) -> bool:
    match grant.scope.kind:
        case ScopeKind.ALL:
            return True
        case ScopeKind.TEAM:
            return grant.scope.name in resource.teams
        case ScopeKind.QUEUE:
            return grant.scope.name in resource.queues
        case ScopeKind.SWITCH:
            return grant.scope.name == resource.switch


@dataclass(frozen=True, slots=True)
class Visible:
    """What of a list a principal may see: ``everything``, or what belongs to these teams, queues, switches, or this
    user."""

    everything: bool = False
    teams: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    owner: str | None = None
    switches: frozenset[str] = frozenset()

    @property
    def nothing(self) -> bool:
        return not (self.everything or self.teams or self.queues or self.switches or self.owner)

    def shows(self, resource: ResourceScope) -> bool:
        if self.everything or (self.owner is not None and self.owner == resource.owner):
            return True
        return bool(
            self.teams & resource.teams or self.queues & resource.queues or self.switches & {resource.switch or ""}
        )


def visible(principal: Principal, permission: Permission) -> Visible:
    """For lists, so that they are narrowed where they are read. Agrees with `decide` about every object."""
    if principal.limited and permission is not Permission.OWN_ACCOUNT:
        return Visible()
    reaches = [(TABLE[permission][grant.role], grant.scope) for grant in principal.grants]
    scopes = [scope for reach, scope in reaches if reach is Reach.SCOPE]
    if any(reach is Reach.ANY for reach, _ in reaches) or any(scope.kind is ScopeKind.ALL for scope in scopes):
        return Visible(everything=True)
    return Visible(
        teams=frozenset(scope.name for scope in scopes if scope.kind is ScopeKind.TEAM),
        queues=frozenset(scope.name for scope in scopes if scope.kind is ScopeKind.QUEUE),
        owner=principal.user_id if any(reach for reach, _ in reaches) else None,
        switches=frozenset(scope.name for scope in scopes if scope.kind is ScopeKind.SWITCH),
    )


def permissions_of(principal: Principal) -> list[Permission]:
    """All that the principal may do somewhere, in the order of the table."""
    return [permission for permission in TABLE if not visible(principal, permission).nothing]
