"""What no schema can tell of HTTP: is the url one, do operations take the fields that are brought?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from cti.boss.codecs import prove_body
from cti.boss.paths import parse_path
from cti.boss.way import Carried, Finding
from cti.boss.ways.http.options import HttpBackend, HttpTarget, OperationOptions

PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*)?")


def prove_backend(backend: HttpBackend) -> Iterable[Finding]:
    problem = _url_problem(backend)
    if problem is not None:
        yield Finding(("url",), "bad-url", problem)
    if backend.probe is not None and backend.probe not in backend.operations:
        yield Finding(("probe",), "unknown-operation", f"there is no operation '{backend.probe[:60]}'")
    for name, operation in backend.operations.items():
        where = ("operations", name)
        if not _PATH.fullmatch(operation.path) or re.search(r"[{}]", PLACE.sub("", operation.path)):
            yield Finding((*where, "path"), "bad-url", "write /path/{field}; what is not ASCII is %-encoded")
        if operation.body is not None and operation.method == "GET":
            yield Finding((*where, "body"), "bad-option", "GET has no body: name its fields at 'query'")
        for part in ("body", "reply"):
            options = getattr(operation, part)
            if options is not None:
                yield from prove_body(options, (*where, part))


def _url_problem(backend: HttpBackend) -> str | None:
    try:
        parts = urlsplit(backend.url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "write https://host:port/path"
    if parts.scheme not in ("http", "https") or not host or not _PATH.fullmatch(parts.path) or "{" in parts.path:
        return "write https://host:port/path"
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return "without user, query and fragment; secrets have options of their own"
    if parts.scheme == "http" and host not in _LOOPBACK and not backend.insecure:
        return "everything would cross the network in clear: write https, or `insecure: true`"
    return None


def prove_target(backend: HttpBackend, target: HttpTarget, carried: Carried) -> Iterator[Finding]:
    operation = backend.operations.get(target.operation)
    if operation is None:
        known = ", ".join(sorted(backend.operations))
        message = f"'{target.operation[:60]}' is no operation of this back end; known are {known}"
        yield Finding(("operation",), "unknown-operation", message)
        return
    taken = fields_taken(operation)
    for name in sorted(carried.fields - taken - _of_body(operation, carried)):
        where = ("send", name) if target.send else ()
        yield Finding(where, "unknown-field", f"{target.operation} takes no '{name}'")
    for name in sorted(taken - carried.fields):
        yield Finding(("send",), "missing-field", f"{target.operation} needs '{name}', which is not sent")
    for field in operation.body.fields if operation.body is not None else ():
        if field.required and field.name not in carried.fields:
            yield Finding(("send",), "missing-field", f"{target.operation} needs '{field.name}', which is not sent")
    for where, text in [(("take", name), text) for name, text in target.take.items()]:
        problem = parse_path(text)
        if isinstance(problem, str):
            yield Finding(where, "bad-option", problem)


def fields_taken(operation: OperationOptions) -> frozenset[str]:
    """Those of path and query."""
    return frozenset(PLACE.findall(operation.path)) | frozenset(operation.query)


def _of_body(operation: OperationOptions, carried: Carried) -> frozenset[str]:
    if operation.body is None:
        return frozenset({"key"}) if carried.write else frozenset()  # the key of a write goes by a header as well
    return frozenset(field.name for field in operation.body.fields) or carried.fields
