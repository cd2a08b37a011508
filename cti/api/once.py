"""``Idempotency-Key``: a request that is sent again is answered with what the first one did.

Two at the same moment are one: the second waits for the first. Answers are kept in the database, so that they outlive
this process; the newest are known in memory as well, which is all there is while the database is away.

Every POST takes a key. `Refresh` has a way of its own, and a switch's questions need none: they change nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import falcon
import gevent
from gevent.event import AsyncResult

from cti.api.guard import access_of
from cti.api.problems import Problem
from cti.core.errors import DeadlineExceeded, StoreUnavailable
from cti.store.idempotency import KEPT_S, Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from cti.runtime.account_services import AccountServices

log = logging.getLogger("cti.api")

T = TypeVar("T")
HEADER = "Idempotency-Key"
KEYS_KEPT = 10_000
KEY_LENGTH_MAX = 255
#: How long a second request waits for the first one's end; what the first does has deadlines of its own, shorter.
WAIT_S = 15.0


def idempotency_key(req: falcon.Request) -> str | None:
    """Raises Problem (bad-request)."""
    key = req.get_header(HEADER)
    if key is None or (1 <= len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        return key
    raise Problem("bad-request", f"{HEADER} must be 1 to {KEY_LENGTH_MAX} printable ASCII characters")


@dataclass(frozen=True, slots=True)
class Whose:
    """A key is its user's: nobody is answered with what somebody else's request did."""

    user_id: str
    services: AccountServices


@dataclass(frozen=True, slots=True)
class _Claim:
    whose: Whose
    key: str

    def release(self) -> None:
        try:
            self.whose.services.store.idempotency.release(self.whose.user_id, self.key)
        except StoreUnavailable as error:
            log.warning("a request failed, and its Idempotency-Key cannot be used again: %s", error)

    def answered(self, answer: Answer) -> None:
        try:
            self.whose.services.store.idempotency.answered(self.whose.user_id, self.key, answer)
        except StoreUnavailable as error:
            log.warning("what was answered to an Idempotency-Key is known in memory only: %s", error)


@dataclass(slots=True)
class _Seen(Generic[T]):
    digest: bytes
    ends_at: float
    result: AsyncResult[T]


class Once(Generic[T]):
    """Remembers the newest `KEYS_KEPT` keys, in memory. What failed is forgotten: the same key may try again.

    ``kept_s``: how long; short where the answer is a secret that is good for a short time.
    """

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._seen: OrderedDict[tuple[str, str], _Seen[T]] = OrderedDict()

    def do(self, req: falcon.Request, body: dict[str, Any], work: Callable[[], T], whose: Whose | None = None) -> T:
        """``work``'s result. ``whose``: the key is, unless it is of whoever is signed in.

        Raises Problem: idempotency-conflict, bad-request; and what ``work`` raises."""
        key = idempotency_key(req)
        if key is None:
            return work()
        if whose is None:
            access = access_of(req)
            whose = Whose(access.principal.user_id, access.services)
        now = whose.services.clock.now()
        self._forget_old(now)
        digest = hashlib.sha256(json.dumps([req.path, body], sort_keys=True).encode()).digest()
        seen = self._seen.get((whose.user_id, key))
        if seen is None:
            return self._first(req, _Claim(whose, key), _Seen(digest, now + self._kept_s, AsyncResult()), work)
        if seen.digest != digest:
            raise Problem("idempotency-conflict", f"key {key!r}")
        try:
            done: T = seen.result.get(timeout=WAIT_S)  # type: ignore[assignment]  # gevent says it might be None
            return done
        except gevent.Timeout as error:
            raise DeadlineExceeded("the first request with this Idempotency-Key is still at work") from error

    def _first(self, req: falcon.Request, claim: _Claim, seen: _Seen[T], work: Callable[[], T]) -> T:
        own = (claim.whose.user_id, claim.key)
        self._seen[own] = seen  # before the claim and the work, which let others run
        try:
            _claim(req, claim, seen.digest.hex(), self._kept_s)
            done = work()
        except BaseException as error:
            self._seen.pop(own, None)
            seen.result.set_exception(error)
            _release(req)
            raise
        seen.result.set(done)
        return done

    def _forget_old(self, now: float) -> None:
        """All are kept for as long, so the oldest comes first."""
        while self._seen and (len(self._seen) >= KEYS_KEPT or next(iter(self._seen.values())).ends_at <= now):
            self._seen.popitem(last=False)


def _claim(req: falcon.Request, claim: _Claim, digest: str, kept_s: float) -> None:
    """Raises HTTPStatus with the answer of before; Problem: idempotency-conflict, outcome-unknown."""
    services = claim.whose.services
    try:
        known = services.store.idempotency.claim(
            claim.whose.user_id, claim.key, digest, services.clock.now(), kept_s=kept_s
        )
    except StoreUnavailable as error:
        log.warning("an Idempotency-Key is known in memory only: %s", error)
        return
    if known is None:
        req.context.claimed = claim
        return
    if not known.same:
        raise Problem("idempotency-conflict", f"key {claim.key!r}")
    if known.answer is None:
        raise Problem("outcome-unknown", "the first request with this key was cut off, or another engine is at it")
    answer = known.answer
    headers = {"Content-Type": answer.content_type, "Location": answer.location, "ETag": answer.etag}
    headers["Cache-Control"] = answer.cache_control
    raise falcon.HTTPStatus(answer.status, {name: text for name, text in headers.items() if text}, answer.body)


def _release(req: falcon.Request) -> None:
    claim: _Claim | None = getattr(req.context, "claimed", None)
    if claim is not None:
        req.context.claimed = None
        claim.release()


def keep_answer(req: falcon.Request, resp: falcon.Response, *, succeeded: bool) -> None:
    """At the end of a request: what was answered is kept for whoever sends it again."""
    claim: _Claim | None = getattr(req.context, "claimed", None)
    if claim is None:
        return
    if not succeeded:
        _release(req)
        return
    body = (resp.render_body() or b"").decode("utf-8")
    kind = resp.content_type or falcon.MEDIA_JSON
    told = resp.headers
    claim.answered(
        Answer(
            str(resp.status_code), kind if body else "", told.get("location", ""), told.get("etag", ""), body,
            told.get("cache-control", ""),
        )
    )  # fmt: skip


class KeepAnswers:
    """Falcon middleware: the answers to requests with a key are kept; a key that is none is refused on every POST."""

    def process_resource(self, req: falcon.Request, resp: falcon.Response, resource: Any, params: Any) -> None:
        if req.method == "POST":
            idempotency_key(req)

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: Any, req_succeeded: bool) -> None:
        keep_answer(req, resp, succeeded=req_succeeded)
