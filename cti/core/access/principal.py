"""Who asks, and what an asked-for object belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from cti.core.access.permissions import Role
from cti.core.errors import CtiError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class ScopeKind(StrEnum):
    ALL = "all"
    TEAM = "team"
    QUEUE = "queue"
    SWITCH = "switch"  # of a machine: what this one switch may be told


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where a role holds. As text: ``*``, ``team:north``, ``queue:service``, ``switch:fs1``."""

    kind: ScopeKind = ScopeKind.ALL
    name: str = ""

    def __str__(self) -> str:
        return "*" if self.kind is ScopeKind.ALL else f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Raises CtiError (bad-scope)."""
        if text == "*":
            return EVERYTHING
        kind, colon, name = text.partition(":")
        if not colon or kind == ScopeKind.ALL or kind not in list(ScopeKind) or not _NAME.fullmatch(name):
            remedy = "write *, team:NAME, queue:NAME or switch:NAME"
            raise CtiError(f"{text[:80]!r} is not a scope", code="bad-scope", remedy=remedy)
        return cls(ScopeKind(kind), name)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One role in one scope. A person who leads one team and serves in another has two."""

    role: Role
    scope: Scope = EVERYTHING

    def __str__(self) -> str:
        return f"{self.role}@{self.scope}"

    @classmethod
    def of(cls, role: Role, scope: Scope) -> Grant:
        """The role `switch` is one switch's, and no other role is: the key of one that was broken into tells of that
        one alone. Raises CtiError (bad-scope)."""
        if (role is Role.SWITCH) != (scope.kind is ScopeKind.SWITCH):
            remedy = "write switch@switch:NAME, with the name of the switch in the engine's configuration"
            raise CtiError(f"the role {role} cannot be granted for {scope}", code="bad-scope", remedy=remedy)
        return cls(role, scope)

    @classmethod
    def parse(cls, text: str) -> Grant:
        """``agent`` is everywhere, ``team_lead@team:north`` in one team. Raises CtiError (bad-role, bad-scope)."""
        role, at, scope = text.partition("@")
        if role not in list(Role):
            known = ", ".join(Role)
            raise CtiError(f"{role[:80]!r} is not a role", code="bad-role", remedy=f"the roles are {known}")
        return cls.of(Role(role), Scope.parse(scope) if at else EVERYTHING)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has proved who they are.

    ``via`` says how: ``session:<id>``, ``key:<id>``, ``cli:<login>``. ``limited``: signed in with a one-time
    password, which must be changed before anything else.
    """

    user_id: str
    name: str
    grants: tuple[Grant, ...] = ()
    via: str = ""
    limited: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def teams(self) -> frozenset[str]:
        """Teams named by a grant. A grant for everything names none: ask `decide` or `visible` instead."""
        return frozenset(grant.scope.name for grant in self.grants if grant.scope.kind is ScopeKind.TEAM)

    @property
    def queues(self) -> frozenset[str]:
        return frozenset(grant.scope.name for grant in self.grants if grant.scope.kind is ScopeKind.QUEUE)

    @classmethod
    def of(
        cls, user_id: str, roles: Iterable[Role], *, teams: Iterable[str] = (), queues: Iterable[str] = ()
    ) -> Principal:
        """Every role in each of the teams and queues; without any of these, everywhere."""
        scopes = [Scope(ScopeKind.TEAM, team) for team in teams] + [Scope(ScopeKind.QUEUE, queue) for queue in queues]
        grants = [Grant(role, scope) for role in roles for scope in scopes or [EVERYTHING]]
        return cls(user_id, user_id, tuple(sorted(grants)))


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """What an object belongs to: a user (``owner``), teams, queues, a switch. One that belongs to nobody is the
    platform's."""

    owner: str | None = None
    teams: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    switch: str | None = None

    @classmethod
    def of(
        cls, *, owner: str | None = None, team: str | None = None, queue: str | None = None, switch: str | None = None
    ) -> ResourceScope:
        return cls(owner, frozenset([team] if team else ()), frozenset([queue] if queue else ()), switch)


#: What belongs to the platform as a whole: flows, users' list, settings.
GLOBAL = ResourceScope()
