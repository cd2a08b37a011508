"""``/v1/chats`` and ``/v1/sms``: for the backend of a web chat, and a gateway of SMS, with an API key of their own.

A chat begins with what the customer writes first, and meets the flow of its entry. What flow and agents write is
fetched with ``GET …/messages?after=NUMBER&wait_s=25``, which answers as soon as there is something. A chat is its
opener's alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import LIMIT_MAX, PAGED, iso, known_only, limit_of, whole_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope
from cti.core.calls import Caller

if TYPE_CHECKING:
    from cti.core.transcripts import Line
    from cti.runtime.chats import Chats

TEXT_MAX, NAME_MAX, CALLED_MAX = 1000, 100, 64
ATTRIBUTES_MAX, ATTRIBUTE_MAX = 10, 200
WAIT_MAX_S = 25
CALLED = "chat"
NUMBER = r"^\+?[0-9]{3,20}$"
ATTRIBUTE = r"^[a-z][a-z0-9_]{0,31}$"


def line_json(line: Line) -> dict[str, Any]:
    """As the customer may see it: who of the agents wrote is not told."""
    return {"number": line.number, "at": iso(line.at), "from": line.author.value, "text": line.text}


class ChatRoom:
    """What the resources below share."""

    def __init__(self, chats: Chats) -> None:
        self.chats = chats

    def require(self, req: falcon.Request, chat: str) -> None:
        """Raises Problem (not-found): another machine's, or none."""
        scope = ResourceScope(owner=self.chats.owner(chat))
        access_of(req).require(Permission.CHATS_RELAY, scope, f"chat:{chat[:64]}")

    def shown(self, chat: str) -> dict[str, Any]:
        state = "open" if self.chats.goes_on(chat) else "ended"
        return {"chat": chat, "state": state, "last": self.chats.get(chat).last}


class ChatList:
    """``POST /v1/chats`` ``{"text": "Hello", "customer": "13800000000", "name": "Wang", "attributes": {"origin":
    "web"}}``: opens a chat. ``called`` and ``attributes`` are what entries choose the flow by."""

    def __init__(self, room: ChatRoom) -> None:
        self._room = room
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "text", "customer", "name", "called", "attributes")
        said = written(body)
        number = number_of(body, "customer") if body.get("customer") is not None else None
        name = text_field(body, "name", limit=NAME_MAX, default="")
        called = text_field(body, "called", limit=CALLED_MAX, default=CALLED) or CALLED
        attributes = _attributes(body.get("attributes", {}))
        owner, chats = access_of(req).principal.user_id, self._room.chats

        def begin() -> dict[str, Any]:
            return self._room.shown(chats.open(owner, Caller(number, name, called), said, attributes))

        resp.media = self._once.do(req, body, begin)
        resp.status, resp.location = falcon.HTTP_201, f"/v1/chats/{resp.media['chat']}"


class ChatResource:
    """``GET``: whether it goes on, and the number of the last message. ``DELETE``: the customer has left."""

    def __init__(self, room: ChatRoom) -> None:
        self._room = room

    def on_get(self, req: falcon.Request, resp: falcon.Response, chat: str) -> None:
        known_only(req, ())
        self._room.require(req, chat)
        resp.media = self._room.shown(chat)

    on_head = on_get

    def on_delete(self, req: falcon.Request, resp: falcon.Response, chat: str) -> None:
        self._room.require(req, chat)
        self._room.chats.end(chat)
        resp.status = falcon.HTTP_204


class ChatMessages:
    """``GET …/messages?after=&wait_s=``: what was written after that number; where there is nothing, it waits so long.
    ``POST`` ``{"text": "…"}``: the customer writes; 202, and the message stands among the others as soon as it was
    taken in its turn."""

    def __init__(self, room: ChatRoom) -> None:
        self._room = room
        self._once: Once[dict[str, Any]] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response, chat: str) -> None:
        known_only(req, (*PAGED, "wait_s"))
        self._room.require(req, chat)
        after, wait_s = whole_of(req, "after", 10**9), whole_of(req, "wait_s", WAIT_MAX_S)
        limit = limit_of(req, LIMIT_MAX)
        lines = self._room.chats.read(chat, after, wait_s)
        more = str(lines[limit - 1].number) if len(lines) > limit else None
        resp.media = {"items": [line_json(line) for line in lines[:limit]], "next": more, **self._room.shown(chat)}
        resp.cache_control = ["no-store"]

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, chat: str) -> None:
        body = json_body(req)
        only(body, "text")
        said, room = written(body), self._room

        def write() -> dict[str, Any]:
            room.require(req, chat)
            room.chats.write(chat, said)
            return room.shown(chat)

        room.require(req, chat)
        resp.status, resp.media = falcon.HTTP_202, self._once.do(req, body, write)


class SmsReceived:
    """``POST /v1/sms`` ``{"from": "13800000000", "to": "10086", "text": "CXYE"}``: a gateway has received it. Its
    conversation is that of the two numbers, until its flow ends it; answers go out by the channel `sms`."""

    def __init__(self, room: ChatRoom) -> None:
        self._room = room
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        only(body, "from", "to", "text")
        sender, called, said = number_of(body, "from"), number_of(body, "to"), written(body)

        def receive() -> dict[str, Any]:
            return {"conversation": self._room.chats.sms(sender, called, said)}

        resp.status, resp.media = falcon.HTTP_202, self._once.do(req, body, receive)


def written(body: dict[str, Any], limit: int = TEXT_MAX) -> str:
    """``text`` of the body: not blank, and fit to be kept. Raises Problem."""
    said = text_field(body, "text", limit=limit).replace("\x00", "")
    if not said.strip():
        raise Problem("bad-request", "text has nothing in it")
    return said.encode("utf-8", "replace").decode()


def number_of(body: dict[str, Any], name: str) -> str:
    """Raises Problem (bad-number)."""
    number = text_field(body, name, limit=21)
    if re.fullmatch(NUMBER, number, re.ASCII) is None:
        raise Problem("bad-number", f"{name} is {number!r}")
    return number


def _attributes(told: Any) -> dict[str, str]:
    if not isinstance(told, dict) or len(told) > ATTRIBUTES_MAX:
        raise Problem("bad-request", f"attributes are {ATTRIBUTES_MAX} names and texts at most")
    for name, value in told.items():
        fits = isinstance(value, str) and len(value) <= ATTRIBUTE_MAX
        if re.fullmatch(ATTRIBUTE, name, re.ASCII) is None or not fits:
            raise Problem("bad-request", f"attribute {name[:40]!r}: a name of a-z, 0-9, _, and a text")
    return dict(told)
