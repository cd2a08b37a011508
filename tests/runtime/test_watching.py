"""A process that serves no clients tells how it is, and carries calls though its address is somebody else's."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import falcon.testing
import gevent
import pytest
from gevent.socket import create_connection

from cti.api.watching import create_watch
from cti.app import flow_watch
from cti.app.flow_watch import FlowWatch
from cti.config import FigureSettings
from cti.runtime.engine import Figures
from tests.boss.rig import until


class Vitals:
    state = "up"

    def figures(self) -> Figures:
        return Figures(0, 0, {}, 0, 0)

    def switches(self) -> dict[str, str]:
        return {"fs": self.state}

    def overloads(self) -> dict[tuple[str, str], bool]:
        return {}


def store() -> Any:
    health = dict.fromkeys(("queued", "spilled", "written", "rejected", "lost"), 0)
    return SimpleNamespace(health=lambda: SimpleNamespace(healthy=True, error="", **health))


def test_a_leader_that_is_away_is_told_and_a_switch_that_is_away_makes_it_ill() -> None:
    vitals, leads = Vitals(), [True]
    client = falcon.testing.TestClient(create_watch(vitals, store(), lambda: leads[0]))
    assert client.simulate_get("/healthz").json["leader"] is True
    assert "cti_cluster_leader_seen 1.0" in client.simulate_get("/metrics").text
    leads[0] = False
    found = client.simulate_get("/healthz")
    assert (found.status_code, found.json["leader"]) == (200, False)
    assert "cti_cluster_leader_seen 0.0" in client.simulate_get("/metrics").text
    vitals.state = "refused"
    assert client.simulate_get("/healthz").status_code == 503
    assert client.simulate_get("/v1/calls").json["error_id"] == "not-found"


def test_an_address_that_somebody_has_is_tried_again(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(flow_watch, "AGAIN_S", 0.01)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = SimpleNamespace(figures=FigureSettings(port=port), node="n", worker=SimpleNamespace(slot=0))
        any_: Any = SimpleNamespace(
            settings=settings,
            store=store(),
            office=None,
            reloader=None,
            overload=None,
            switches={},
            leader=lambda: None,
        )
        watch = FlowWatch(any_, any_, any_)
        trying = gevent.spawn(watch.run)
        until(lambda: "nobody can watch this process" in caplog.text)
    trying.join(timeout=30)
    try:
        create_connection(("127.0.0.1", port), timeout=30).close()
    finally:
        watch.stop()
