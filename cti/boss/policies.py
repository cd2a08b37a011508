"""How questions and writes are treated: cache, repetition, what happens to a write that nobody answered for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cti.validating import Section

Seconds = Annotated[float, Field(ge=0, le=31_536_000)]


class CacheSettings(Section):
    """Ages count from the moment the back end answered (RFC 5861 gives the words)."""

    ttl_s: Seconds = Field(60.0, description="fresh for so long")
    swr_s: Seconds = Field(0.0, description="then served for so long while it is asked anew behind the caller's back")
    sie_s: Seconds = Field(0.0, description="then served for so long if the back end fails, with its `as_of`")
    negative_s: Seconds = Field(0.0, description="not_found and other business outcomes are remembered for so long")
    encrypt: bool = Field(True, description="sealed with the key ring, also in memory; in a shared store always")
    store: Literal["memory", "database", "redis"] = Field(
        "memory", description="database, redis: engines of the same one and of the same key ring share what is kept"
    )


class RetrySettings(Section):
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(1, description="at one back end, the first included")
    budget_pct: Annotated[float, Field(ge=0, le=100)] = Field(
        20.0, description="repetitions in a hundred questions of the last 10 s, at most"
    )


class IdempotencySettings(Section):
    key: Literal["caller_supplied"] = Field(
        "caller_supplied", description="a flow's is call, node and visit; an agent's the Idempotency-Key header"
    )
    keep_s: Seconds = Field(86_400.0, description="the same key within this time is the same write")


class UnknownSettings(Section):
    """What becomes of a write that was sent and not answered."""

    status_lookup: str | None = Field(None, description="a look-up that takes the input `key` and tells how it went")
    after_s: Seconds = Field(30.0, description="when it is asked")


class PolicySettings(Section):
    collapse: bool = Field(True, description="the same question at the same time is asked once")
    retry: RetrySettings = RetrySettings()
    cache: CacheSettings | None = Field(None, description="default: nothing is kept")
    idempotency: IdempotencySettings = IdempotencySettings()
    unknown: UnknownSettings = UnknownSettings()
    dead_letter: bool = Field(True, description="what stays unknown is kept for a person to decide")
