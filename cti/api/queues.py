"""``/v1/queues``: live figures, and closing and opening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cti.acd.inputs import OpenQueue
from cti.api.bodies import json_body, only
from cti.api.guard import access_of
from cti.api.paging import PAGED, known_only, page_of
from cti.api.problems import Problem
from cti.core.access import Permission, ResourceScope

if TYPE_CHECKING:
    import falcon

    from cti.acd.cases import Queue as Line
    from cti.runtime.floor import Floor


class Queues:
    """``GET /v1/queues``: how many wait, the longest and the expected wait, who is there, the service level."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        what = access_of(req).visible(Permission.QUEUES_READ)
        queues = self._floor.owner.acd.floor.queues
        shown = [name for name in queues if what.shows(ResourceScope.of(queue=name))]
        found, following = page_of(req, shown, str)
        resp.media = {"items": [self._floor.views.queue(queues[name]) for name in found], "next": following}

    on_head = on_get


class Queue:
    """``GET /v1/queues/{queue}``, with its dispositions; ``PATCH`` with ``opened``: a closed queue takes nobody, who
    waits is still served."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def on_get(self, req: falcon.Request, resp: falcon.Response, queue: str) -> None:
        known_only(req, ())
        access_of(req).require(Permission.QUEUES_READ, ResourceScope.of(queue=queue), f"queue:{queue[:64]}")
        resp.media = self._shown(self._find(queue))

    on_head = on_get

    def on_patch(self, req: falcon.Request, resp: falcon.Response, queue: str) -> None:
        body = json_body(req)
        only(body, "opened")
        access = access_of(req)
        access.require(Permission.QUEUES_CONTROL, ResourceScope.of(queue=queue), f"queue:{queue[:64]}")
        found, opened = self._find(queue), body.get("opened")
        if not isinstance(opened, bool):
            raise Problem("bad-request", "opened must be true or false")
        self._floor.owner.ask(OpenQueue(queue, opened))
        self._floor.publisher.touch()
        access.note(Permission.QUEUES_CONTROL, f"queue:{queue}", allowed=True, reason="opened" if opened else "closed")
        resp.media = self._shown(found)

    def _shown(self, queue: Line) -> dict[str, Any]:
        known = self._floor.wrapups.dispositions(queue.config.name)
        return {
            **self._floor.views.queue(queue),
            "dispositions": known.listed(),
            "disposition_required": known.required,
        }

    def _find(self, queue: str) -> Line:
        found = self._floor.owner.acd.floor.queues.get(queue)
        if found is None:
            raise Problem("not-found", f"no queue {queue[:64]!r}")
        return found
