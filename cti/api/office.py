"""``/v1/lookups``: questions of agents to the back office; ``/v1/backends``: how its systems are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only
from cti.api.guard import access_of
from cti.api.paging import PAGED, iso, known_only, page_of
from cti.api.problems import Problem
from cti.boss.backend import LATENCY_S
from cti.boss.guard.bulkhead import Priority
from cti.boss.mapping import bind
from cti.boss.masking import masked_values
from cti.boss.shown import plain
from cti.flow.types import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.api.holding import Holding
    from cti.boss.asking import Found
    from cti.boss.plans import QuestionPlan
    from cti.boss.server import InterfaceServer


class LookupResource:
    """``POST /v1/lookups/{lookup}`` with ``arguments``: what came of it, with outcomes as flows have them. Personal
    data is masked by its classes. ``?unmask=true&reason=…`` shows it to who has a contact of the subscriber, or the
    permission for all; each such reading is audited."""

    def __init__(self, office: InterfaceServer, holding: Holding) -> None:
        self._office, self._holding = office, holding

    def on_post(self, req: falcon.Request, resp: falcon.Response, lookup: str) -> None:
        known_only(req, ("unmask", "reason", "explain"))
        body = json_body(req)
        only(body, "arguments")
        plan = self._office.plan.lookups.get(lookup)
        if plan is None:
            raise Problem("unknown-lookup", f"there is no look-up {lookup[:80]!r}")
        arguments = arguments_of(plan, body)
        explain = req.get_param_as_bool("explain", default=False)
        access = access_of(req)
        unmask = access.unmask(req, f"lookup:{lookup}", self._holding.scope(access, plan, arguments))
        found = self._office.find(lookup, arguments, Priority.AGENT)
        resp.media = found_json(plan, found, unmask=unmask, explain=bool(explain))


class Backends:
    """``GET /v1/backends``: each with its breaker, its latency and what it last failed with. No personal data."""

    def __init__(self, office: InterfaceServer) -> None:
        self._office = office

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        shown = [backend_json(facts) for facts in self._office.facts()]
        found, following = page_of(req, shown, lambda one: str(one["name"]))
        resp.media = {"items": found, "next": following}

    on_head = on_get


def found_json(plan: QuestionPlan, found: Found, *, unmask: bool, explain: bool) -> dict[str, Any]:
    values, masked = (dict(found.values), []) if unmask else masked_values(plan, found.values)
    return {
        "lookup": plan.name,
        "outcome": found.outcome,
        "values": {name: plain(value) for name, value in values.items()},
        "masked": masked,
        "how": found.how,
        "as_of": iso(found.as_of),
        "backend": found.backend,
        "reason": found.reason,
        "took_ms": round(found.took_s * 1000, 1),
        **({"steps": list(found.steps)} if explain else {}),
    }


def backend_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    failure = facts["last_failure"]
    return {
        "name": facts["name"],
        "way": facts["kind"],
        "breaker": facts["breaker"],
        "services": facts["services"],
        "retry_in_s": facts["retry_in_s"],
        "running": facts["running"],
        "waiting": facts["waiting"],
        "asked": facts["asked"],
        "repeated": facts["repeated"],
        "failures": facts["failures"],
        "last_failure": None if failure is None else {"reason": failure[0], "at": iso(failure[1])},
        "latency": [
            {"up_to_s": bound, "count": count}
            for bound, count in zip((*LATENCY_S, None), facts["latency"], strict=True)
        ],
        "facts": facts["way"],
    }


def arguments_of(plan: QuestionPlan, body: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Problem, which names the field and never its value."""
    arguments = body.get("arguments", {})
    if not isinstance(arguments, dict):
        raise Problem("bad-request", "arguments must be an object")
    try:
        bind(plan.signature, arguments)
    except BadValue as error:
        raise Problem("bad-arguments", str(error)[:200]) from None
    return arguments
