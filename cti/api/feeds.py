"""``/v1/feeds``: what goes to other systems, how it is, and to have it looked after at once. No personal data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, known_only, limit_of, page_of
from cti.api.problems import Problem
from cti.boss.feeds.shown import feed_json, run_json
from cti.core.access import Permission

if TYPE_CHECKING:
    from cti.boss.feeds import FeedPlan, FeedRunner

NAME_MAX, REASON_MAX = 40, 200
_CURSOR = re.compile(r"([0-9]{8})-([0-9]{3,9})")


class Feeds:
    """``GET /v1/feeds``: each with what arrived last, what waits, and what failed."""

    def __init__(self, runner: FeedRunner) -> None:
        self._runner = runner

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, self._runner.plans.values(), lambda one: one.name)
        shown = [feed_json(plan, self._runner.store.state(plan.name)) for plan in found]
        resp.media = {"items": shown, "next": following}

    on_head = on_get


class FeedRuns:
    """``GET /v1/feeds/{feed}/runs``: its batches, the newest day and number first."""

    def __init__(self, runner: FeedRunner) -> None:
        self._runner = runner

    def on_get(self, req: falcon.Request, resp: falcon.Response, feed: str) -> None:
        known_only(req, PAGED)
        limit, after = limit_of(req), req.get_param("after")
        place = _CURSOR.fullmatch(after) if after is not None else None
        if after is not None and place is None:
            raise Problem("bad-cursor", "after is the `next` of the page before")
        plan = plan_of(self._runner, feed)
        before = None if place is None else (place[1], int(place[2]))
        found = self._runner.store.recent(plan.name, limit, before)
        resp.media = {
            "items": [run_json(file) for file in found],
            "next": found[-1].number if len(found) == limit else None,
        }

    on_head = on_get


class FeedRun:
    """``POST``: have it looked after at once, also where this engine does not look by itself. 202: it is on its
    way; how it went, `FeedRuns` tells. Audited, before it is done."""

    def __init__(self, runner: FeedRunner) -> None:
        self._runner = runner
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, feed: str) -> None:
        known_only(req, ())
        body, access = json_body(req), access_of(req)
        only(body, "reason")
        reason = text_field(body, "reason", limit=REASON_MAX).strip() if body.get("reason") is not None else ""
        plan = plan_of(self._runner, feed)

        def run() -> dict[str, Any]:
            deed = access.services.accounts.deed(access.principal, Permission.FEEDS_RUN, reason)
            access.services.store.audit.add(deed.line("feed.run", f"feed:{plan.name}"))
            self._runner.look(plan.name)
            return feed_json(plan, self._runner.store.state(plan.name))

        resp.media = self._once.do(req, body, run)
        resp.status = falcon.HTTP_202


def plan_of(runner: FeedRunner, feed: str) -> FeedPlan:
    plan = runner.plans.get(feed)
    if plan is None:
        raise Problem("unknown-feed", f"there is no feed {feed[:NAME_MAX]!r}")
    return plan
