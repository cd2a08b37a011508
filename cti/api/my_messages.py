"""What an agent reads and writes in a conversation by SMS or chat, and the document of a fax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only
from cti.api.chats import written
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import LIMIT_MAX, PAGED, known_only, limit_of, whole_of
from cti.api.problems import Problem
from cti.api.recordings import RecordingPages, stream
from cti.core.access import Permission
from cti.runtime.floor.ids import call_of
from cti.runtime.floor.owner import FloorRefused
from cti.runtime.floor.text_actions import TEXT_AT_HAND
from cti.runtime.floor.views import WRITTEN
from cti.runtime.replies import CHAT_MAX
from cti.runtime.transcripts import shown

if TYPE_CHECKING:
    from cti.api.contacts import Live
    from cti.api.work import Work
    from cti.runtime.recordings.shelf import Shelf


class MyMessages:
    """``GET …?after=&unmask=&reason=``: what was written so far, from the flow on; numbers and addresses in it are
    masked. ``POST`` ``{"text": "…"}``: write to the customer; 201 when it is on its way."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._once: Once[dict[str, Any]] = Once()

    def on_get(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        known_only(req, (*PAGED, "unmask", "reason"))
        agent, floor = self._work.agent_of(req).agent_id, self._work.floor
        case = floor.desk.find(agent, contact)
        after, limit = whole_of(req, "after", 10**9), limit_of(req, LIMIT_MAX)
        unmask = access_of(req).unmask(req, f"contact:{contact}", floor.views.scope(case))
        transcripts = floor.texts.transcripts
        found = transcripts.find(call_of(contact)) if transcripts is not None else None
        lines = found.after(after) if found is not None else []
        more = str(lines[limit - 1].number) if len(lines) > limit else None
        resp.media = {"items": [shown(line, unmask=unmask) for line in lines[:limit]], "next": more}

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        body = json_body(req)
        only(body, "text")
        said, floor = written(body, CHAT_MAX), self._work.floor
        agent = self._work.seated(req).agent_id

        def send() -> dict[str, Any]:
            case = floor.desk.find(agent, contact)
            activity = floor.views.activity(case)
            cell = TEXT_AT_HAND.get((activity, "message"))
            if case.wish.medium not in WRITTEN or cell is None:
                raise FloorRefused(f"contact '{contact}' is a {case.wish.medium}", code="not-by-text")
            if cell.error:
                raise FloorRefused(f"contact '{contact}' is {activity}", code=cell.error)
            return shown(floor.text_desk.send(agent, contact, said))

        resp.status, resp.media = falcon.HTTP_201, self._once.do(req, body, send)


class ContactDocument:
    """``GET /v1/contacts/{contact}/document?reason=``: the pages of a fax (TIFF), for the agent who has it. Each
    reading is audited."""

    def __init__(self, live: Live, shelf: Shelf) -> None:
        self._live, self._shelf = live, shelf

    def on_get(self, req: falcon.Request, resp: falcon.Response, contact: str) -> None:
        known_only(req, ("reason",))
        access = access_of(req)
        self._live.require(access, Permission.CONTACTS_HANDLE, contact)
        document = self._live.floor.texts.document_of(contact).rpartition(".")[0]
        one = self._shelf.store.find(document) if document else None
        if one is None:
            raise Problem("no-document", f"contact {contact[:64]!r} has none")
        reason = (req.get_param("reason") or "").strip()[:200]

        def note() -> None:
            why = reason or "a contact at hand"
            access.note(Permission.CONTACTS_HANDLE, f"recording:{one.recording_id}", allowed=True, reason=why)

        stream(req, resp, self._shelf, one, RecordingPages.media, note)

    on_head = on_get
