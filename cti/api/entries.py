"""``/v1/entries``: which number, medium and caller goes to which flow; read, tried, checked and changed.

The table is the file ``entry.yaml`` of the folder of the flows, and a change of it takes their way: a draft, put live
after the judgement that a saved file gets, or an earlier version again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cti.api.bodies import file_text, json_body, only, text_field
from cti.api.etags import send_version
from cti.api.flow_sources import BODY_MAX, TEXT_MAX, Source, draft_json
from cti.api.flows import held_json, history_json
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import known_only, limit_of, parse_time, whole_of
from cti.api.problems import Problem
from cti.core.access import Permission
from cti.core.calls import Medium
from cti.flow.canary import is_chosen, place_of
from cti.flow.shown import entry_json
from cti.runtime.reload.files import ENTRY

if TYPE_CHECKING:
    import falcon

    from cti.api.flow_files import FlowFiles

NUMBER_LAST = 10**15 - 1
ATTRIBUTES_MAX = 20


class Entries:
    """``GET /v1/entries``: the table that calls meet, from top to bottom, with what is held back and what is a draft.
    Its ETag is that of the file, as ``GET /v1/entries/source?live=true`` has it."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ())
        resp.media = shown(self._files)
        send_version(req, resp, resp.media["file_version"])

    on_head = on_get


class EntrySource:
    """``/v1/entries/source``: ``GET`` the draft, or the file where there is none (``?live=true``: the file in any
    case); ``PUT`` makes or changes the draft, which meets nobody; ``DELETE`` throws it away. Changes name the ETag that
    they have seen, in ``If-Match``."""

    def __init__(self, files: FlowFiles) -> None:
        self._source = Source(files, Permission.ENTRIES_EDIT)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._source.show(req, resp, ENTRY)

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._source.put(req, resp, ENTRY, "/v1/entries/source")

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._source.drop(req, resp, ENTRY)


class EntryCheck:
    """``POST /v1/entries/check`` ``{"text": "entries: …"}``: judged with the flows and calendars that are there, as if
    it were saved. Nothing is kept."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req, limit=BODY_MAX)
        only(body, "text")
        text = file_text(body, "text", limit=TEXT_MAX)
        resp.media = self._once.do(req, body, lambda: self._files.check({ENTRY: text}))


class EntryActivate:
    """``POST /v1/entries/activate`` ``{"version": "…"}``: the draft of that version is written, and met by the next
    call; or it is not, and 422 tells what is wrong. With flows that it needs, as one set: ``/v1/flows/activate``."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body, access = json_body(req), access_of(req)
        only(body, "version")
        version = text_field(body, "version", limit=80)
        deed = access.deed(Permission.ENTRIES_EDIT)

        def activate() -> dict[str, Any]:
            files = self._files
            draft, live = files.draft(ENTRY, version), files.live_version(ENTRY)
            files.put_live({ENTRY: draft.text}, access.principal.name, {ENTRY: live})
            files.drafts.drop({ENTRY: version}, deed, done="activate")
            return shown(files)

        resp.media = self._once.do(req, body, activate)


class EntryRollback:
    """``POST /v1/entries/rollback`` ``{"version": "…"}``: the file says again what it said in that version of the
    history (or the beginning of it, 6 characters or more), if it fits the flows of today."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body, access = json_body(req), access_of(req)
        only(body, "version")
        wanted = text_field(body, "version", limit=80)
        if len(wanted) < 6:
            raise Problem("bad-request", "version has 6 characters or more")

        def back() -> dict[str, Any]:
            files = self._files
            found = files.flows.history.find(ENTRY, wanted)
            if len(found) != 1:
                raise Problem("unknown-version", f"{len(found) or 'no'} versions of the table begin with {wanted!r}")
            files.put_live({ENTRY: found[0].files[ENTRY]}, access.principal.name)
            reason = f"rollback to {found[0].version[:12]}"
            access.note(Permission.ENTRIES_EDIT, f"entries:{ENTRY}", allowed=True, reason=reason)
            return shown(files)

        resp.media = self._once.do(req, body, back)


class EntryHistory:
    """``GET /v1/entries/history?limit=&before=``: which tables calls met, since when, by whom; the newest first."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("limit", "before"))
        limit, before = limit_of(req), whole_of(req, "before", NUMBER_LAST)
        lines = self._files.flows.history.history(ENTRY, limit, before or None)
        resp.media = {
            "items": [history_json(one) for one in lines],
            "next": str(lines[-1].number) if len(lines) == limit else None,
        }

    on_head = on_get


@dataclass(frozen=True, slots=True)
class Asked:
    called: str
    caller: str | None
    medium: str
    attributes: dict[str, str]
    at: datetime


class EntryMatch:
    """``POST /v1/entries/match``: which entry and flow a caller would meet now, or ``at`` another time. Of callers
    without a number, who are spread by chance, it tells what the first of a hundred would meet."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req)
        asked = _asked(body, self._files.services.clock.now())
        resp.media = self._once.do(req, body, lambda: self._found(asked))

    def _found(self, asked: Asked) -> dict[str, Any]:
        library = self._files.flows.library
        medium = library.entry.medium_of(asked.medium, asked.called)
        chance = place_of(asked.caller) if asked.caller else 0.0
        found = library.entry.match(
            medium=medium, called=asked.called, caller=asked.caller, attributes=asked.attributes, now=asked.at,
            chance=chance,
        )  # fmt: skip
        if found is None:
            return {"medium": medium, "entry": None, "flow": None, "version": None, "canary": False}
        active, canary = library.plans.get(found.flow), library.canaries.get(found.flow)
        tried = canary is not None and found.canary is not None
        chosen = tried and is_chosen(found.canary, canary.version, None if asked.caller else chance, asked.caller)  # type: ignore[arg-type,union-attr]
        plan = canary if chosen else active
        return {
            "medium": medium,
            "entry": found.rule,
            "flow": found.flow,
            "version": plan.version if plan is not None else None,
            "canary": chosen,
        }


def shown(files: FlowFiles) -> dict[str, Any]:
    """The table in force, and its file beside it."""
    flows, draft = files.flows, files.drafts.find(ENTRY)
    held, active = flows.reloader.standing.held.get(ENTRY), flows.history.active().get(ENTRY)
    return {
        "version": None if active is None else active.version,
        "file_version": files.live_version(ENTRY),
        "items": [entry_json(one) for one in flows.library.entry.entries],
        "held_back": None if held is None else held_json(held),
        "draft": None if draft is None else draft_json(draft),
    }


def _asked(body: dict[str, Any], now: float) -> Asked:
    only(body, "called", "caller", "medium", "attributes", "at")
    called = text_field(body, "called", limit=64)
    caller = None if body.get("caller") is None else text_field(body, "caller", limit=64)
    medium, attributes = body.get("medium", Medium.VOICE.value), body.get("attributes", {})
    if medium not in list(Medium):
        raise Problem("bad-request", f"medium is one of {', '.join(Medium)}")
    if not isinstance(attributes, dict) or len(attributes) > ATTRIBUTES_MAX:
        raise Problem("bad-request", f"attributes is an object of {ATTRIBUTES_MAX} texts at most")
    for name in attributes:
        text_field(attributes, name, limit=200, default="")
    at = parse_time(text_field(body, "at", limit=40), "at") if body.get("at") is not None else now
    return Asked(called, caller, medium, attributes, datetime.fromtimestamp(at, UTC))
