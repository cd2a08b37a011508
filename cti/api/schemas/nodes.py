"""Processes of a cluster."""

from __future__ import annotations

from cti.api.nodes import PROCESS_MAX, REASON_MAX
from cti.api.schemas.base import (
    PAGES,
    TEXT,
    TIME,
    Operation,
    Schema,
    body,
    listed,
    maybe,
    one_of,
    page,
    ref,
    shape,
    text,
)
from cti.ports.cluster import ROLES

_FLAG: Schema = {"type": "boolean"}

# fmt: off
SCHEMAS: dict[str, Schema] = {
    "Node": shape({
        "address": TEXT, "node": TEXT, "roles": listed(one_of(ROLES)),
        "state": one_of(("up", "draining", "silent", "gone")), "leads": _FLAG, "since": TIME,
        "switches": listed(TEXT), "api": TEXT, "draining": _FLAG,
    }),
    "Draining": shape({"target": TEXT, "draining": _FLAG, "addresses": listed(TEXT)}),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/v1/nodes"): Operation("Processes of the cluster, and how they are", {200: page("Node")}, query=PAGES),
    ("PUT", "/v1/nodes/{node}/draining"): Operation(
        "Have a node, or one process of it, take nothing new; or take it again", {200: ref("Draining")},
        body({"draining": _FLAG}, {"process": maybe(text(PROCESS_MAX, 1)), "reason": maybe(text(REASON_MAX))}),
        errors=("unknown-node",), example={"draining": True, "reason": "new kernel"},
    ),
}
# fmt: on
