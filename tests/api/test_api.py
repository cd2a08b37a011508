"""The API over a store and an engine that only hold what the test put there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import falcon
import pytest
from falcon import testing

from cti.api.app import create_app
from cti.api.problems import KINDS
from cti.core.errors import CtiError, StoreUnavailable, SwitchUnavailable
from cti.core.records import CallDetail, CallFilter, CallRow, LegRow, StoreHealth, VisitRow
from cti.core.script import Hear, Press, Step
from cti.runtime.engine import Figures
from cti.store.sealing import UnknownKey
from tests.api.site import Platform

ROW = CallRow(
    "c-1", "fs1", "voice", "4001", "138****0000", "B*", "main", "hotline", "abc", "zh-CN",
    started_at=1_772_416_800.0, answered_at=1_772_416_800.5, ended_at=1_772_416_812.25,
    terminal_cause="caller_hangup", hangup_cause="NORMAL_CLEARING", goals=("balance",), cursor="k1",
)  # fmt: skip


@dataclass
class Records:
    rows: list[CallRow] = field(default_factory=lambda: [ROW])
    asked: list[tuple[int, str | None, CallFilter | None]] = field(default_factory=list)
    healthy: bool = True
    fails: CtiError | None = None

    def list_calls(
        self, *, limit: int, before: str | None = None, where: CallFilter | None = None, unmask: bool = False
    ) -> list[CallRow]:
        assert not unmask
        if self.fails:
            raise self.fails
        self.asked.append((limit, before, where))
        return self.rows[:limit]

    def find_call(self, call_id: str, *, unmask: bool = False) -> CallDetail | None:
        if call_id != "c-1":
            return None
        leg = LegRow("c-1", "caller", "fs1", "138****0000", 1_772_416_800.0, None, "")
        visit = VisitRow("hotline", "main", "menu", 1, 1_772_416_801.0, 1_772_416_803.0, "tell", "1")
        return CallDetail(ROW, (leg,), (visit,))

    def health(self) -> StoreHealth:
        return StoreHealth(self.healthy, 2, 0, 10, 0, 0, 0, "" if self.healthy else "database is locked")


@dataclass
class Engine:
    state: str = "up"

    def figures(self) -> Figures:
        return Figures(3, 7, {"caller_hangup": 4}, 1, 0)

    def switches(self) -> dict[str, str]:
        return {"fs1": self.state}

    def overloads(self) -> dict[tuple[str, str], bool]:
        return {("cpu", ""): False}


@dataclass
class Sandbox:
    placed: list[tuple[str, str, list[Step]]] = field(default_factory=list)
    fails: Exception | None = None

    def place(self, caller: str, called: str, script: list[Step]) -> str:
        if self.fails:
            raise self.fails
        self.placed.append((caller, called, script))
        return f"c-{len(self.placed)}"


@dataclass
class Site:
    platform: Platform
    records: Records = field(default_factory=Records)
    engine: Engine = field(default_factory=Engine)
    sandbox: Sandbox = field(default_factory=Sandbox)

    @property
    def client(self) -> testing.TestClient:
        if not hasattr(self, "_client"):
            app = create_app(self.records, self.engine, self.platform.services, sandbox=self.sandbox)  # type: ignore[arg-type]
            token = self.platform.token("root")
            self._client = testing.TestClient(app, headers={"Authorization": f"Bearer {token}"})
        return self._client


@pytest.fixture
def site(platform: Platform) -> Site:
    return Site(platform)


def test_calls_are_listed_with_times_as_text_and_no_internal_field(site: Site) -> None:
    answer = site.client.simulate_get("/v1/calls", params={"limit": "1", "flow": "hotline"})
    assert answer.status_code == 200
    assert answer.json == {
        "items": [
            {
                "call_id": "c-1", "switch": "fs1", "medium": "voice", "called": "4001", "caller": "138****0000",
                "caller_name": "B*", "entry": "main", "flow": "hotline", "flow_version": "abc", "language": "zh-CN",
                "started_at": "2026-03-02T02:00:00.000+00:00", "answered_at": "2026-03-02T02:00:00.500+00:00",
                "ended_at": "2026-03-02T02:00:12.250+00:00", "terminal_cause": "caller_hangup",
                "hangup_cause": "NORMAL_CLEARING", "outcome": "", "goals": ["balance"], "error": "",
                "duration_s": 12.25,
            }
        ],
        "next": "k1",
    }  # fmt: skip
    assert site.records.asked == [(1, None, CallFilter(flow="hotline"))]


def test_the_last_page_has_no_next(site: Site) -> None:
    assert site.client.simulate_get("/v1/calls").json["next"] is None


def test_one_call_shows_its_legs_and_nodes(site: Site) -> None:
    found = site.client.simulate_get("/v1/calls/c-1").json
    assert [leg["role"] for leg in found["legs"]] == ["caller"]
    assert found["visits"] == [
        {
            "flow": "hotline", "node": "main", "type": "menu", "visit": 1, "exit": "tell", "note": "1",
            "entered_at": "2026-03-02T02:00:01.000+00:00", "left_at": "2026-03-02T02:00:03.000+00:00",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "params", "status", "error_id", "said"),
    [
        ("/v1/calls/nope", {}, 404, "not-found", "no call 'nope'"),
        ("/v1/nothing", {}, 404, "not-found", ""),
        ("/v1/calls", {"limit": "0"}, 400, "bad-request", "limit must be a whole number from 1 to 500, not '0'"),
        ("/v1/calls", {"limit": "٣"}, 400, "bad-request", "limit must be"),
        ("/v1/calls", {"limit": "9" * 5000}, 400, "bad-request", "limit must be"),
        ("/v1/calls", {"calller": "1"}, 400, "bad-request", "did you mean 'caller'?"),
        ("/v1/calls?limit=1&limit=2", {}, 400, "bad-request", "limit is given 2 times"),
        ("/v1/calls", {"since": "yesterday"}, 400, "bad-request", "since must be ISO 8601 with an offset"),
        ("/v1/calls", {"since": "2026-03-02T10:00"}, 400, "bad-request", "with an offset"),
        ("/v1/calls", {"live": "maybe"}, 400, "bad-request", "live must be true or false"),
        ("/v1/calls", {"terminal_cause": "bored"}, 400, "bad-request", "terminal_cause must be one of"),
        ("/problems/nope", {}, 404, "not-found", "no problem 'nope'"),
    ],
)
def test_bad_requests_are_problems(
    site: Site, path: str, params: dict[str, str], status: int, error_id: str, said: str
) -> None:
    answer = site.client.simulate_get(path, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["error_id"] == error_id
    assert answer.json["type"].endswith(f"/problems/{error_id}")
    assert said in answer.json["detail"]


def test_a_wrong_method_says_which_are_right(site: Site) -> None:
    answer = site.client.simulate_delete("/v1/calls")
    assert (answer.status_code, answer.json["error_id"]) == (405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


def test_every_problem_has_a_page(site: Site) -> None:
    for error_id, kind in KINDS.items():
        page = site.client.simulate_get(f"/problems/{error_id}")
        assert page.status_code == 200
        assert kind.remedy in page.text


def test_what_is_sealed_with_a_missing_key_names_it(site: Site) -> None:
    site.records.fails = UnknownKey("k9", "calls/caller")
    answer = site.client.simulate_get("/v1/calls")
    assert (answer.status_code, answer.json["error_id"]) == (500, "key-missing")
    assert "'k9'" in answer.json["detail"]


def test_a_database_that_is_away_is_503_with_retry_after(site: Site) -> None:
    site.records.fails = StoreUnavailable("database is locked")
    answer = site.client.simulate_get("/v1/calls")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json["error_id"] == "store-unavailable"


def test_a_bug_is_500_and_tells_nothing_of_the_inside(site: Site) -> None:
    site.sandbox.fails = ZeroDivisionError("secret detail")
    answer = site.client.simulate_post("/v1/demo/calls", json={})
    assert (answer.status_code, answer.json["error_id"]) == (500, "internal-error")
    assert "secret" not in answer.text


class TestDemoCalls:
    def test_places_a_call(self, site: Site) -> None:
        body = {"called": "4001", "caller": "13800000000", "script": [{"hear": "查话费"}, "1"]}
        answer = site.client.simulate_post("/v1/demo/calls", json=body)
        assert (answer.status_code, answer.headers["location"]) == (201, "/v1/calls/c-1")
        assert site.sandbox.placed == [("13800000000", "4001", [Hear("查话费"), Press("1")])]

    def test_the_same_key_places_one_call(self, site: Site) -> None:
        posts = [
            site.client.simulate_post("/v1/demo/calls", json={"called": called}, headers={"Idempotency-Key": "k"})
            for called in ("4001", "4001", "4002")
        ]
        assert [post.status_code for post in posts] == [201, 201, 409]
        assert posts[0].json == posts[1].json
        assert posts[2].json["error_id"] == "idempotency-conflict"
        assert len(site.sandbox.placed) == 1

    @pytest.mark.parametrize(
        ("body", "status", "error_id"),
        [
            ({"called": "40 01"}, 400, "bad-request"),
            ({"called": 4001}, 400, "bad-request"),
            ({"caller": "${system(id)}"}, 400, "bad-request"),
            ({"caller": "1\nEvent-Name: X"}, 400, "bad-request"),
            ({"scirpt": []}, 400, "bad-request"),
            ({"script": ["x"]}, 422, "bad-script"),
            ([], 400, "bad-request"),
        ],
    )
    def test_refuses_what_it_cannot_do(self, site: Site, body: Any, status: int, error_id: str) -> None:
        answer = site.client.simulate_post("/v1/demo/calls", json=body)
        assert (answer.status_code, answer.json["error_id"]) == (status, error_id)
        assert site.sandbox.placed == []

    def test_refuses_other_bodies(self, site: Site) -> None:
        def post(body: str, media: str) -> tuple[int, str]:
            answer = site.client.simulate_post("/v1/demo/calls", body=body, headers={"Content-Type": media})
            return answer.status_code, answer.json["error_id"]

        assert post("a=1", "application/x-www-form-urlencoded") == (415, "media-type")
        assert post("{", falcon.MEDIA_JSON) == (400, "bad-request")
        assert post("[" * 70_000, falcon.MEDIA_JSON) == (413, "body-too-large")

    def test_a_real_switch_has_no_sandbox(self, site: Site) -> None:
        site.sandbox.fails = CtiError("this is a real switch", code="no-sandbox")
        assert site.client.simulate_post("/v1/demo/calls", json={}).status_code == 409

    def test_a_switch_that_is_away_is_503(self, site: Site) -> None:
        site.sandbox.fails = SwitchUnavailable("link lost")
        assert site.client.simulate_post("/v1/demo/calls", json={}).json["error_id"] == "switch-unavailable"


def test_health_is_503_when_a_part_is_away(site: Site) -> None:
    assert site.client.simulate_get("/healthz").json == {
        "status": "ok",
        "switches": {"fs1": "up"},
        "store": {"healthy": True, "queued": 2, "lost": 0, "error": ""},
        "calls": 3,
    }
    site.engine.state = "refused"
    assert site.client.simulate_get("/healthz").status_code == 503
    site.engine.state, site.records.healthy = "up", False
    assert site.client.simulate_get("/healthz").json["status"] == "degraded"


def test_metrics_are_prometheus_text(site: Site) -> None:
    text = site.client.simulate_get("/metrics").text
    assert "cti_calls_active 3.0" in text
    assert 'cti_calls_ended_total{cause="caller_hangup"} 4.0' in text
    assert 'cti_switch_up{switch="fs1"} 1.0' in text


def test_a_row_that_is_up_has_no_end(site: Site) -> None:
    site.records.rows = [replace(ROW, ended_at=None, terminal_cause=None)]
    item = site.client.simulate_get("/v1/calls").json["items"][0]
    assert (item["ended_at"], item["terminal_cause"], item["duration_s"]) == (None, None, None)
