"""What surrounds a flow, as far as checking needs it. None means: not known, so not checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cti.flow import types as t

# A look-up can always end so; `ok` and the business outcomes are the source's own.
TECHNICAL_OUTCOMES = ("timeout", "error", "throttled")
# How a request can end.
REQUEST_OUTCOMES = ("done", "rejected", "accepted", "unknown", "error", "throttled")


@dataclass(frozen=True, slots=True)
class LookupSignature:
    """``outcomes``: business outcomes besides ``ok``, such as not_found, wrong, locked."""

    inputs: Mapping[str, t.Type]
    outputs: Mapping[str, t.Type]
    outcomes: tuple[str, ...] = ("not_found",)

    @staticmethod
    def parse(
        inputs: Mapping[str, str], outputs: Mapping[str, str], outcomes: tuple[str, ...] = ("not_found",)
    ) -> LookupSignature:
        """From type texts (``{"msisdn": "phone"}``); raises ValueError for a type that does not exist."""
        return LookupSignature(_types(inputs), _types(outputs), tuple(name for name in outcomes if name != "ok"))

    @property
    def exits(self) -> tuple[str, ...]:
        return ("ok", *self.outcomes, *TECHNICAL_OUTCOMES)

    @property
    def result_type(self) -> t.Type:
        return t.Type("record", fields=tuple(self.outputs.items()))


def _types(spelled: Mapping[str, str]) -> dict[str, t.Type]:
    types: dict[str, t.Type] = {}
    for name, text in spelled.items():
        parsed = t.parse_type(text)
        if isinstance(parsed, str):
            raise ValueError(f"{name}: {parsed}")
        types[name] = parsed
    return types


@dataclass(frozen=True, slots=True)
class Catalog:
    """``requests``: signatures of writes; their exits are those of the node type, whatever they are for."""

    lookups: Mapping[str, LookupSignature] | None = None
    requests: Mapping[str, LookupSignature] | None = None
    queues: frozenset[str] | None = None
    calendars: frozenset[str] | None = None
    flows: frozenset[str] | None = None
    skills: frozenset[str] | None = None
    platforms: frozenset[str] | None = None  # others that callers may be handed to
    channels: frozenset[str] | None = frozenset({"sms", "chat"})
    speech: bool | None = None  # is a recogniser configured?

    def with_names(self, *, flows: Iterable[str], calendars: Iterable[str]) -> Catalog:
        """The same with the flows and calendars of a folder."""
        return replace(self, flows=frozenset(flows), calendars=frozenset(calendars))


UNKNOWN = Catalog()
