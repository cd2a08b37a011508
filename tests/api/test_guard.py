"""What keeps a route that somebody adds in a hurry from being open."""

from __future__ import annotations

from typing import Any

import falcon
import pytest
from falcon import testing

from cti.api import rules
from cti.api.guard import access_of, require_rules
from cti.api.rules import RULES, Check, Rule
from cti.core.access import Permission, ResourceScope
from cti.core.access.rate import REQUESTS, SMALL_CHANGE
from tests.api.site import Platform

HASTY = "/v1/hasty/{thing}"


class Hasty:
    """Answers, however it may, without asking."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, thing: str) -> None:
        if thing == "asks":
            access_of(req).require(Permission.CALLS_READ, ResourceScope.of(team="north"), f"thing:{thing}")
        elif thing == "fails":
            raise falcon.HTTPConflict(description="taken")
        match thing:
            case "text":
                resp.text = "secret"
            case "data":
                resp.data = b"secret"
            case "stream":
                resp.stream = [b"secret"]  # type: ignore[assignment]
            case _:
                resp.media = {"thing": "secret"}


@pytest.fixture
def client(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> testing.TestClient:
    monkeypatch.setattr(rules, "RULES", {**RULES, HASTY: {"GET": Rule(Check.OBJECT, Permission.CALLS_READ)}})
    app = Platform(platform.office).app
    app.add_route(HASTY, Hasty())
    return testing.TestClient(app, headers={"Authorization": f"Bearer {platform.token('lead')}"})


@pytest.mark.parametrize("thing", ["text", "data", "stream", "media"])
def test_who_answers_without_deciding_answers_nothing(client: testing.TestClient, thing: str) -> None:
    answer = client.simulate_get(f"/v1/hasty/{thing}")
    assert (answer.status_code, answer.json["error_id"]) == (500, "internal-error")
    assert "secret" not in answer.text


def test_who_decides_or_refuses_is_heard(client: testing.TestClient) -> None:
    assert client.simulate_get("/v1/hasty/asks").json == {"thing": "secret"}
    assert client.simulate_get("/v1/hasty/fails").status_code == 409


class Bare:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.text = "secret"

    def on_post(self, req: Any, resp: Any) -> None:
        resp.text = "secret"


def test_a_route_without_a_rule_keeps_the_api_from_starting_and_is_refused(platform: Platform) -> None:
    app = Platform(platform.office).app
    app.add_route("/v1/bare", Bare())
    with pytest.raises(LookupError, match=r"GET /v1/bare, POST /v1/bare"):
        require_rules(app)
    client = testing.TestClient(app, headers={"Authorization": f"Bearer {platform.token('root')}"})
    answer = client.simulate_post("/v1/bare")
    assert (answer.status_code, "secret" in answer.text) == (403, False)


def test_an_account_is_held_back_alone_and_told_how_long(fresh: Platform) -> None:
    client = fresh.client("lead")
    most = int(SMALL_CHANGE.burst + REQUESTS.burst)
    answers = [client.simulate_get("/v1/roles").status_code for _ in range(most + 1)]
    assert answers == [200] * most + [429]
    refused = client.simulate_get("/v1/roles")
    assert (refused.json["error_id"], refused.headers["retry-after"]) == ("too-many-requests", "1")
    assert fresh.client("anna").simulate_get("/v1/roles").status_code == 200
    fresh.office.clock.move(1)
    assert client.simulate_get("/v1/roles").status_code == 200
