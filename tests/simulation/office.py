"""The back office of a run: its database answers, or is late, lies, fails, or does the work and says nothing."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import gevent

from cti.boss.way import Surroundings, Way, WayError
from cti.boss.ways import sql

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

    from cti.boss.way import Question

#: Of a hundred questions so many are answered as they should be.
HONEST = 0.75
REAL_OPEN = sql.SqlKind.open


class Office:
    """``sent``: writes by key, as often as they came; ``met``: lies and failures. ``database``: the office's own."""

    def __init__(self, chance: random.Random, database: Path, *, lies: bool) -> None:
        self._chance, self._database, self._lies = chance, database, lies
        self._before = self._balances() if database.exists() else {}
        self.sent: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        office = self

        def opened(_kind: sql.SqlKind, backend: Any, around: Surroundings) -> Way:
            return _Lying(REAL_OPEN(_kind, backend, around), office)

        sql.SqlKind.open = opened  # type: ignore[method-assign,assignment]

    def ask(self, way: Way, question: Question) -> Mapping[str, Any]:
        kind = "honest"
        if self._lies and self._chance.random() > HONEST:
            kind = self._chance.choice(("late", "wrong type", "silent after work", "refused", "asked twice"))
            self.met[f"office: {kind}"] += 1
        if kind == "refused":
            raise WayError("error", "refused", sent=False)
        if kind == "late":
            gevent.sleep(self._chance.uniform(0.1, 4.0))
        if question.key is not None:
            self.sent[question.key] += 1
        found = way.ask(question)
        if kind == "asked twice" and question.key is None:
            found = way.ask(question)
        if kind == "silent after work":
            gevent.sleep(10.0)
            raise WayError("timeout", "no-answer", sent=True)
        if kind == "wrong type":
            return {name: {"not": ["what", name]} for name in found}
        return found

    @property
    def repeated(self) -> list[str]:
        """What was written more than once: these targets take a key once, so that they may be asked again."""
        with closing(sqlite3.connect(self._database)) as office:
            topped = office.execute("SELECT msisdn, amount FROM topup").fetchall()
            complaints = Counter(key for (key,) in office.execute("SELECT key FROM complaint"))
        due = dict(self._before)
        for subscriber, amount in topped:
            due[subscriber] += Decimal(amount)
        wrong = [f"complaint {key}" for key, rows in complaints.items() if rows > 1]
        return wrong + [f"balance of {who}" for who, balance in self._balances().items() if balance != due[who]]

    def _balances(self) -> dict[str, Decimal]:
        with closing(sqlite3.connect(self._database)) as office:
            return {who: Decimal(held) for who, held in office.execute("SELECT msisdn, balance FROM subscriber")}


class _Lying:
    def __init__(self, way: Way, office: Office) -> None:
        self._way, self._office = way, office

    def ask(self, question: Question) -> Mapping[str, Any]:
        return self._office.ask(self._way, question)

    def probe(self, deadline: float) -> None:
        self._way.probe(deadline)

    def facts(self) -> Mapping[str, int | float | str]:
        return self._way.facts()

    def close(self) -> None:
        self._way.close()
