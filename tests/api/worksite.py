"""Agents' clients against a platform on the embedded switch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Flag

from cti.core.access import SYSTEM, Deed, Grant
from cti.core.people import AgentProfile, Team
from tests.runtime.platform import Platform, uuid_of

DEED = Deed(SYSTEM, 0.0, "", "test")
PASSWORD = "correct horse battery staple"


@dataclass
class Stream:
    """A client of ``/v1/events`` on a socket of its own."""

    port: int
    headers: str
    query: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    ended: Flag = field(default_factory=Flag)

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        request = f"GET /v1/events{self.query} HTTP/1.1\r\nHost: x\r\n{self.headers}Connection: close\r\n\r\n"
        self.socket.sendall(request.encode())
        self.reader = gevent.spawn(self._read)

    def _read(self) -> None:
        try:
            for line in self.socket.makefile("rb"):
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        except OSError:
            self.events.append({"type": "broken", "data": {}})
        self.ended.set()

    def close(self) -> None:
        self.reader.kill()
        self.socket.close()

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


class Client:
    """Somebody signed in, over HTTP."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform, self.port = platform, platform.application.api_port
        self.session = platform.application.accounts.sign_in.sign_in(name, PASSWORD)
        self.headers = f"Authorization: Bearer {self.session.access_token}\r\n"
        self.streams: list[Stream] = []

    def do(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if body is not None else ""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}{self.headers}{more}"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        first, _, rest = answer.partition(b"\r\n")
        text = rest.partition(b"\r\n\r\n")[2]
        return int(first.split()[1]), json.loads(text) if text else None

    def stream(self, last_id: str = "") -> Stream:
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        found = Stream(self.port, self.headers + more)
        self.streams.append(found)
        self.platform.until(lambda: found.events, "the snapshot")
        return found


class Site:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        accounts = platform.application.accounts
        accounts.store.people.save_team(Team("north"), DEED)
        accounts.store.agents.save_skill("billing", "", DEED)
        people = {"anna": "agent@team:north", "bert": "agent@team:north", "super": "supervisor", "lead": "team_lead"}
        for name, grant in people.items():
            user, _ = accounts.accounts.add_user(name, [Grant.parse(grant)], DEED, user_id=f"u-{name}")
            hashed = accounts.hasher.hash(PASSWORD)
            accounts.store.credentials.set_password(user.user_id, hashed, DEED, one_time_until=None)
        for agent, name in (("1001", "anna"), ("1002", "bert")):
            self.platform.phone(agent, answer_after=0.05)
            # The hunt group of the configuration has 1001 and 1002 as its own: ids of persons differ.
            profile = AgentProfile(f"a-{name}", f"u-{name}", name, "north", phone=agent)
            accounts.store.agents.save([profile], DEED)
        self.clients: list[Client] = []

    def client(self, name: str) -> Client:
        self.clients.append(Client(self.platform, name))
        return self.clients[-1]

    def until(self, true: Any, what: str) -> Any:
        return self.platform.until(true, what)

    def working(self, name: str, phone: str) -> Client:
        client = self.client(name)
        status, answer = client.do("POST", "/v1/me/sign-in", {"phone": phone})
        assert (status, answer["state"], answer["reason"]) == (200, "NOT_READY", "sign_in"), answer
        status, answer = client.do("PUT", "/v1/me/state", {"state": "READY"})
        assert (status, answer["state"]) == (200, "READY"), answer
        return client

    def talking(self, client: Client) -> tuple[Any, str]:
        caller = self.platform.call("desk")
        path = f"/v1/contacts/{uuid_of(caller)}"

        def there() -> bool:
            status, shown = client.do("GET", path)
            return status == 200 and shown["activity"] == "talking"

        self.until(there, "they talk")
        return caller, uuid_of(caller)


@pytest.fixture
def site(make_platform: Any) -> Iterator[Site]:
    found = Site(make_platform())
    yield found
    for client in found.clients:
        for stream in client.streams:
            stream.close()
