"""``/v1/openapi.json``: the description of this API (OpenAPI 3.1), made of its routes, rules, schemas and problems."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from cti.api.problems import CONTENT_TYPE, KINDS
from cti.api.rules import Check, Rule, rule_of
from cti.api.schemas import OPERATIONS, SCHEMAS, Operation, Schema, ref
from cti.api.schemas.base import HEADERS_SENT, HEADERS_TAKEN

if TYPE_CHECKING:
    import falcon

    from cti.api.routes import Api

PATH = "/v1/openapi.json"
_ONE_FOR_EACH = "{command}"
_JSON = "application/json"
_FAULTS = ("internal-error", "key-missing")
_BODY_ERRORS = ("bad-request", "media-type", "body-too-large")
_ASKED = (
    "bad-request", "not-signed-in", "bad-token", "token-expired", "session-ended", "password-change-required",
    "forbidden", "too-many-requests", "store-unavailable",
)  # fmt: skip
_WAIT = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
_SUMMARIES = {
    400: "It cannot be understood.", 401: "Who asks is not known.", 403: "Not permitted.", 404: "Not there.",
    409: "Not as things stand.", 410: "It was deleted.", 413: "Too large.", 415: "Of another media type.",
    416: "There is no such part.", 422: "Understood, but unusable.",
    428: "The version is not named.", 412: "It has changed meanwhile.", 429: "Too often.", 500: "A fault here.",
    502: "The switch refused.", 503: "Not now.", 504: "Not confirmed in time.",
}  # fmt: skip


class OpenApi:
    """``GET``: this description. Made at the first request."""

    def __init__(self, app: Api) -> None:
        self._app = app
        self._made: dict[str, Any] | None = None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if self._made is None:
            self._made = describe(self._app)
        resp.media = self._made

    on_head = on_get


def describe(app: Api) -> dict[str, Any]:
    """Raises LookupError for a route that no `Operation` tells of."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in described(app):
        paths.setdefault(path, {})[method.lower()] = _operation(app, method, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CTI platform",
            "version": _version(),
            "description": "Fields are added, never changed, within /v1. Errors are problem details (RFC 9457) whose "
            "`type` is the page of their `error_id`. Every POST that changes anything is done once for each "
            "Idempotency-Key.",
        },
        "security": [{"bearer": []}, {"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "basic": {"type": "http", "scheme": "basic", "description": "Id and secret of a switch's API key."},
                "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
            },
            "schemas": {**SCHEMAS, "ErrorId": {"type": "string", "enum": sorted(KINDS)}},
        },
    }


def described(app: Api) -> list[tuple[str, str]]:
    """(method, path): the routes, where one with ``{command}`` is as many as it has commands."""
    found = []
    for method, template in app.served():
        if _ONE_FOR_EACH not in template:
            found.append((method, template))
            continue
        before, _, after = template.partition(_ONE_FOR_EACH)
        one = re.compile(f"{re.escape(before)}[a-z_-]+{re.escape(after)}")
        found += [(method, path) for known, path in OPERATIONS if known == method and one.fullmatch(path)]
    return sorted(set(found))


def _operation(app: Api, method: str, path: str) -> dict[str, Any]:
    known = OPERATIONS.get((method, path))
    if known is None:
        raise LookupError(f"no Operation in cti.api.schemas for {method} {path}")
    resource, template = _resource(app, path)
    rule = rule_of(template, method)
    once = method == "POST" and not (rule is not None and rule.switch)
    name = re.sub(r"\W+", "_", path.removeprefix("/v1/").replace("{", "").replace("}", "")).strip("_")
    found: dict[str, Any] = {
        "operationId": f"{method.lower()}_{name}",
        "tags": [path.removeprefix("/v1/").strip("/").partition("/")[0]],
        "summary": known.summary,
        "description": inspect.cleandoc(type(resource).__doc__ or known.summary),
        "parameters": _parameters(known, path, once=once),
        "responses": {**_answers(known), **_problems(errors_of(known, method, rule, once=once), known)},
    }
    if rule is None or rule.check is Check.OPEN:
        found["security"] = []
    elif rule.permission is not None:
        found["x-permission"], found["x-decided-about"] = rule.permission.value, rule.check.value
        ways = ["bearer", "key", *(["basic"] if rule.switch else []), *(["ticket"] if "ticket" in known.query else [])]
        if len(ways) > 2:  # more than those of every route
            found["security"] = [{way: []} for way in ways]
    if known.body is not None:
        content: dict[str, Any] = {"schema": known.body}
        if known.example is not None:
            content["examples"] = {"works": {"value": known.example}}
        found["requestBody"] = {"required": known.body_needed, "content": {known.body_media: content}}
    return found


def errors_of(known: Operation, method: str, rule: Rule | None, *, once: bool) -> tuple[str, ...]:
    """Every error id that the operation may answer with."""
    found = [*known.errors, *_FAULTS, *(["bad-request"] if known.query or method == "GET" else [])]
    if rule is not None and rule.check is not Check.OPEN:
        found += _ASKED
        if rule.check is Check.OBJECT:
            found.append("not-found")
    if {"after", "before"} & set(known.query):
        found.append("bad-cursor")
    if known.body is not None:
        found += _BODY_ERRORS
    if once:
        found += ("bad-request", "idempotency-conflict", "outcome-unknown", "deadline-exceeded")
    return tuple(sorted(set(found)))


def _parameters(known: Operation, path: str, *, once: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    for name, schema in known.query.items():
        if name == "ticket":
            continue  # a security scheme
        found.append({"name": name, "in": "query", "required": False, "schema": schema})
    for name in ("Idempotency-Key", *known.takes) if once else known.takes:
        description, schema, needed = HEADERS_TAKEN[name]
        found.append({"name": name, "in": "header", "required": needed, "description": description, "schema": schema})
    return found


def _answers(known: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, schema in known.answers.items():
        content: dict[str, Schema] = {} if schema is None else {_JSON: schema}
        if status < 300:
            content |= known.media
        told = {202: "Not confirmed yet; an event tells.", 304: "It is as you know it."}.get(status, "Done.")
        answer: dict[str, Any] = {"description": told}
        if content:
            answer["content"] = {media: {"schema": one} for media, one in content.items()}
        if known.sends:
            answer["headers"] = {name: _header(name) for name in known.sends}
        found[str(status)] = answer
    return found


def _header(name: str) -> dict[str, Any]:
    description, schema = HEADERS_SENT[name]
    return {"description": description, "required": True, "schema": schema}


def _problems(errors: tuple[str, ...], known: Operation) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for error_id in errors:
        by_status.setdefault(KINDS[error_id].status, []).append(error_id)
    found: dict[str, Any] = {}
    for status, ids in sorted(by_status.items()):
        schema = {"allOf": [ref("Problem"), {"properties": {"status": {"const": status}, "error_id": {"enum": ids}}}]}
        content: dict[str, Any] = {CONTENT_TYPE: {"schema": schema}}
        if (own := known.answers.get(status)) is not None:
            content[_JSON] = {"schema": own}
        answer: dict[str, Any] = {"description": _SUMMARIES[status], "content": content}
        if status == 401:
            answer["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
        if status == 429 or any(KINDS[one].retry_after_s is not None for one in ids):
            answer["headers"] = {"Retry-After": _WAIT}
        found[str(status)] = answer
    return found


def _resource(app: Api, path: str) -> tuple[object, str]:
    found = app._router.find(re.sub(r"\{\w+\}", "x", path))
    assert found is not None
    assert isinstance(found[3], str)
    return found[0], found[3]


def _version() -> str:
    try:
        return version("cti-platform")
    except PackageNotFoundError:
        return "0"
