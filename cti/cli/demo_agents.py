"""Agents of the demo: they sign in by the API as any client does, and take what comes on virtual phones."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import gevent

from cti.cli.demo_people import AGENTS
from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("cti.demo")

HEARTBEAT_S = 10.0
TIMEOUT_S = 10.0


class Client:
    """One person's client: signs in, is READY, and says now and then that it is still there."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._url, self._name, self._password = url, name, password
        self._token = ""

    def work(self) -> None:
        """Until it is killed. What the API refuses is logged, and tried again at the next heartbeat."""
        ready = False
        while True:
            try:
                if not ready:
                    self._sign_in()
                    ready = True
                self._ask("PUT", "/v1/me/heartbeat")
            except CtiError as error:
                log.warning("%s: %s", self._name, error)
                ready = False
            gevent.sleep(HEARTBEAT_S)

    def _sign_in(self) -> None:
        session = self._ask("POST", "/v1/sessions", {"name": self._name, "password": self._password})
        self._token = session["access_token"]
        self._ask("POST", "/v1/me/sign-in", {})
        self._ask("PUT", "/v1/me/state", {"state": "READY"})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        """On a thread: the API answers from this very process."""
        return gevent.get_hub().threadpool.apply(self._send, (method, path, body))

    def _send(self, method: str, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                text = answer.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            self._token = "" if error.code == 401 else self._token
            raise CtiError(f"{method} {path}: {error.code} {error.read()[:200]!r}", code="api-refused") from error
        except OSError as error:
            raise CtiError(f"{method} {path}: {error}", code="api-unreachable") from error


def staff(port: int, passwords: Mapping[str, str]) -> list[gevent.Greenlet[..., None]]:
    """Everybody of `AGENTS` goes to work."""
    clients = [Client(f"http://127.0.0.1:{port}", name, passwords[name]) for name in AGENTS]
    return [gevent.spawn(client.work) for client in clients]
