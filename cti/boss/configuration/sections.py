"""Sections of the interface server's file that a schema can describe whole."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from cti.boss.feeds.options import AT
from cti.boss.guard.breaker import BreakerSettings
from cti.boss.guard.bulkhead import ConcurrencySettings
from cti.boss.keys import VARIABLE, KeysSection
from cti.boss.segments import SegmentsSection
from cti.core.targets import parse_entry
from cti.validating import Section

NAME = r"^[a-z][a-z0-9_]{0,39}$"
Name = Annotated[str, Field(pattern=NAME)]
MASK = r"^(all|[0-9]{1,2}\+[0-9]{1,2})$"
PATTERNS = {
    NAME: "must be a lower-case letter, then letters, digits or _, 40 at most",
    MASK: "must be `all`, or how many characters stay at both ends, such as 3+4",
    VARIABLE: "must be the name of a variable of the environment",
    AT: "must be a time such as 01:00",
}


class ClassSection(Section):
    mask: Annotated[str, Field(pattern=MASK)] = Field(
        "all", description="what of a value is shown: `3+4`, or all: nothing"
    )
    cache: Literal["allowed", "never"] = "allowed"


def _target(text: str) -> str:
    parse_entry(text)
    return text


class SecuritySection(Section):
    classes: dict[Name, ClassSection] = Field(default_factory=dict, description="classes of personal data")
    keys: KeysSection | None = Field(None, description="default: the platform's key ring")
    targets: tuple[Annotated[str, AfterValidator(_target)], ...] | None = Field(
        None, max_length=1_000, description="machines that may be connected to; default: all but link-local addresses"
    )


class PrefixSection(Section):
    strip_prefix: tuple[str, ...]


class KindSection(Section):
    kind: Name
    match: str = Field(description="regular expression over the normalised number")

    @field_validator("match")
    @classmethod
    def _compiles(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return text


class SubscriberSection(Section):
    normalise: tuple[Literal["strip_spaces"] | PrefixSection, ...] = ("strip_spaces",)
    kinds: tuple[KindSection, ...] = ()
    segments: SegmentsSection | None = Field(None, description="number segment -> home system")
    attributes: str | None = Field(
        None, description="the look-up that knows more of a subscriber; asked only if needed"
    )


class RateSection(Section):
    per_s: Annotated[float, Field(gt=0, le=1_000_000)]
    burst: Annotated[float, Field(ge=1, le=1_000_000)] = 1.0


class BackendCommon(Section):
    """What every back end has, whatever its way."""

    way: str
    concurrency: ConcurrencySettings = ConcurrencySettings()
    rate: RateSection | None = None
    breaker: BreakerSettings = BreakerSettings()
