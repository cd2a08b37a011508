"""The back office: look-ups, and the systems that answer them."""

from __future__ import annotations

from cti.api.differences import NAME_MAX, REASON_MAX
from cti.api.schemas.base import (
    ANYTHING,
    COUNT,
    FLAG,
    PAGES,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
    UNMASK,
    Operation,
    Schema,
    body,
    listed,
    mapped,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
)

_SIDE = shape({"backend": TEXT, "outcome": TEXT})
_BREAKER = one_of(("closed", "open", "half_open"))
_HOW = one_of(("asked", "fresh", "stale", "if_error", "none"))

SCHEMAS: dict[str, Schema] = {
    "LookupAnswer": shape(
        {
            "lookup": TEXT,
            "outcome": {**TEXT, "description": "ok, not_found, one of the look-up's own, timeout, error, throttled"},
            "values": ANYTHING,
            "masked": {**TEXTS, "description": "which of the values are masked"},
            "how": {**_HOW, "description": "asked anew, or kept: fresh, stale, if_error (the back end fails)"},
            "as_of": maybe(TIME),
            "backend": maybe(TEXT),
            "reason": maybe(TEXT),
            "took_ms": SECONDS,
        },
        {"steps": TEXTS},
    ),
    "Backend": shape(
        {
            "name": TEXT,
            "way": TEXT,
            "breaker": {**_BREAKER, "description": "the worst of its services"},
            "services": mapped(_BREAKER),
            "retry_in_s": SECONDS,
            "running": COUNT,
            "waiting": COUNT,
            "asked": COUNT,
            "repeated": COUNT,
            "failures": {**mapped(COUNT), "description": "reason -> how often"},
            "last_failure": maybe(shape({"reason": TEXT, "at": TIME})),
            "latency": listed(shape({"up_to_s": maybe(SECONDS), "count": COUNT})),
            "facts": {**ANYTHING, "description": "of its way: connections, threads, and the like"},
        }
    ),
    "Compared": shape(
        {
            "lookup": TEXT,
            "since": TIME,
            "same": COUNT,
            "different": COUNT,
            "fields": {**mapped(COUNT), "description": "output -> how often it differed"},
            "outcomes": listed(shape({"usual": TEXT, "new": TEXT, "count": COUNT})),
            "failed": {**mapped(COUNT), "description": "the new way did not answer: reason -> how often"},
            "skipped": {**mapped(COUNT), "description": "it was not asked: busy, at-once, gone"},
        }
    ),
    "Difference": shape(
        {
            "at": TIME,
            "usual": _SIDE,
            "new": _SIDE,
            "arguments": ANYTHING,
            "fields": listed(shape({"name": TEXT, "usual": {}, "new": {}})),
            "masked": {**TEXTS, "description": "which arguments and fields do not show all"},
        }
    ),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/lookups/{lookup}"): Operation(
        "Ask the back office; personal data is masked",
        {200: ref("LookupAnswer")},
        body({}, {"arguments": ANYTHING}),
        query={**UNMASK, "explain": {**FLAG, "description": "with `steps`: which routes and back ends were tried"}},
        errors=("unknown-lookup", "bad-arguments"),
        example={"arguments": {"msisdn": "13800000000"}},
    ),
    ("GET", "/v1/backends"): Operation(
        "The back office's systems, and how they are", {200: page("Backend")}, query=PAGES
    ),
    ("GET", "/v1/backends/differences"): Operation(
        "Look-ups that are shadowed: how often the new way said the same", {200: page("Compared")}, query=PAGES
    ),
    ("GET", "/v1/backends/differences/{lookup}"): Operation(
        "Samples of what differed, the newest first, masked",
        {200: page("Difference")},
        query=PAGES,
        errors=("unknown-lookup",),
    ),
    ("POST", "/v1/backends/differences/clear"): Operation(
        "Begin to compare anew",
        {200: shape({"cleared": COUNT})},
        body({"reason": text(REASON_MAX, 1)}, {"lookup": maybe(text(NAME_MAX, 1))}),
        errors=("unknown-lookup",),
        example={"reason": "the new system has been repaired"},
    ),
}
