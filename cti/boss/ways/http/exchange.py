"""One request and its answer on a connection: everything bounded, nothing followed.

The standard library's client, on gevent's socket, which it is given: so no name is resolved and no connection made
behind our back.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import Any

from cti.boss.way import WayError

CHUNK = 65_536
#: Statuses that say "not now".
BUSY = (429, 503)
#: Statuses by which a server says that it has done nothing.
REFUSED = frozenset(range(400, 500)) - {408, 409, 425, 429}


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers``: names in lower case. ``again``: may the connection be used once more?"""

    status: int
    headers: dict[str, str]
    body: bytes
    again: bool


def exchange(
    sock: Any, host: str, method: str, path: str, body: bytes | None, headers: dict[str, str], most: int
) -> Reply:
    """Raises WayError for an answer that is none, OSError, http.client.HTTPException."""
    connection = http.client.HTTPConnection(host)
    connection.sock = sock
    connection.auto_open = 0
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": host, **headers}.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    try:
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise WayError("error", "content-encoding", sent=True)
        read = _body(response, most)
    finally:
        response.close()  # it holds the socket open, and whoever catches an error holds it
    found = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, found, read, not response.will_close)


def _body(response: http.client.HTTPResponse, most: int) -> bytes:
    """Raises WayError, OSError, HTTPException."""
    parts, size = [], 0
    if response.length is not None and response.length > most:
        raise WayError("error", "too-long", sent=True)
    while part := response.read(CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            raise WayError("error", "too-long", sent=True)
    if response.length:
        raise WayError("error", "truncated", sent=True)
    return b"".join(parts)


def failure_of(status: int) -> WayError | None:
    """None: it went well."""
    if 200 <= status < 300:
        return None
    if status in BUSY:
        return WayError("throttled", f"status-{status}", sent=True)
    if 300 <= status < 400:
        return WayError("error", "redirect", sent=True)
    return WayError("error", f"status-{status}", sent=status not in REFUSED)
