"""Orders of other systems by the API: placed once, listed without what was ordered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cti.api.order_metrics import OrderCollector
from tests.api.site import Platform

ORDER = {"key": "crm-1", "kind": "callback", "fields": {"number": "13800000001", "queue": "service"}}


def place(platform: Platform, **more: Any) -> Any:
    return platform.do("crm1", "POST", "/v1/orders", {**ORDER, **more})


def test_an_order_is_answered_and_the_same_key_gets_the_first_answer(platform: Platform) -> None:
    first = place(platform)
    assert (first.status_code, first.json) == (200, {"state": "accepted", "order_id": "o-crm-1", "code": None})
    assert place(platform).json == first.json
    refused = place(platform, key="crm-2", fields={"number": "999"}).json
    assert refused == {"state": "rejected", "order_id": None, "code": "destination-denied"}
    told = platform.do("auditor", "GET", "/v1/orders?source=api:crm1&limit=1")
    (newest,) = told.json["items"]
    assert (newest["key"], newest["state"], newest["code"], newest["kind"]) == (
        "crm-2",
        "rejected",
        "destination-denied",
        "callback",
    )
    after = platform.do("auditor", "GET", f"/v1/orders?source=api:crm1&limit=1&after={told.json['next']}").json
    assert [item["key"] for item in after["items"]] == ["crm-1"]
    assert platform.do("auditor", "GET", "/v1/orders?source=api:crm1&state=accepted").json["items"] == after["items"]
    assert "13800000001" not in told.text + str(after)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "fax"}, 400),
        ({"key": ""}, 400),
        ({"key": "k" * 201}, 400),
        ({"fields": []}, 400),
        ({"fields": {"number": 5}}, 400),
        ({"fields": {str(n): "x" for n in range(101)}}, 400),
        ({"colour": "red"}, 400),
        ({"key": "away", "fields": {"number": "away"}}, 503),
    ],
)
def test_what_cannot_be_taken(platform: Platform, body: dict[str, Any], status: int) -> None:
    assert place(platform, **body).status_code == status


@pytest.mark.parametrize("query", ["state=lost", "kind=fax", "after=x", "after=1~", "colour=red", "limit=0"])
def test_questions_that_cannot_be_answered(platform: Platform, query: str) -> None:
    assert platform.do("auditor", "GET", f"/v1/orders?{query}").status_code == 400


def test_the_sources(platform: Platform) -> None:
    assert platform.do("auditor", "GET", "/v1/orders/sources").json == {"items": [], "next": None}


def test_orders_by_http_stand_in_the_metrics_under_who_placed_them(platform: Platform) -> None:
    keeper: Any = SimpleNamespace(deleted=3)

    def told() -> dict[tuple[str, ...], float]:
        metrics = OrderCollector(platform.orders, keeper).collect()
        return {(one.name, *one.labels.values()): one.value for metric in metrics for one in metric.samples}

    accepted = ("cti_orders_accepted_total", "api:crm1")
    denied = ("cti_orders_rejected_total", "api:crm1", "destination-denied")
    before = told()
    place(platform)
    place(platform, key="crm-2", fields={"number": "999"})
    assert {name: count - before.get(name, 0) for name, count in told().items()} == {
        accepted: 1, denied: 1, ("cti_orders_deleted_total",): 0
    }  # fmt: skip
