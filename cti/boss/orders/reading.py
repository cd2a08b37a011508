"""From the fields of a line, a row or a frame to an order, or why it is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cti.boss.orders.options import OrderSection
from cti.core.orders import Order, OrderAnswer, OrderKind
from cti.ports import OrderTaker

#: Of a key, and of a field: longer ones are refused.
KEY_CHARS, FIELD_CHARS, FIELDS = 200, 4000, 100


@dataclass(slots=True)
class SourceFacts:
    """What operators see of a source; no data. ``codes``: rejections by code. ``problem``: of the last look."""

    accepted: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    problem: str = ""
    last_look: float = 0.0

    def count(self, answer: OrderAnswer) -> None:
        if answer.state == "accepted":
            self.accepted += 1
        else:
            self.codes[answer.code or "rejected"] += 1


class Reader:
    """``take``: answers every order; a bad one is rejected without being kept. Raises StoreUnavailable."""

    def __init__(self, source: str, options: OrderSection, taker: OrderTaker, facts: SourceFacts) -> None:
        self._source, self._options, self._taker, self._facts = source, options, taker, facts

    def take(self, key: str, fields: Mapping[str, Any]) -> OrderAnswer:
        told = self._order(key, fields)
        answer = OrderAnswer("rejected", "", told) if isinstance(told, str) else self._taker.take(told)
        self._facts.count(answer)
        return answer

    def _order(self, key: str, fields: Mapping[str, Any]) -> Order | str:
        """Or the code of what is wrong."""
        options = self._options
        if not key or len(key) > KEY_CHARS:
            return "bad-key"
        texts = {str(name): "" if value is None else str(value) for name, value in fields.items()}
        if len(texts) > FIELDS or any(len(value) > FIELD_CHARS for value in texts.values()):
            return "too-long"
        named = texts.pop(options.kind, "") if len(options.kinds) > 1 else options.kinds[0].value
        try:
            kind = OrderKind(named)
        except ValueError:
            return "unknown-kind"
        if kind not in options.kinds:
            return "kind-not-allowed"
        return Order(self._source, key, kind, texts)
