"""Definitions of the back office's questions and writes, and what is said when their file cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.flow.catalog import Catalog, LookupSignature


@dataclass(frozen=True, slots=True)
class LookupDefinition:
    """One question. ``sql`` has a bound parameter ``:name`` for each input."""

    name: str
    signature: LookupSignature
    sql: str
    deadline_s: float
    place: Place


@dataclass(frozen=True, slots=True)
class RequestDefinition:
    """One write. The statements' bound parameters are the inputs and ``:key``."""

    name: str
    signature: LookupSignature
    write: tuple[str, ...]
    read: str
    deadline_s: float
    place: Place


@dataclass(frozen=True, slots=True)
class Definitions:
    lookups: Mapping[str, LookupDefinition]
    requests: Mapping[str, RequestDefinition]

    def catalog(self) -> Catalog:
        """What the flow checker needs to know."""
        return Catalog(
            lookups={name: found.signature for name, found in self.lookups.items()},
            requests={name: found.signature for name, found in self.requests.items()},
        )


class LookupsRefused(ConfigError):
    """``issues``: every finding in the file, with its place."""

    code = "bad-lookups"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(map(str, issues)), remedy="see docs/configuration.md", place=None)
        self.issues = issues
