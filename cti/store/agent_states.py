"""The states of agents by period, from the records of the floor."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, or_, select

from cti.core.schedules import PresencePeriod
from cti.store.repository import Repository
from cti.store.rows import clean
from cti.store.schema_floor import presence_periods

_AT = presence_periods.c
#: How many agents stand in one condition; databases bound them.
AGENTS_AT_ONCE = 500
#: No state lasts longer, so no earlier one reaches into a period: agents sign out, engines are started again.
LONGEST_S = 31 * 86400.0


class AgentStates(Repository):
    """Periods are [since, until) in seconds since the epoch; a state belongs to each period into which it reaches."""

    def between(
        self,
        since: float,
        until: float,
        *,
        limit: int,
        agents: Collection[str] | None = None,
        presence: str | None = None,
        after: tuple[float, str] | None = None,
    ) -> list[PresencePeriod]:
        """In the order of their beginnings. ``agents`` None: all. ``after``: beginning and id of the last one seen."""
        where = [*_reaching(since, until)]
        if agents is not None:
            where.append(_AT.agent.in_([clean(agent, 64) for agent in agents]))
        if presence is not None:
            where.append(_AT.presence == presence)
        if after is not None:
            same = and_(_AT.began_at == after[0], _AT.fact_id > clean(after[1], 64))
            where.append(or_(_AT.began_at > after[0], same))
        query = select(presence_periods).where(*where).order_by(_AT.began_at, _AT.fact_id).limit(limit)
        return self._read(lambda connection: [_period(row) for row in connection.execute(query)])

    def of_agents(self, since: float, until: float, agents: Collection[str]) -> list[PresencePeriod]:
        """All of them, in the order of their beginnings."""
        names, found = sorted(agents), []
        for start in range(0, len(names), AGENTS_AT_ONCE):
            some = [clean(agent, 64) for agent in names[start : start + AGENTS_AT_ONCE]]
            query = select(presence_periods).where(*_reaching(since, until), _AT.agent.in_(some))
            found += self._read(lambda connection, query=query: [_period(row) for row in connection.execute(query)])  # type: ignore[misc]
        return sorted(found, key=lambda period: (period.began_at, period.fact_id))


def _reaching(since: float, until: float) -> tuple[Any, ...]:
    ends_later = or_(_AT.ended_at.is_(None), _AT.ended_at > since)
    return (_AT.began_at < until, _AT.began_at > since - LONGEST_S, ends_later)


def _period(row: Any) -> PresencePeriod:
    return PresencePeriod(row.fact_id, row.agent, row.presence, row.reason, row.began_at, row.ended_at)
