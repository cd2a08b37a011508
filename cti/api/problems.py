"""Errors as RFC 9457 problem details, mapped in one place.

Every problem has a stable ``error_id``; ``type`` is the URL of the page about it, served by this API.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import falcon

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.core.issue import Issue

log = logging.getLogger("cti.api")

CONTENT_TYPE = "application/problem+json"
_UNAUTHORIZED = 401
FINDINGS_MAX = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """What clients are told about one ``error_id``."""

    status: int
    title: str
    remedy: str
    retry_after_s: int | None = None


KINDS: dict[str, Kind] = {
    "not-signed-in": Kind(401, "Nobody is signed in", "Sign in with POST /v1/sessions, or send an API key."),
    "bad-token": Kind(401, "The token or key is not one of ours", "Sign in again; check which token was sent where."),
    "token-expired": Kind(401, "The access token has expired", "Take a new one with POST /v1/sessions/refresh."),
    "session-ended": Kind(401, "The session or key is good no longer", "Sign in again."),
    "sign-in-refused": Kind(401, "Signing in failed", "Check name and password; after several failures, wait."),
    "too-many-attempts": Kind(
        429,
        "Too many failed attempts for this account",
        "Wait as Retry-After says, or have an administrator unlock it.",
    ),
    "too-many-requests": Kind(429, "Too many requests of this account", "Wait as Retry-After says; use /v1/events."),
    "too-many-messages": Kind(429, "Too many messages in one conversation", "Wait as Retry-After says."),
    "busy": Kind(503, "Too much at once", "Try again as Retry-After says.", 2),
    "password-change-required": Kind(
        403, "The one-time password must be changed first", "PUT /v1/me/password, then go on with the same token."
    ),
    "forbidden": Kind(403, "Not permitted", "An administrator can grant a role that holds the permission."),
    "weak-password": Kind(422, "This password cannot be used", "12 characters or more that nobody would try first."),
    "no-password": Kind(409, "There is no password", "Machines come with API keys, persons with passwords."),
    "unknown-user": Kind(404, "No such user", "GET /v1/users shows them."),
    "unknown-key": Kind(404, "No such API key", "GET /v1/users/{user_id}/keys shows them."),
    "unknown-team": Kind(422, "No such team", "Add it with PUT /v1/teams/{team}."),
    "unknown-agent": Kind(404, "No such agent", "GET /v1/agents shows them."),
    "unknown-skill": Kind(422, "No such skill", "Add the skill first."),
    "agent-taken": Kind(409, "The agent is another user's", "A user is one agent, and an agent one user."),
    "phone-taken": Kind(409, "The phone is another agent's", "Give each agent a phone of its own."),
    "phone-not-registered": Kind(
        409, "The phone is not registered at any switch", "Switch it on; its server and password must be right."
    ),
    "phone-not-allowed": Kind(
        422, "This phone may not be worked with", "The operator's `dialing:` says what may be dialled; audited."
    ),
    "phone-not-open": Kind(
        409, "The permanent leg to the phone is not open", "Take up the phone, which rings, then try again."
    ),
    "bad-level": Kind(422, "No such level of a skill", "Levels are whole numbers from 1 to 10."),
    "bad-phone": Kind(422, "This phone cannot be used", "An extension such as 1001, or a number of digits."),
    "bad-capacity": Kind(422, "This capacity cannot be used", "Slots are call, chat, sms and fax, each from 0 to 20."),
    "bad-wrapup": Kind(422, "This wrap-up time cannot be used", "From 0 to 3600 seconds."),
    "name-taken": Kind(409, "There is a user of this name", "Choose another name."),
    "last-admin": Kind(409, "The last administrator stays one", "Make somebody else an administrator first."),
    "bad-name": Kind(
        422, "This name cannot be used", "ASCII letters, digits, dot, hyphen, underscore; 64 at most; no sign in front."
    ),
    "bad-title": Kind(422, "This title cannot be used", "Printable characters, 100 at most."),
    "bad-role": Kind(422, "No such role", "GET /v1/roles shows them."),
    "bad-scope": Kind(422, "No such scope", "Write *, team:NAME or queue:NAME."),
    "no-agent": Kind(409, "The user is no agent", "Somebody who may edit agents adds a profile for the user."),
    "agent-not-signed-in": Kind(409, "The agent is not signed in to work", "POST /v1/me/sign-in with a phone first."),
    "already-signed-in": Kind(409, "The agent is signed in from this session", "GET /v1/me shows the state."),
    "session-replaced": Kind(
        409, "The user signed in to work from another session", "Sign in to work again to take the seat back."
    ),
    "agent-has-contacts": Kind(409, "The agent has contacts", "End them first, or sign out with `forced`."),
    "no-contact": Kind(409, "There is no contact after which to change", "PUT /v1/me/state changes it now."),
    "unknown-contact": Kind(404, "The contact is not at this agent", "GET /v1/me/contacts shows those that are."),
    "not-offered": Kind(409, "The contact does not ring", "allowed_actions of the contact says what is possible."),
    "offer-over": Kind(409, "The offer has its ending", "allowed_actions of the contact says what is possible."),
    "already-offered": Kind(409, "The contact is offered already", "Wait for the end of the offer."),
    "already-connected": Kind(409, "The contact is connected", "allowed_actions of the contact says what is possible."),
    "not-accepted": Kind(409, "The offer was not accepted yet", "Wait until the phone has been answered."),
    "phone-cannot-answer": Kind(
        409, "The phone cannot be made to answer", "Answer it by hand, or set remote_answer to what the phone can do."
    ),
    "not-talking": Kind(409, "There is no talk", "allowed_actions of the contact says what is possible."),
    "not-held": Kind(409, "The contact is not on hold", "allowed_actions of the contact says what is possible."),
    "not-recorded": Kind(409, "The contact is not being recorded", "There is nothing to pause."),
    "contact-over": Kind(409, "The talk is over", "Extend the work, or finish it."),
    "not-in-work": Kind(409, "The contact is not in work", "Hang up first."),
    "unknown-disposition": Kind(
        422, "No such disposition of this queue", "`dispositions` lists those that can be given."
    ),
    "disposition-required": Kind(422, "The work takes a disposition", "Give one of `dispositions`, then finish."),
    "bad-variable": Kind(422, "The variable cannot be edited so", "`editable` of GET …/wrapup tells names and types."),
    "bad-text": Kind(422, "This text cannot be used", "No control characters but line ends and tabs; see the limits."),
    "not-by-text": Kind(409, "Not of such a contact", "allowed_actions of the contact says what is possible."),
    "message-too-long": Kind(422, "The text is too long for its channel", "Send it in several messages."),
    "message-not-sent": Kind(502, "The channel did not take the message", "Try again; see the log of the channel."),
    "unknown-chat": Kind(404, "No such chat", "POST /v1/chats opens one; an ended one is kept for ten minutes."),
    "chat-over": Kind(409, "The chat has ended", "Open another one with POST /v1/chats."),
    "no-document": Kind(404, "This contact has no document", "Only a contact by fax has one."),
    "consulting": Kind(409, "The agent consults somebody", "Return from it, or complete it."),
    "not-consulting": Kind(409, "The agent consults nobody", "Consult somebody first."),
    "consult-not-answered": Kind(409, "Whom is consulted has not answered yet", "Wait, or return."),
    "no-conference": Kind(409, "This is no conference", "Begin one with `conference`."),
    "in-conference": Kind(409, "This is a conference", "Drop the third party first, or hang up."),
    "agent-not-free": Kind(409, "The agent is not free", "Choose another one, or a queue."),
    "unknown-customer": Kind(404, "No such customer", "POST /v1/customers/lookup finds one by the number."),
    "unknown-queue": Kind(404, "No such queue", "GET /v1/queues shows them."),
    "queue-closed": Kind(409, "The queue takes nobody", "Open it, or choose another one."),
    "not-waiting": Kind(409, "The contact does not wait", "Only contacts that wait can be moved and reordered."),
    "not-monitored": Kind(409, "You do not listen to this contact", "POST …/monitor begins it."),
    "bad-mode": Kind(422, "No such way to listen", "listen, whisper, barge or take_over."),
    "bad-target": Kind(422, "No such kind of target", "agent, queue, number, extension, contact or customer."),
    "agent-busy": Kind(409, "The agent has no hand free for it", "End the call, or the work after it, first."),
    "not-reached": Kind(409, "Nobody was reached", "The detail says which phone, and why."),
    "bad-digits": Kind(422, "These keys cannot be sent", "0 to 9, *, # and A to D."),
    "no-number": Kind(409, "The caller has withheld the number", "Nobody can call it."),
    "destination-denied": Kind(422, "This may not be dialled", "The operator's `dialing:` says what may; audited."),
    "bad-csv": Kind(422, "The file cannot be used", "`findings` tells what to mend; nothing has changed."),
    "bad-items": Kind(422, "Some of these cannot be used", "`findings` tells which, and why; nothing has changed."),
    "unknown-shift": Kind(404, "No such shift", "GET /v1/schedules shows them."),
    "bad-shift": Kind(422, "This shift cannot be planned", "It ends after it begins, 24 hours later at most."),
    "shift-overlaps": Kind(409, "The agent is on duty then already", "Change or remove the other shift."),
    "unconfirmed": Kind(504, "The switch has not confirmed it in time", "An event tells what became of it.", 5),
    "unknown-callback": Kind(404, "No such callback", "GET /v1/callbacks shows them."),
    "callback-over": Kind(409, "The callback has ended", "Promise another with POST /v1/callbacks."),
    "nobody-calls": Kind(422, "There is no such queue or flow", "Name a queue of GET /v1/queues, or a flow."),
    "too-many-callbacks": Kind(409, "No more callbacks are taken", "Cancel some, or raise callbacks.limit."),
    "bad-time": Kind(400, "This is no time", "now, event:NAME, or ISO 8601 with an offset."),
    "bad-number": Kind(422, "This is no telephone number", "Digits, with or without + in front."),
    "unknown-notice": Kind(404, "No such notice", "GET /v1/notices shows those that were set here."),
    "notice-exists": Kind(409, "There is a notice of this id", "Change it, end it, or take another id."),
    "bad-notice": Kind(422, "The notice cannot be used", "The detail tells what is wrong with it."),
    "flows-refused": Kind(422, "The flows cannot be put live", "`findings` tells what to mend; nothing has changed."),
    "bad-calendar": Kind(422, "The calendar cannot be used", "`findings` tells what to mend; nothing has changed."),
    "reload-failed": Kind(503, "The flows could not be judged", "Try again; the log has what the check said.", 15),
    "unwritable-folder": Kind(500, "The folder of the flows cannot be written", "Tell the operator."),
    "calendar-in-use": Kind(
        409, "The settings ask this calendar", "Name another one in `queues` or `callbacks` of cti.yaml first."
    ),
    "unknown-version": Kind(
        404, "No such version", "GET /v1/flows/{flow} shows the history; give more of the version."
    ),
    "precondition-required": Kind(428, "The version is not named", "Send If-Match with the ETag that you have seen."),
    "stale": Kind(412, "It has changed meanwhile", "Read it again, and repeat the change on what it is now."),
    "unknown-blocked": Kind(404, "Nothing is blocked under this id", "GET /v1/blocked shows the numbers."),
    "unknown-node": Kind(404, "No such node", "GET /v1/nodes shows the processes of the cluster."),
    "unknown-feed": Kind(404, "No such feed", "The interface server's file, `boss.file`, names the feeds."),
    "unknown-lookup": Kind(404, "No such look-up", "The interface server's file, `boss.file`, says what may be asked."),
    "bad-arguments": Kind(
        422, "These arguments do not fit", "The look-up's `in` says which it takes, and their types."
    ),
    "unknown-request": Kind(
        404,
        "No such request",
        "The interface server's file names the requests; GET /v1/requests/dead the dead letters.",
    ),
    "bad-secret": Kind(422, "This secret cannot be used", "whsec_ and the base64 of 24 to 64 random bytes."),
    "unknown-webhook": Kind(404, "No such webhook", "GET /v1/webhooks shows them."),
    "too-many-webhooks": Kind(409, "There are too many webhooks", "Delete one that is not needed."),
    "unknown-event": Kind(422, "No such event", "The catalogue of events has their names; `contact.*` and * will do."),
    "bad-url": Kind(422, "This URL cannot be used", "https://host/path, without user, password and fragment."),
    "url-not-allowed": Kind(422, "No webhook may go to this URL", "The operator's `webhooks: allowed:` says where to."),
    "unknown-recording": Kind(404, "No such recording", "GET /v1/calls/{call_id}/recordings shows those of a call."),
    "recording-open": Kind(409, "The recording is not finished", "Try again when its state is sealed."),
    "recording-held": Kind(409, "The recording is held", "PUT …/hold with held: false ends the hold."),
    "recording-deleted": Kind(410, "The recording was deleted", "Its row tells who deleted it, when and why."),
    "recording-missing": Kind(404, "There is no file of this recording", "Its `error`, `kind` and `node` tell why."),
    "recording-damaged": Kind(500, "The file of this recording does not open", "Restore it from a backup."),
    "reason-required": Kind(400, "A reason must be given", "Add ?reason=…; it is kept in the audit."),
    "range-not-satisfiable": Kind(416, "The range lies outside", "`size` of the recording is its length in bytes."),
    "not-found": Kind(404, "No such resource", "Check the identifier; lists show what exists."),
    "bad-request": Kind(400, "The request cannot be understood", "Compare the body and query with the description."),
    "bad-cursor": Kind(
        400, "The page cursor is not one of ours", "Use the `next` value of the previous page as it is."
    ),
    "bad-script": Kind(422, "The caller's script cannot be used", "See the description of POST /v1/demo/calls."),
    "idempotency-conflict": Kind(
        409, "This Idempotency-Key was used with another body", "Use a new key for a new request."
    ),
    "outcome-unknown": Kind(
        409, "The first request with this key has no known ending", "Look whether it took effect; then use a new key."
    ),
    "method-not-allowed": Kind(405, "Not a method of this resource", "The Allow header lists the methods."),
    "media-type": Kind(415, "The body is of another type", "Send the Content-Type that the detail names."),
    "body-too-large": Kind(413, "The body is too large", "Send at most 64 KiB."),
    "switch-unavailable": Kind(503, "The switch cannot be reached", "Try again; see /healthz.", 5),
    "store-unavailable": Kind(503, "The database cannot be read now", "Try again; see /healthz.", 5),
    "engine-leaving": Kind(503, "The engine leaves its conversations to the next one", "Write it again.", 2),
    "no-leader": Kind(503, "Nobody distributes now", "Try again as Retry-After says: a standby takes over.", 2),
    "answer-lost": Kind(
        502, "The answer was lost on its way", "Look whether it took effect; repeat it with its Idempotency-Key."
    ),
    "key-missing": Kind(
        500, "It is sealed with a key that is missing", "Tell the operator: the detail names the key of the ring."
    ),
    "command-refused": Kind(502, "The switch refused the command", "The detail holds the switch's own words."),
    "deadline-exceeded": Kind(504, "The switch did not answer in time", "Try again; see /healthz.", 5),
    "no-sandbox": Kind(409, "This switch places no virtual calls", "Start the demo, or call with a real phone."),
    "internal-error": Kind(500, "A fault of this server", "Tell the operator; the log has the details."),
}


class Problem(CtiError):
    """Raise anywhere in a resource: ``raise Problem("not-found", "no call 12")``."""

    def __init__(self, error_id: str, detail: str) -> None:
        super().__init__(detail, code=error_id)


def respond(
    req: falcon.Request,
    resp: falcon.Response,
    error_id: str,
    detail: str,
    findings: list[Issue] | None = None,
    extension: Mapping[str, Any] | None = None,
) -> None:
    """``findings``: an extension of the problem, for files that people write. ``extension``: another one."""
    kind = KINDS[error_id]
    resp.status = kind.status
    resp.content_type = CONTENT_TYPE
    resp.text = json.dumps(
        {
            "type": f"{req.prefix}/problems/{error_id}",
            "title": kind.title,
            "status": kind.status,
            "error_id": error_id,
            "detail": detail,
            "remedy": kind.remedy,
            "instance": req.path,
            **({} if findings is None else {"findings": [issue.as_dict() for issue in findings[:FINDINGS_MAX]]}),
            **(extension or {}),
        },
        ensure_ascii=False,
    )
    if kind.retry_after_s is not None:
        resp.set_header("Retry-After", str(kind.retry_after_s))
    if kind.status == _UNAUTHORIZED:
        resp.set_header("WWW-Authenticate", 'Bearer realm="cti"')


def on_cti_error(req: falcon.Request, resp: falcon.Response, error: CtiError, params: dict[str, Any]) -> None:
    named = getattr(error, "problem", error.code)
    error_id = named if named in KINDS else "internal-error"
    if error_id == "internal-error":
        log.error("%s %s: %s", req.method, req.path, error)
        respond(req, resp, error_id, "unexpected error; see the log")
    else:
        findings, extension = getattr(error, "findings", None), getattr(error, "extension", None)
        respond(req, resp, error_id, error.message, findings, extension)
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is not None:
        resp.set_header("Retry-After", str(wait_s))


def on_bug(req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("%s %s failed", req.method, req.path, exc_info=error)
    respond(req, resp, "internal-error", "unexpected error; see the log")


_BY_STATUS = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "body-too-large", 415: "media-type"}


def serialize_http_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    """Falcon's own errors (no route, wrong method, bad JSON) in the same form; its headers (Allow) stay."""
    status = error.status_code
    respond(req, resp, _BY_STATUS.get(status, "bad-request"), error.description or error.title or "")
    resp.status = status


class ProblemPage:
    """``GET /problems/{error_id}``: what the URL in ``type`` shows to a person."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, error_id: str) -> None:
        kind = KINDS.get(error_id)
        if kind is None:
            raise Problem("not-found", f"no problem {error_id!r} is known")
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = f"{error_id} (HTTP {kind.status})\n\n{kind.title}.\n\nWhat to do: {kind.remedy}\n"

    on_head = on_get
