"""Who asks, and whether they may: before every resource, and after it. Refusals and unmasked reads are audited here."""

from __future__ import annotations

import base64
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import falcon

from cti.api import problems
from cti.api.problems import Problem
from cti.api.rules import Check, Rule, rule_of
from cti.core.access import GLOBAL, AuditLine, Author, Decision, Permission, ResourceScope, decide, visible
from cti.core.access.rate import REQUESTS
from cti.runtime.authentication import key_text

if TYPE_CHECKING:
    from cti.api.routes import Api
    from cti.core.access import Deed, Principal, Visible
    from cti.runtime.account_services import AccountServices

log = logging.getLogger("cti.api")

_REASON_MAX = 200
STREAM_ROUTE = "/v1/events"


@dataclass(slots=True)
class Access:
    """What a resource asks of whoever has sent the request. ``req.context.access``."""

    services: AccountServices
    principal: Principal
    action: str  # method and path template
    decided: bool = False
    reason: str = ""  # of the last decision

    def require(self, permission: Permission, resource: ResourceScope, target: str) -> Decision:
        """Raises Problem: not-found where the object is another team's, forbidden, password-change-required.

        ``target``: ``<kind>:<id>``, for the audit."""
        decision = decide(self.principal, permission, resource)
        self.decided, self.reason = True, decision.reason
        if decision.allowed:
            return decision
        self.note(permission, target, allowed=False, reason=decision.reason)
        if decision.hidden:
            raise Problem("not-found", f"no {target.partition(':')[0]} {target.partition(':')[2]!r}")
        if decision.reason == "password-change-required":
            raise Problem(decision.reason, "this session began with a one-time password")
        raise Problem("forbidden", f"this takes the permission {permission}")

    def visible(self, permission: Permission) -> Visible:
        """What of a list may be shown."""
        self.decided = True
        return visible(self.principal, permission)

    def unmask(self, req: falcon.Request, target: str, resource: ResourceScope = GLOBAL) -> bool:
        """Whether ``?unmask=true&reason=…`` asks for clear data and may have it; then it is audited, or not given.

        Raises Problem: bad-request without a reason, forbidden without the permission."""
        wanted, reason = req.get_param("unmask"), (req.get_param("reason") or "").strip()
        if wanted in (None, "false") and len(reason) <= _REASON_MAX:
            return False
        if wanted != "true" or not reason or len(reason) > _REASON_MAX:
            raise Problem(
                "bad-request", f"unmask=true takes a reason (1 to {_REASON_MAX} characters), which is kept in the audit"
            )
        decision = decide(self.principal, Permission.DATA_UNMASK, resource)
        self.note(Permission.DATA_UNMASK, target, allowed=decision.allowed, reason=reason)
        if not decision.allowed:
            raise Problem("forbidden", f"this takes the permission {Permission.DATA_UNMASK} for {target}")
        return True

    def deed(self, permission: Permission) -> Deed:
        """For a change that was decided just now; the audit tells the grant that allows it."""
        return self.services.accounts.deed(self.principal, permission, self.reason)

    def note(self, permission: Permission | str, target: str, *, allowed: bool, reason: str) -> None:
        """A line of the audit. On return it is written. Raises StoreUnavailable."""
        principal = self.principal
        author = Author(principal.user_id, principal.name, principal.via)
        at = self.services.clock.now()
        line = AuditLine(at, author, self.action, target, str(permission), allowed, reason)
        self.services.store.audit.add(line)


class TooManyRequests(Problem):
    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "too-many-requests",
            f"an account may make {REQUESTS.per_second:g} requests a second, {REQUESTS.burst:g} at once",
        )
        self.retry_after_s = math.ceil(wait_s)


def access_of(req: falcon.Request) -> Access:
    found = req.context.access
    assert isinstance(found, Access)
    return found


class Guard:
    """Falcon middleware. Refuses what no rule allows."""

    def __init__(self, services: AccountServices) -> None:
        self._services = services

    def process_resource(self, req: falcon.Request, resp: falcon.Response, resource: Any, params: Any) -> None:
        if req.method == "OPTIONS" or not hasattr(resource, f"on_{req.method.lower()}"):
            return  # Falcon says which methods there are
        rule = rule_of(req.uri_template or "", req.method)
        if rule is None:
            raise Problem("forbidden", "nobody has said who may do this")
        if rule.check is Check.OPEN:
            return
        principal = self._authenticate(req, basic=rule.switch)
        if not rule.switch:
            wait_s = self._services.rate.take(principal.user_id)
            if wait_s:
                raise TooManyRequests(wait_s)
        access = Access(self._services, principal, f"{req.method} {req.uri_template}"[:64])
        req.context.access, req.context.rule = access, rule
        self._before(req, access, rule)

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: Any, req_succeeded: bool) -> None:
        access: Access | None = getattr(req.context, "access", None)
        if access is None or access.decided or not req_succeeded:
            return
        log.error("%s answered without deciding who may see the object", access.action)
        resp.media = resp.data = resp.stream = None
        problems.respond(req, resp, "internal-error", "unexpected error; see the log")

    def _before(self, req: falcon.Request, access: Access, rule: Rule) -> None:
        assert rule.permission is not None
        if rule.check is Check.OBJECT:
            # Who holds the permission nowhere is told so, whatever object is asked for.
            if visible(access.principal, rule.permission).nothing:
                access.require(rule.permission, GLOBAL, f"path:{req.path}")
                raise Problem("forbidden", f"this takes the permission {rule.permission}")
            access.decided = False
            return
        own = rule.check is Check.OWN
        resource = ResourceScope.of(owner=access.principal.user_id) if own else GLOBAL
        decision = decide(access.principal, rule.permission, resource)
        if decision.hidden:  # held for some teams only, and this is no team's
            access.note(rule.permission, f"path:{req.path}", allowed=False, reason=decision.reason)
            raise Problem("forbidden", f"this takes the permission {rule.permission} for the whole platform")
        access.require(rule.permission, resource, f"path:{req.path}")

    def _authenticate(self, req: falcon.Request, *, basic: bool) -> Principal:
        authentication = self._services.authentication
        header, key = req.get_header("Authorization"), req.get_header("X-API-Key")
        if header is not None and key is not None:
            raise Problem("bad-request", "send Authorization or X-API-Key, not both")
        if key is not None:
            return authentication.by_key(key)
        if header is None and req.uri_template == STREAM_ROUTE and (ticket := req.get_param("ticket")):
            return authentication.by_ticket(ticket)  # a browser's EventSource sends no header
        if header is None:
            raise Problem("not-signed-in", "send Authorization: Bearer <access token>, or X-API-Key")
        scheme, _, token = header.partition(" ")
        if basic and scheme.lower() == "basic":
            return authentication.by_key(_key_of(token))
        if scheme.lower() != "bearer":
            raise Problem("not-signed-in", "the Authorization header must be Bearer <access token>")
        return authentication.by_token(token.strip())


def _key_of(token: str) -> str:
    """The API key in HTTP Basic credentials (RFC 7617): its id as the user, its secret as the password."""
    try:
        key_id, _, secret = base64.b64decode(token.strip(), validate=True).decode("ascii").partition(":")
    except ValueError as error:
        raise Problem("bad-token", "these are no Basic credentials") from error
    return key_text(key_id, secret)


def require_rules(api: Api) -> None:
    """Raises LookupError for a route that has no rule: it would be refused to everybody."""
    missing = [f"{method} {path}" for method, path in api.routes if rule_of(path, method) is None]
    if missing:
        raise LookupError(f"no rule in cti.api.rules for {', '.join(missing)}")
