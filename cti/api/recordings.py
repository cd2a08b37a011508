"""``/v1/recordings``: what was recorded; listening to it, holding it, deleting it. Each of these is audited.

A recording belongs to the teams whose agents talk in it, and to its queue; another team's is not there.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import falcon

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.paging import PAGED, by_time, choice_of, flag_of, iso, known_only, limit_of, page_of, time_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope
from cti.core.access.policy import needs_reason
from cti.core.recordings import Mark, Recording, RecordingKind
from cti.store.reader import make_cursor, parse_cursor
from cti.store.recording_rows import RecordingFilter

if TYPE_CHECKING:
    from cti.api.guard import Access
    from cti.ports import Store
    from cti.runtime.account_services import AccountServices
    from cti.runtime.recordings.shelf import Opened, Shelf

REASON_MAX = 200
FILTERS = ("limit", "before", "queue", "agent", "kind", "call_id", "since", "until", "deleted")
#: One listener's requests for parts of one recording are one listening, which is one line of the audit.
LISTENING_S = 300.0
_LISTENERS_MAX = 10_000
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def recording_json(one: Recording) -> dict[str, Any]:
    return {
        "recording_id": one.recording_id,
        "call_id": one.call_id,
        "kind": one.kind.value,
        "state": one.state.value,
        "queue": one.queue or None,
        "agents": [{"agent": agent, "team": team or None} for agent, team in one.agents],
        "node": one.node,
        "started_at": iso(one.started_at),
        "ended_at": iso(one.ended_at),
        "length_s": one.length_s,
        "size": one.size,
        "digest": one.digest or None,
        "key_id": one.key_id or None,
        "until": iso(one.until),
        "held": _mark(one.held),
        "deleted": _mark(one.deleted),
        "masked": [[iso(moment) for moment in span] for span in one.masked],
        "paused": [[iso(moment) for moment in span] for span in one.paused],
        "pages": one.pages,
        "error": one.error,
    }


def _mark(mark: Mark | None) -> dict[str, Any] | None:
    return None if mark is None else {"at": iso(mark.at), "by": mark.by, "reason": mark.reason}


@dataclass(slots=True)
class Archive:
    """What the resources share. ``listening``: (user, recording) -> until when it is the same listening."""

    services: AccountServices
    shelf: Shelf
    listening: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def get(self, access: Access, permission: Permission, recording_id: str) -> Recording:
        """Raises Problem: not-found, forbidden, unknown-recording."""
        one = self.shelf.store.find(recording_id)
        access.require(permission, one.scope if one is not None else ResourceScope(), f"recording:{recording_id}")
        if one is None:
            raise Problem("unknown-recording", f"no recording {recording_id!r}")
        return one

    def note_listening(self, access: Access, one: Recording, reason: str) -> None:
        key, now = (access.principal.user_id, one.recording_id), self.services.clock.monotonic()
        if self.listening.get(key, 0.0) < now:
            access.note(Permission.RECORDINGS_LISTEN, f"recording:{one.recording_id}", allowed=True, reason=reason)
        self.listening[key] = now + LISTENING_S
        self.listening.move_to_end(key)
        while len(self.listening) > _LISTENERS_MAX:
            self.listening.popitem(last=False)


class RecordingsOfCall:
    """``GET /v1/calls/{call_id}/recordings``: in the order in which they began; those that whoever asks may see."""

    def __init__(self, archive: Archive, store: Store) -> None:
        self._archive, self._store = archive, store

    def on_get(self, req: falcon.Request, resp: falcon.Response, call_id: str) -> None:
        known_only(req, PAGED)
        access = access_of(req)
        what = access.visible(Permission.RECORDINGS_READ)
        found = [one for one in self._archive.shelf.store.of_call(call_id) if what.shows(one.scope)]
        if not found and not (what.everything and self._store.find_call(call_id) is not None):
            raise Problem("not-found", f"no call {call_id!r} with recordings")
        some, following = page_of(req, found, lambda one: by_time(one.started_at, one.recording_id))
        resp.media = {"items": [recording_json(one) for one in some], "next": following}

    on_head = on_get


class RecordingList:
    """``GET /v1/recordings?queue=&agent=&kind=&call_id=&since=&until=&deleted=&limit=&before=``: the newest first, of
    those that whoever asks may see. ``since``, ``until``: when they began."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, FILTERS)
        limit, before = limit_of(req), req.get_param("before")
        kind = choice_of(req, "kind", RecordingKind)
        where = RecordingFilter(
            call_id=req.get_param("call_id"),
            kind=None if kind is None else RecordingKind(kind),
            queue=req.get_param("queue"),
            agent=req.get_param("agent"),
            since=time_of(req, "since"),
            until=time_of(req, "until"),
            deleted=flag_of(req, "deleted"),
            what=access_of(req).visible(Permission.RECORDINGS_READ),
        )
        place = None if before is None else parse_cursor(before)
        found = self._archive.shelf.store.search(limit=limit, before=place, where=where)
        resp.media = {
            "items": [recording_json(one) for one in found],
            "next": make_cursor(found[-1].started_at, found[-1].recording_id) if len(found) == limit else None,
        }

    on_head = on_get


class RecordingResource:
    """``GET``: what is known of it. ``DELETE``: for good, with ``?reason=``; that it was there stays on record."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def on_get(self, req: falcon.Request, resp: falcon.Response, recording_id: str) -> None:
        known_only(req, ())
        resp.media = recording_json(self._archive.get(access_of(req), Permission.RECORDINGS_READ, recording_id))

    on_head = on_get

    def on_delete(self, req: falcon.Request, resp: falcon.Response, recording_id: str) -> None:
        known_only(req, ("reason",))
        access = access_of(req)
        self._archive.get(access, Permission.RECORDINGS_DELETE, recording_id)
        reason = _reason(req, access, Permission.RECORDINGS_DELETE)
        deed = self._archive.services.accounts.deed(access.principal, Permission.RECORDINGS_DELETE, reason)
        self._archive.shelf.delete(recording_id, deed)
        resp.status = falcon.HTTP_204


class RecordingHold:
    """``PUT``: ``{"held": true, "reason": "case 12/2026"}``. A recording that is held is not deleted, by nobody."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def on_put(self, req: falcon.Request, resp: falcon.Response, recording_id: str) -> None:
        body = json_body(req)
        only(body, "held", "reason")
        access = access_of(req)
        self._archive.get(access, Permission.RECORDINGS_HOLD, recording_id)
        held, reason = body.get("held"), text_field(body, "reason", limit=REASON_MAX)
        if not isinstance(held, bool) or not reason.strip():
            raise Problem("bad-request", "give held (true or false) and a reason")
        deed = self._archive.services.accounts.deed(access.principal, Permission.RECORDINGS_HOLD, reason)
        resp.media = recording_json(self._archive.shelf.store.hold(recording_id, held, deed))


class RecordingAudio:
    """The sound (WAV) as a stream, whole or in parts (``Range``). Each listening is audited, with ``?reason=`` where
    the role needs one."""

    media, kinds = "audio/wav", frozenset(RecordingKind) - {RecordingKind.FAX}

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def on_get(self, req: falcon.Request, resp: falcon.Response, recording_id: str) -> None:
        known_only(req, ("reason",))
        access, archive = access_of(req), self._archive
        one = archive.get(access, Permission.RECORDINGS_LISTEN, recording_id)
        reason = _reason(req, access, Permission.RECORDINGS_LISTEN)
        if one.kind not in self.kinds:
            raise Problem("recording-missing", f"recording {recording_id!r} has no {self.media}: it is a {one.kind}")
        stream(req, resp, archive.shelf, one, self.media, lambda: archive.note_listening(access, one, reason))


class RecordingPages(RecordingAudio):
    """The pages of a fax (TIFF), as the sound of a talk."""

    media, kinds = "image/tiff", frozenset({RecordingKind.FAX})


def stream(
    req: falcon.Request, resp: falcon.Response, shelf: Shelf, one: Recording, media: str, note: Callable[[], None]
) -> None:
    """The content, whole or in parts; ``note`` is called when it is sure to be given."""
    opened = shelf.open(one)
    try:
        start, stop = _range(req, opened.size)
        parts = opened.part(start, stop)
        first = next(parts, b"")  # a file that does not open is told now, not in the middle of an answer
        note()
    except BaseException:
        opened.close()
        raise
    if (start, stop) != (0, opened.size):
        resp.status = falcon.HTTP_206
        resp.set_header("Content-Range", f"bytes {start}-{stop - 1}/{opened.size}")
    resp.content_type, resp.content_length = media, stop - start
    resp.set_headers({"Accept-Ranges": "bytes", "Cache-Control": "no-store", "ETag": f'"{one.digest}"'})
    resp.stream = _Stream(opened, first, parts)


class _Stream:
    """What the server reads, and closes at the end or when the listener goes."""

    def __init__(self, opened: Opened, first: bytes, parts: Iterator[bytes]) -> None:
        self._opened, self._first, self._parts = opened, first, parts

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._parts

    def close(self) -> None:
        self._opened.close()


def _reason(req: falcon.Request, access: Access, permission: Permission) -> str:
    """Raises Problem (reason-required): the policy wants one of this role."""
    reason = (req.get_param("reason") or "").strip()
    if len(reason) > REASON_MAX:
        raise Problem("bad-request", f"a reason has {REASON_MAX} characters at most")
    if not reason and needs_reason(permission, access.reason):
        raise Problem("reason-required", "give ?reason=…; it is kept in the audit")
    return reason or access.reason


def _range(req: falcon.Request, size: int) -> tuple[int, int]:
    """[start, stop) of what is asked for; what is no single range of bytes is not heeded (RFC 9110, 14.2). Raises
    Problem (range-not-satisfiable)."""
    named = _RANGE.fullmatch((req.get_header("Range") or "").strip().lower())
    if named is None or named.groups() == ("", ""):
        return 0, size
    first, last = named.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < start:
        return 0, size
    if start >= size:
        raise Problem("range-not-satisfiable", f"there are {size} bytes")
    return start, stop


__all__ = [
    "Archive",
    "RecordingAudio",
    "RecordingHold",
    "RecordingList",
    "RecordingPages",
    "RecordingResource",
    "RecordingsOfCall",
]
