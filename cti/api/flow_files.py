"""Flows by API: check without effect, upload as drafts, put live as one set, roll back.

A draft is kept in the database and meets nobody. What is put live is written into the folder of the flows that the
engine watches, after the same judgement as a file that somebody saved there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gevent.lock import BoundedSemaphore

from cti.api.bodies import file_text, json_body, only, text_field
from cti.api.flow_sources import BODY_MAX, TEXT_MAX, draft_json
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import PAGED, known_only, page_of
from cti.api.problems import Problem
from cti.core.access import GLOBAL, Permission
from cti.core.versions import Activation, Origin
from cti.runtime.library import FlowsRefused
from cti.runtime.reload.files import ENTRY, text_version
from cti.runtime.reload.put import FILE, read_live

if TYPE_CHECKING:
    from collections.abc import Mapping

    import falcon

    from cti.api.flows import Flows
    from cti.runtime.account_services import AccountServices
    from cti.store.flow_drafts import Draft

FILES_MAX = 200
#: Checks at the same time; each is a process.
_CHECKS = 2


class FlowFiles:
    """What the resources below share."""

    def __init__(self, flows: Flows, services: AccountServices) -> None:
        self.flows, self.services, self.drafts = flows, services, services.store.drafts
        self._checks = BoundedSemaphore(_CHECKS)

    def live(self, file: str) -> str | None:
        return read_live(self.flows.reloader.folder, file)

    def live_version(self, file: str) -> str:
        text = self.live(file)
        return "" if text is None else text_version(text)

    def check(self, texts: Mapping[str, str]) -> dict[str, Any]:
        if not self._checks.acquire(blocking=False):
            raise Problem("busy", f"{_CHECKS} checks run already")
        try:
            checked = self.flows.reloader.rehearse(texts)
        finally:
            self._checks.release()
        held = {name: one for name, one in checked.held.items() if name not in self.flows.reloader.standing.held}
        findings = [*checked.issues, *(issue for one in held.values() for issue in one.issues)]
        return {
            "good": not held and not any(issue.severity == "error" for issue in checked.issues),
            "held_back": sorted(held),
            "findings": [issue.as_dict() for issue in dict.fromkeys(findings)],
            "versions": dict(sorted(checked.disk.items())),
            "tests_run": checked.tests_run,
        }

    def put_live(self, texts: Mapping[str, str | None], author: str, seen: Mapping[str, str] | None = None) -> None:
        """``texts``: None takes the file away. ``seen``: file -> version of its text that is to be there still (empty:
        none). Raises Problem (stale)."""
        self.flows.reloader.put_live(texts, author, lambda: self._need_still(seen or {}))

    def _need_still(self, seen: Mapping[str, str]) -> None:
        for file, version in seen.items():
            if self.live_version(file) != version:
                raise Problem("stale", f"{file} has changed meanwhile")

    def draft(self, file: str, version: str) -> Draft:
        """The draft of that version, if it was begun on what is live. Raises Problem: not-found, stale."""
        found = self.drafts.find(file)
        if found is None:
            raise Problem("not-found", f"there is no draft of {file[:80]!r}")
        if found.version != version:
            raise Problem("stale", f"the draft of {file} is version {found.version[:12]}")
        if self.live_version(file) not in (found.base, found.version):
            raise Problem("stale", f"{file} has changed since its draft was begun; upload it again")
        return found


class FlowCheck:
    """``POST /v1/flows/check`` ``{"files": {"hotline.yaml": "…"}}``: as if the folder had these files beside, or in the
    place of, those that are there; tests are run and prompts are tried. Nothing is kept."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body = json_body(req, limit=BODY_MAX)
        only(body, "files")
        texts = texts_of(body.get("files"))
        resp.media = self._once.do(req, body, lambda: self._files.check(texts))


class FlowDraftList:
    """``GET /v1/flows/drafts``: what was uploaded and is not live."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, self._files.drafts.all(), lambda one: one.file)
        resp.media = {"items": [draft_json(one) for one in found], "next": following}

    on_head = on_get


class FlowActivate:
    """``POST /v1/flows/activate`` ``{"drafts": {"hotline.yaml": "<version>"}}``: these drafts, of these versions, as
    one set: checked, proven and tested beside what is live, written and met by the next call; or none, and 422 with
    what is wrong. ``entries``: a new entry table in the same set (its ``version`` the one that is replaced), such as
    one with ``canary: {version: new, percent: 10}`` for a share of the callers."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        body, access = json_body(req, limit=BODY_MAX), access_of(req)
        only(body, "drafts", "entries")
        wanted, entries = body.get("drafts"), body.get("entries")
        if not isinstance(wanted, dict) or not 1 <= len(wanted) <= FILES_MAX:
            raise Problem("bad-request", f"drafts is an object of 1 to {FILES_MAX}: file -> version of its draft")
        if not all(isinstance(version, str) for version in wanted.values()):
            raise Problem("bad-request", "the version of a draft is a text")
        texts = _entry_text(entries) if entries is not None else {}
        if texts or ENTRY in wanted:
            access.require(Permission.ENTRIES_EDIT, GLOBAL, f"entries:{ENTRY}")
        deed = access.deed(Permission.FLOWS_ACTIVATE)

        def activate() -> dict[str, Any]:
            seen = {ENTRY: entries.get("version", "")} if entries is not None else {}
            for file, version in wanted.items():
                texts[file], seen[file] = self._files.draft(file, version).text, self._files.live_version(file)
            self._files.put_live(texts, access.principal.name, seen)
            self._files.drafts.drop(wanted, deed, done="activate")
            flows = {file.removesuffix(".yaml") for file in wanted}
            return {"items": [one for one in self._files.flows.all() if one["flow"] in flows]}

        resp.media = self._once.do(req, body, activate)


class FlowRollback:
    """``POST /v1/flows/{flow}/rollback`` ``{"version": "…"}``: new calls meet an earlier version, until the file is
    changed again. ``version``: of the history, or the beginning of it, 6 characters or more."""

    def __init__(self, files: FlowFiles) -> None:
        self._files = files
        self._once: Once[dict[str, Any]] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, flow: str) -> None:
        body, access = json_body(req), access_of(req)
        only(body, "version")
        wanted = text_field(body, "version", limit=80)
        if len(wanted) < 6:
            raise Problem("bad-request", "version has 6 characters or more")
        resp.media = self._once.do(req, body, lambda: self._back(flow, wanted, access.principal.name))
        access.note(Permission.FLOWS_ACTIVATE, f"flow:{flow}", allowed=True, reason=f"rollback to {wanted[:12]}")

    def _back(self, flow: str, wanted: str, author: str) -> dict[str, Any]:
        flows = self._files.flows
        found = flows.history.find(flow, wanted)
        if len(found) != 1:
            raise Problem("unknown-version", f"{len(found) or 'no'} versions of {flow[:64]!r} begin with {wanted!r}")
        line = Activation(flow, found[0].version, self._files.services.clock.now(), author, Origin.ROLLBACK)
        flows.history.write([], [line])
        attempt = flows.reloader.attempt()
        shown = next((one for one in flows.all() if one["flow"] == flow), None)
        if shown is None or shown["version"] != found[0].version:
            raise FlowsRefused(list(attempt.issues))
        return shown


def texts_of(files: Any) -> dict[str, str]:
    """Raises Problem."""
    if not isinstance(files, dict) or not 1 <= len(files) <= FILES_MAX:
        raise Problem("bad-request", f"files is an object of 1 to {FILES_MAX}: file -> text")
    for file, text in files.items():
        if not FILE.fullmatch(file):
            raise Problem("bad-request", f"{file[:80]!r} is no name of a file of flows: NAME.yaml, calendars/NAME.yaml")
        file_text(files, file, limit=TEXT_MAX, default="" if text == "" else None)
    return files


def _entry_text(entries: Any) -> dict[str, str]:
    if not isinstance(entries, dict):
        raise Problem("bad-request", "entries is an object: text, and version of the table that it replaces")
    only(entries, "text", "version")
    text_field(entries, "version", limit=80, default="")
    return {ENTRY: file_text(entries, "text", limit=TEXT_MAX)}
