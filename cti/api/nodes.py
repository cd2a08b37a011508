"""``/v1/nodes``: the processes of a cluster, and their draining before maintenance. No personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.api.bodies import json_body, only, text_field
from cti.api.guard import access_of
from cti.api.paging import PAGED, known_only, page_of
from cti.api.problems import Problem
from cti.core.access import Permission

if TYPE_CHECKING:
    import falcon

    from cti.runtime.cluster.nodes import Nodes

NODE_MAX, PROCESS_MAX, REASON_MAX = 80, 20, 200


class NodeList:
    """``GET /v1/nodes``: every process by its address, and how it is. Empty without a cluster."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, self._nodes.list_nodes(), lambda one: one.member.address)
        resp.media = {"items": [one.as_json() for one in found], "next": following}

    on_head = on_get


class NodeDraining:
    """``PUT /v1/nodes/{node}/draining``: a node, or one process of it (``process``: its slot, acd, api). Holds until it
    is told otherwise, over restarts. Audited."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def on_put(self, req: falcon.Request, resp: falcon.Response, node: str) -> None:
        known_only(req, ())
        body, access = json_body(req), access_of(req)
        only(body, "draining", "process", "reason")
        draining = body.get("draining")
        if not isinstance(draining, bool):
            raise Problem("bad-request", "draining must be true or false")
        process = text_field(body, "process", limit=PROCESS_MAX) if body.get("process") is not None else ""
        reason = text_field(body, "reason", limit=REASON_MAX).strip() if body.get("reason") is not None else ""
        target = f"{node}/{process}" if process else node
        if len(node) > NODE_MAX:
            raise Problem("unknown-node", f"there is no node {node[:NODE_MAX]!r}")
        deed = access.services.accounts.deed(access.principal, Permission.NODES_DRAIN, reason)
        reached = self._nodes.drain(target, draining, deed)
        resp.media = {"target": target, "draining": draining, "addresses": reached}
