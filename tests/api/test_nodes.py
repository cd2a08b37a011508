"""Processes of a cluster, by the API: who is there, draining, and the audit of it."""

from __future__ import annotations

from cti.ports.cluster import Member
from tests.api.site import Platform


def test_a_node_is_drained_and_taken_back(platform: Platform) -> None:
    cluster = platform.store.accounts.open_cluster()
    for address in ("n1/1", "n1/acd"):
        cluster.join(Member(address, "run-" + address, frozenset({"flow"}), switches=("a",)), 1000.0, take=True)
    found = platform.do("auditor", "GET", "/v1/nodes").json["items"]
    assert found[0] == {
        "address": "n1/1", "node": "n1", "roles": ["flow"], "state": "up", "leads": False,
        "since": "1970-01-01T00:16:40Z", "switches": ["a"], "api": "", "draining": False,
    }  # fmt: skip
    path = "/v1/nodes/n1/draining"
    answer = platform.do("root", "PUT", path, {"draining": True, "process": "acd", "reason": "kernel"})
    assert answer.json == {"target": "n1/acd", "draining": True, "addresses": ["n1/acd"]}
    states = [one["state"] for one in platform.do("root", "GET", "/v1/nodes").json["items"]]
    assert states == ["up", "draining"]
    assert platform.do("root", "PUT", path, {"draining": True}).json["addresses"] == ["n1/1", "n1/acd"]
    assert platform.do("root", "PUT", path, {"draining": False}).status_code == 200
    assert cluster.drains() == ["n1/acd"]
    line = platform.store.accounts.audit.lines(limit=3)[2]
    assert (line.action, line.target, line.permission, line.reason) == (
        "node.drain", "node:n1/acd", "nodes.drain", "kernel",
    )  # fmt: skip
    answer = platform.do("root", "PUT", "/v1/nodes/n9/draining", {"draining": True})
    assert (answer.status_code, answer.json["error_id"]) == (404, "unknown-node")
    assert platform.do("root", "PUT", path, {"draining": 1}).status_code == 400
    cluster.close()
