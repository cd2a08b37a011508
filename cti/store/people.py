"""Users, teams and roles in the database. Each change and its line of the audit are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update
from sqlalchemy.engine import CursorResult

from cti.core.access import Deed, Grant, Role, Scope, Visible
from cti.core.errors import CtiError
from cti.core.people import Team, User, UserKind, check_name, check_title, grants_text
from cti.store.audit import append
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_people import agents, sessions, teams, user_roles, users


@dataclass(frozen=True, slots=True)
class SessionUser:
    """``ended``: why it is not up any more; None: it is. ``expires_at``: seconds since the epoch."""

    user: User
    expires_at: float
    ended: str | None


class People(Repository):
    """Beside StoreUnavailable, changes raise CtiError: unknown-user, name-taken, last-admin, and what checks raise."""

    # ---- users ---------------------------------------------------------------------------------------------------

    def add_user(self, user: User, password_hash: str | None, deed: Deed) -> User:
        """With its grants. ``user.name`` is kept in lower case."""
        user = replace(user, name=check_name(user.name, "user name").lower(), title=check_title(user.title))

        def work(connection: Connection) -> User:
            if connection.execute(select(users.c.user_id).where(users.c.name == user.name)).first():
                raise CtiError(
                    f"there is a user {user.name!r} already", code="name-taken", remedy="choose another name"
                )
            connection.execute(insert(users).values({**_user_row(user), "password_hash": password_hash}))
            _grant(connection, user.user_id, user.grants)
            append(connection, deed.line("user.add", f"user:{user.user_id}", after=_shown(user)))
            return user

        return self._write(work)

    def find_user(self, user_id: str) -> User | None:
        known = clean(user_id, 64)
        return self._believe(known, lambda connection: find(connection, users.c.user_id == known))

    def find_user_named(self, name: str) -> User | None:
        return self._read(lambda connection: find(connection, users.c.name == clean(name, 64).lower()))

    def list_users(self, *, limit: int, after: str | None = None, what: Visible | None = None) -> list[User]:
        """By name; ``after`` is the name to go on from. ``what``: those of these teams (by profile or role) only."""
        query = select(users).order_by(users.c.name).limit(limit)
        if after is not None:
            query = query.where(users.c.name > clean(after, 64))
        if what is not None and not what.everything:
            query = query.where(_seen(what))
        return self._read(lambda connection: _users(connection, query))

    def find_of_sessions(self, session_ids: Collection[str]) -> dict[str, SessionUser]:
        """Session id -> whose it is; without those that there are not. Many at once, since every request and every
        stream rests on a session."""
        wanted = [clean(session_id, 64) for session_id in session_ids]

        def work(connection: Connection) -> dict[str, SessionUser]:
            rows = connection.execute(select(sessions).where(sessions.c.session_id.in_(wanted))).all()
            found = _users(connection, select(users).where(users.c.user_id.in_({row.user_id for row in rows})))
            people = {user.user_id: user for user in found}
            return {row.session_id: _session_user(row, people[row.user_id]) for row in rows}

        return self._read(work)

    def count_users(self) -> int:
        return self._read(
            lambda connection: int(connection.execute(select(func.count()).select_from(users)).scalar_one())
        )

    def set_title(self, user_id: str, title: str, deed: Deed) -> User:
        check_title(title)
        return self._change(user_id, "user.change", {"title": title}, deed)

    def set_disabled(self, user_id: str, at: float | None, deed: Deed) -> User:
        """``at``: since when; None: no longer. Ends the user's sessions; keys of a disabled user do not work."""
        return self._change(user_id, "user.disable" if at is not None else "user.enable", {"disabled_at": at}, deed)

    def set_grants(self, user_id: str, grants: Iterable[Grant], deed: Deed) -> User:
        """All of the user's roles, in the place of those before."""
        wanted = tuple(sorted(set(grants)))

        def work(connection: Connection) -> User:
            before = get(connection, user_id)
            connection.execute(delete(user_roles).where(user_roles.c.user_id == before.user_id))
            _grant(connection, before.user_id, wanted)
            _require_admin(connection, before)
            after = replace(before, grants=wanted)
            append(connection, deed.line("user.roles", f"user:{before.user_id}", _shown(before), _shown(after)))
            return after

        return self._write(work)

    # ---- teams ---------------------------------------------------------------------------------------------------

    def save_team(self, team: Team, deed: Deed) -> Team:
        check_name(team.team, "team")
        check_title(team.title)

        def work(connection: Connection) -> Team:
            row = connection.execute(select(teams).where(teams.c.team == team.team)).first()
            if row is None:
                connection.execute(insert(teams).values(team=team.team, title=team.title))
            else:
                connection.execute(update(teams).where(teams.c.team == team.team).values(title=team.title))
            before = {} if row is None else {"title": row.title}
            append(connection, deed.line("team.save", f"team:{team.team}", before, {"title": team.title}))
            return team

        return self._write(work)

    def list_teams(self) -> list[Team]:
        query = select(teams).order_by(teams.c.team)
        return self._read(lambda connection: [Team(row.team, row.title) for row in connection.execute(query)])

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _change(self, user_id: str, action: str, values: dict[str, Any], deed: Deed) -> User:
        def work(connection: Connection) -> User:
            before = get(connection, user_id)
            connection.execute(update(users).where(users.c.user_id == before.user_id).values(values))
            after = replace(before, **values)
            if after.disabled_at is not None:
                end_sessions(connection, before.user_id, deed.at, "disabled")
                _require_admin(connection, before)
            append(connection, deed.line(action, f"user:{before.user_id}", _shown(before), _shown(after)))
            return after

        return self._write(work)


def find(connection: Connection, condition: Any) -> User | None:
    return next(iter(_users(connection, select(users).where(condition))), None)


def get(connection: Connection, user_id: str) -> User:
    """Raises CtiError (unknown-user)."""
    found = find(connection, users.c.user_id == clean(user_id, 64))
    if found is None:
        raise CtiError(f"there is no user {user_id[:64]!r}", code="unknown-user", remedy="`cti user list` shows them")
    return found


def end_sessions(connection: Connection, user_id: str, at: float, why: str, *, but: str | None = None) -> int:
    """How many were up; ``but`` is left as it is."""
    query = update(sessions).where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    if but is not None:
        query = query.where(sessions.c.session_id != but)
    ended: CursorResult[Any] = connection.execute(query.values(ended_at=at, ended_why=why))
    return ended.rowcount


def _seen(what: Visible) -> Any:
    scopes = [f"team:{team}" for team in what.teams] + [f"queue:{queue}" for queue in what.queues]
    by_role = exists().where(user_roles.c.user_id == users.c.user_id, user_roles.c.scope.in_(scopes))
    by_team = exists().where(agents.c.user_id == users.c.user_id, agents.c.team.in_(what.teams))
    return or_(users.c.user_id == (what.owner or ""), by_role, by_team)


def _require_admin(connection: Connection, changed: User) -> None:
    """A platform without anybody who may manage users could only be mended by hand."""
    if Grant(Role.ADMIN) not in changed.grants:
        return
    of_role = user_roles.join(users, users.c.user_id == user_roles.c.user_id)
    left = (
        select(func.count())
        .select_from(of_role)
        .where(user_roles.c.role == Role.ADMIN.value, user_roles.c.scope == "*", users.c.disabled_at.is_(None))
    )
    if not connection.execute(left).scalar_one():
        raise CtiError(
            f"{changed.name} is the last administrator", code="last-admin", remedy="make somebody else one first"
        )


def _grant(connection: Connection, user_id: str, grants: Iterable[Grant]) -> None:
    rows = [{"user_id": user_id, "role": grant.role.value, "scope": str(grant.scope)} for grant in set(grants)]
    if rows:
        connection.execute(insert(user_roles), rows)


def _users(connection: Connection, query: Any) -> list[User]:
    rows = connection.execute(query).all()
    of = select(user_roles).where(user_roles.c.user_id.in_([row.user_id for row in rows]))
    grants: dict[str, list[Grant]] = {}
    for row in connection.execute(of) if rows else ():
        grants.setdefault(row.user_id, []).append(Grant(Role(row.role), Scope.parse(row.scope)))
    return [_user(row, grants.get(row.user_id, [])) for row in rows]


def _session_user(row: Row[Any], user: User) -> SessionUser:
    return SessionUser(user, row.expires_at, None if row.ended_at is None else row.ended_why)


def _user(row: Row[Any], grants: list[Grant]) -> User:
    return User(
        row.user_id, row.name, row.title, UserKind(row.kind), tuple(sorted(grants)),
        row.disabled_at, row.created_at, row.password_at, row.one_time_until,
    )  # fmt: skip


def _user_row(user: User) -> dict[str, Any]:
    return {
        "user_id": user.user_id,
        "name": user.name,
        "title": user.title,
        "kind": user.kind.value,
        "password_at": user.password_at,
        "one_time_until": user.one_time_until,
        "disabled_at": user.disabled_at,
        "created_at": user.created_at,
    }


def _shown(user: User) -> dict[str, Any]:
    """What the audit tells of a user."""
    return {
        "name": user.name,
        "title": user.title,
        "kind": user.kind.value,
        "roles": grants_text(user.grants),
        "disabled_at": user.disabled_at,
    }
