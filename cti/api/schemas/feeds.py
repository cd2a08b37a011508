"""Outbound feeds."""

from __future__ import annotations

from cti.api.feeds import REASON_MAX
from cti.api.schemas.base import (
    COUNT,
    CURSOR,
    LIMIT,
    PAGES,
    TEXT,
    TIME,
    Operation,
    Schema,
    body,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
)
from cti.core.feeds import FEED_KINDS

_WAY: Schema = one_of(("folder", "sftp", "ftps", "ftp", "table", "http", "socket"))
_NUMBER: Schema = {**TEXT, "description": "YYYYMMDD-NNN: day and number of a batch; what comes twice has the same"}
_ERROR: Schema = shape({"reason": TEXT, "at": maybe(TIME)})

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Feed": shape({
        "feed": TEXT, "kind": one_of(FEED_KINDS), "way": _WAY,
        "last": maybe(shape({"number": _NUMBER, "name": TEXT, "rows": COUNT, "delivered_at": maybe(TIME)})),
        "waiting": shape({"batches": COUNT, "rows": COUNT, "oldest_at": maybe(TIME)}),
        "last_error": maybe(shape({"number": _NUMBER, "reason": TEXT, "at": maybe(TIME), "attempts": COUNT})),
    }),
    "FeedRun": shape({
        "number": _NUMBER, "name": TEXT, "day": TEXT, "rows": COUNT, "bytes": COUNT, "digest": TEXT,
        "claimed_at": TIME, "delivered_at": maybe(TIME), "attempts": COUNT, "last_error": maybe(_ERROR),
    }),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/feeds"): Operation("Outbound feeds, and how they are", {200: page("Feed")}, query=PAGES),
    ("GET", "/v1/feeds/{feed}/runs"): Operation(
        "Its batches, the newest first", {200: page("FeedRun")}, query={"limit": LIMIT, "after": CURSOR},
        errors=("bad-cursor", "unknown-feed"),
    ),
    ("POST", "/v1/feeds/{feed}/run"): Operation(
        "Have it looked after at once", {202: ref("Feed")}, body({}, {"reason": maybe(text(REASON_MAX))}),
        errors=("unknown-feed",), example={"reason": "the receiver is back"},
    ),
}
# fmt: on
