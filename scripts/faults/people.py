"""People at work in a run: agents at their desks, who sign in and take callers by the API, and a customer in a chat."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cti.app import open_accounts
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant
from cti.core.people import AgentProfile, Team, UserKind
from scripts.faults.processes import until
from scripts.faults.site import DESKS, TALKER
from scripts.faults.verdict import CONFERENCE, HELD, TALK

PASSWORD = "correct horse battery staple"
LOOK_S, ANSWER_S = 0.25, 10.0
#: Access tokens are good for ten minutes.
RENEW_S = 240.0
HAS = {TALK: "talking", HELD: "held", CONFERENCE: "conference"}
NO_CONTACT = "goes on without a contact"
#: The API is not there, says that it cannot, or that this is not the moment.
REFUSED = (OSError, ValueError)


def add_people(config: Path) -> str:
    """An agent for each desk, named as its kind of contact, and the key of a web chat's backend."""
    with open_accounts(load_settings(config)) as accounts:
        deed = accounts.deed(SYSTEM, reason="chaos")
        agents = accounts.store.agents
        accounts.store.people.save_team(Team("service"), deed)
        for kind, number in DESKS.items():
            agents.save_skill(kind, kind, deed)
            user, _ = accounts.add_user(kind, [Grant.parse("agent@team:service")], deed)
            accounts.set_password(user.user_id, PASSWORD, deed)
            agents.save([AgentProfile(kind, user.user_id, kind, "service", {kind: 5}, phone=number)], deed)
        machine, _ = accounts.add_user("web", [Grant.parse("gateway")], deed, kind=UserKind.MACHINE)
        _, key = accounts.add_key(machine.user_id, "chat", deed)
        return key


class Api:
    """JSON over http, with the headers of whoever asks."""

    def __init__(self, port: int, **headers: str) -> None:
        self._port, self.headers = port, headers

    def ask(self, method: str, path: str, body: Any = None, timeout_s: float = ANSWER_S) -> Any:
        """Raises OSError (HTTPError is one), ValueError."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


class Desk:
    """An agent who looks four times a second, as a client would: whether it is signed in, and what it has."""

    def __init__(self, port: int, kind: str) -> None:
        self.kind, self.most = kind, 0
        self._api, self._port = Api(port), port
        self._refresh, self._renewed, self._renewals = "", 0.0, 0
        self._seen: tuple[float, dict[str, Any]] = (0.0, {})
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def sign_in(self) -> None:
        """Raises OSError, TimeoutError."""
        answer = self._api.ask("POST", "/v1/sessions", {"name": self.kind, "password": PASSWORD})
        self._take(answer)
        self._until_taken("/v1/me/sign-in", {})
        self._thread.start()

    def _take(self, answer: dict[str, Any]) -> None:
        self._api.headers = {"Authorization": f"Bearer {answer['access_token']}"}
        self._refresh, self._renewed, self._renewals = answer["refresh_token"], time.monotonic(), self._renewals + 1

    def _renew(self) -> None:
        """A run of many repetitions lasts longer than a token. Raises OSError, ValueError."""
        if time.monotonic() - self._renewed >= RENEW_S:
            once = Api(self._port, **{"Idempotency-Key": f"{self.kind}-{self._renewals}"})
            self._take(once.ask("POST", "/v1/sessions/refresh", {"refresh_token": self._refresh}))

    def health(self) -> dict[str, Any]:
        """Of the engine, sick or not. Raises OSError, ValueError."""
        try:
            return dict(self._api.ask("GET", "/healthz"))
        except urllib.error.HTTPError as error:
            return dict(json.loads(error.read()))

    def asks(self, timeout_s: float) -> None:
        """Something that only who distributes knows. Raises OSError, ValueError."""
        self._api.ask("GET", "/v1/me", timeout_s=timeout_s)

    def _until_taken(self, path: str, body: Any) -> None:
        def taken() -> bool:  # its phone may not be registered yet
            with contextlib.suppress(*REFUSED):
                self._api.ask("POST", path, body)
                return True
            return False

        until(taken, f"{self.kind}: {path}", every_s=LOOK_S)

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_S):
            with contextlib.suppress(*REFUSED):
                asked = time.monotonic()
                self._renew()
                self._api.ask("PUT", "/v1/me/heartbeat")
                work = self._api.ask("GET", "/v1/me")["work"]
                self._seen = (asked, work)
                self.most = max(self.most, len(work["contacts"]))

    def shown(self, since: float = 0.0) -> dict[str, Any] | None:
        """As the engine told it last; None: nothing that was asked after ``since``."""
        asked, work = self._seen
        return work if work and asked > since else None

    def contacts(self, since: float = 0.0) -> list[dict[str, Any]] | None:
        work = self.shown(since)
        return None if work is None else list(work["contacts"])

    def activity(self, since: float = 0.0) -> str:
        """Of the contact at hand; empty: there is none; ``?``: not known."""
        contacts = self.contacts(since)
        return "?" if contacts is None else str(contacts[0]["activity"]) if contacts else ""

    def free(self, since: float) -> bool:
        """Nothing at hand, by an engine that was asked after ``since``."""
        return self.contacts(since) == []

    def ready(self, timeout_s: float = 60.0) -> None:
        """Again, whatever a fault has made of it. Raises TimeoutError."""

        def is_ready() -> bool:
            now = time.monotonic()
            with contextlib.suppress(*REFUSED):
                work = self._api.ask("GET", "/v1/me")["work"]
                if work["state"] == "LOGOUT":
                    self._api.ask("POST", "/v1/me/sign-in", {})
                self._api.ask("PUT", "/v1/me/state", {"state": "READY"})
            until(lambda: self.shown(now) is not None, "the desk looks", timeout_s)
            work = self.shown(now) or {}
            return work.get("state") == "READY"

        until(is_ready, f"{self.kind} is ready", timeout_s, LOOK_S)

    def do(self, command: str, becomes: str, **body: Any) -> None:
        """A command at the contact at hand, and its effect. Raises TimeoutError."""
        asked: list[str] = []

        def done() -> bool:
            now = self.contacts() or []
            if now and now[0]["activity"] == becomes:
                return True
            if now and not asked:
                with contextlib.suppress(*REFUSED):
                    path = f"/v1/me/contacts/{now[0]['contact']}/{command}"
                    self._api.ask("POST", path, body or None)
                    asked.append(command)
            return False

        until(done, f"{self.kind}: {command} ({self.activity()})", every_s=LOOK_S)

    def close(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()


class Chat:
    """A customer who writes in a chat whose flow answers each line."""

    def __init__(self, port: int, key: str) -> None:
        self._api = Api(port, **{"X-API-Key": key})
        self.name, self._last = "", 0

    def begin(self) -> str:
        opened = self._api.ask("POST", "/v1/chats", {"text": "hello", "customer": "13700000001"})
        self.name, self._last = str(opened["chat"]), 0
        until(lambda: "7?" in self._new(), "the chat is answered")
        return self.name

    def writes(self, timeout_s: float) -> bool:
        """A line that is answered in time."""
        wrote: list[str] = []

        def answered() -> bool:
            with contextlib.suppress(*REFUSED):
                if not wrote:
                    self._api.ask("POST", f"/v1/chats/{self.name}/messages", {"text": "7"})
                    wrote.append("7")
                return "Here." in self._new()
            return False

        with contextlib.suppress(TimeoutError):
            until(answered, "the chat is answered", timeout_s, LOOK_S)
            return True
        return False

    def open(self) -> bool:
        with contextlib.suppress(*REFUSED):
            return bool(self._api.ask("GET", f"/v1/chats/{self.name}")["state"] == "open")
        return False

    def end(self) -> None:
        with contextlib.suppress(*REFUSED):
            self._api.ask("DELETE", f"/v1/chats/{self.name}")

    def _new(self) -> list[str]:
        told = self._api.ask("GET", f"/v1/chats/{self.name}/messages?after={self._last}")["items"]
        self._last = max([self._last, *(line["number"] for line in told)])
        return [text for line in told if line["from"] == "flow" for text in line["text"].splitlines()]


class People:
    """All of a run. They come with the first engine, and stay through every fault."""

    def __init__(self, config: Path, port: int) -> None:
        self.key = add_people(config)
        self.desks = {kind: Desk(port, kind) for kind in DESKS}
        self.chat = Chat(port, self.key)
        for desk in self.desks.values():
            desk.sign_in()

    def ready(self) -> None:
        for desk in self.desks.values():
            desk.most = 0
            desk.ready()

    def in_place(self) -> None:
        """Each talks with its caller, and has done with it what its kind says. Raises TimeoutError."""
        for kind, desk in self.desks.items():
            until(lambda one=desk: one.activity() == "talking", f"{kind}: the agent talks")  # type: ignore[misc]
        self.desks[HELD].do("hold", HAS[HELD])
        self.desks[CONFERENCE].do("consult", "consulting", to={"extension": TALKER})
        self.desks[CONFERENCE].do("conference", HAS[CONFERENCE])

    def where(self, kind: str, since: float, timeout_s: float) -> str:
        """Empty: the contact is at its agent as it was, by an engine that was asked after ``since``, and one on hold
        can be taken back."""
        desk = self.desks[kind]
        with contextlib.suppress(TimeoutError):
            until(lambda: desk.activity(since) == HAS[kind], f"{kind} is at hand", timeout_s, LOOK_S)
            if kind == HELD:
                desk.do("retrieve", "talking")
            return ""
        return NO_CONTACT

    def stuck(self, timeout_s: float) -> tuple[str, ...]:
        """What is wrong although all callers have gone, once that has been so for ``timeout_s``."""
        since = time.monotonic()
        with contextlib.suppress(TimeoutError):
            until(lambda: all(desk.free(since) for desk in self.desks.values()), "agents are free", timeout_s, 0.1)
        kept = [
            f"agent of {kind} stuck: {desk.activity()}" for kind, desk in self.desks.items() if not desk.free(since)
        ]
        return (
            *kept,
            *(f"agent of {kind} had {one.most} contacts" for kind, one in self.desks.items() if one.most > 1),
        )

    def close(self) -> None:
        for desk in self.desks.values():
            desk.close()
