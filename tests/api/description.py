"""Requests and answers held against the served description. `held` wraps every request of the tests' clients."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from falcon import testing
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from cti.api.openapi import describe

FORMATS = FormatChecker(["date-time"])


@functools.lru_cache(maxsize=16)
def description(app: Any) -> dict[str, Any]:
    try:
        return describe(app)
    except LookupError:  # a test's own app, with routes of its own
        return {"paths": {}, "components": {"schemas": {}}}


def validator(app: Any, schema: Any) -> Draft202012Validator:
    return Draft202012Validator(
        {"allOf": [schema], "components": description(app)["components"]}, format_checker=FORMATS
    )


@functools.lru_cache(maxsize=64)
def _templates(app: Any) -> list[tuple[re.Pattern[str], str]]:
    """Those without parameters come first, as the router has it."""
    paths = sorted(description(app)["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths]


def operation_of(app: Any, method: str, path: str) -> dict[str, Any] | None:
    """None: there is no such method or path."""
    for pattern, template in _templates(app):
        if pattern.fullmatch(path):
            found: dict[str, Any] | None = description(app)["paths"][template].get(method.lower())
            return found
    return None


def described(app: Any, method: str, path: str, answer: testing.Result) -> None:
    """The status is foreseen, and headers and body are as it says. Raises AssertionError, ValidationError."""
    operation = operation_of(app, "GET" if method == "HEAD" else method, path)
    if operation is None:
        return
    place = f"{method} {path} -> {answer.status_code} {answer.content[:300]!r}"
    told = operation["responses"].get(str(answer.status_code))
    assert told is not None, f"the status is not foreseen: {place}"
    for name, header in told.get("headers", {}).items():
        value = answer.headers.get(name.lower())
        assert value is not None or not header.get("required"), f"{name} is missing: {place}"
    if method == "HEAD":
        return
    if "content" not in told:
        assert not answer.content, place
        return
    media = answer.headers["content-type"].partition(";")[0]
    assert media in told["content"], f"{media} is not foreseen: {place}"
    if media.endswith("json"):
        try:
            validator(app, told["content"][media]["schema"]).validate(answer.json)
        except ValidationError as error:
            raise AssertionError(f"{place}\n{error.message} at {error.json_path}") from error


def accepted(app: Any, method: str, path: str, options: dict[str, Any]) -> None:
    """A body that was taken is one that the description allows: it must not ask for more than the server does."""
    operation = operation_of(app, method, path)
    told = (operation or {}).get("requestBody", {}).get("content", {}).get("application/json")
    sent = options.get("json")
    if told is None:
        return
    if sent is None and options.get("body"):
        sent = json.loads(options["body"])
    if sent is None:
        return
    try:
        validator(app, told["schema"]).validate(sent)
    except ValidationError as error:
        raise AssertionError(f"{method} {path} took {sent!r}: {error.message} at {error.json_path}") from error


def held(simulate: Any) -> Any:
    """`falcon.testing.TestClient.simulate_request`, whose answers must be as described."""

    @functools.wraps(simulate)
    def checked(client: testing.TestClient, *args: Any, **options: Any) -> testing.Result:
        answer: testing.Result = simulate(client, *args, **options)
        method = str(args[0] if args else options.get("method", "GET"))
        path = str(args[1] if len(args) > 1 else options.get("path", "/")).partition("?")[0]
        if isinstance(answer, testing.Result):
            described(client.app, method, path, answer)
            if 200 <= answer.status_code < 300:
                accepted(client.app, method, path, options)
        return answer

    return checked
