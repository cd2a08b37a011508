"""Drafts of files of the flows: read, uploaded, thrown away. A change names the ETag that it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import file_text, json_body, only
from cti.api.etags import seen_version, send_version
from cti.api.guard import access_of
from cti.api.paging import flag_of, iso, known_only
from cti.api.problems import Problem
from cti.core.access import Permission
from cti.runtime.library import NO_FLOWS
from cti.runtime.reload.files import text_version
from cti.runtime.reload.put import FILE
from cti.store.flow_drafts import Draft

if TYPE_CHECKING:
    from cti.api.flow_files import FlowFiles

TEXT_MAX, BODY_MAX = 1 << 20, 4 << 20


class Source:
    """What is done with the draft of one file, whichever it is."""

    def __init__(self, files: FlowFiles, permission: Permission) -> None:
        self._files, self._permission = files, permission

    def show(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        known_only(req, ("live",))
        draft = None if flag_of(req, "live") else self._files.drafts.find(file)
        resp.media = self._shown(file, draft)
        send_version(req, resp, resp.media["version"])

    def put(self, req: falcon.Request, resp: falcon.Response, file: str, place: str) -> None:
        body, access = json_body(req, limit=BODY_MAX), access_of(req)
        only(body, "text")
        text = file_text(body, "text", limit=TEXT_MAX)
        before, live = self._files.drafts.find(file), self._files.live_version(file)
        seen_version(req, before.version if before else live, file)
        deed = access.deed(self._permission)
        base = before.base if before else live
        made = Draft(file, text, text_version(text), base, deed.at, access.principal.name)
        self._files.drafts.put(made, before.version if before else "", deed)
        resp.status = falcon.HTTP_200 if before or live else falcon.HTTP_201
        resp.location = place
        resp.media = self._shown(file, made)
        send_version(req, resp, made.version)

    def drop(self, req: falcon.Request, resp: falcon.Response, file: str) -> None:
        found = self._files.drafts.find(file)
        if found is None:
            raise Problem("not-found", f"there is no draft of {file!r}")
        seen_version(req, found.version, f"the draft of {file!r}")
        self._files.drafts.drop({file: found.version}, access_of(req).deed(self._permission))
        resp.status = falcon.HTTP_204

    def _shown(self, file: str, draft: Draft | None) -> dict[str, Any]:
        if draft is not None:
            return {**draft_json(draft), "text": draft.text, "draft": True}
        text = self._files.live(file)
        if text is None:
            raise Problem("not-found", f"no file {file!r}")
        none = {"base": "", "changed_at": None, "changed_by": ""}
        return {"file": file, "text": text, "version": text_version(text), **none, "draft": False}


class FlowSource:
    """``/v1/flows/{flow}/source``: ``GET`` the draft, or the file where there is none (``?live=true``: the file in any
    case); ``PUT`` makes or changes the draft; ``DELETE`` throws it away. Changes name the ETag that they have seen, in
    ``If-Match``; ``If-None-Match: *`` for a flow that is new."""

    def __init__(self, files: FlowFiles) -> None:
        self._source = Source(files, Permission.FLOWS_EDIT)

    def on_get(self, req: falcon.Request, resp: falcon.Response, flow: str) -> None:
        self._source.show(req, resp, file_of(flow))

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, flow: str) -> None:
        self._source.put(req, resp, file_of(flow), f"/v1/flows/{flow}/source")

    def on_delete(self, req: falcon.Request, resp: falcon.Response, flow: str) -> None:
        self._source.drop(req, resp, file_of(flow))


def file_of(flow: str) -> str:
    """Raises Problem: not-found for what can be no flow's name."""
    if not FILE.fullmatch(f"{flow}.yaml") or flow in NO_FLOWS:
        raise Problem("not-found", f"no flow {flow[:64]!r}")
    return f"{flow}.yaml"


def draft_json(one: Draft) -> dict[str, Any]:
    return {
        "file": one.file,
        "version": one.version,
        "base": one.base,
        "changed_at": iso(one.changed_at),
        "changed_by": one.changed_by,
    }
