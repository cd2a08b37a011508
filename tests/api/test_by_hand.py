"""Parking, picking up, pausing the recording and asking for help, as clients see it."""

from __future__ import annotations

from tests.api.worksite import Client, Site, site
from tests.runtime.platform import uuid_of

__all__ = ["site"]  # a fixture


def parked(client: Client) -> list[str]:
    items = client.do("GET", "/v1/contacts")[1]["items"]
    return [item["contact"] for item in items if item["activity"] == "parked"]


def test_by_hand(site: Site) -> None:
    anna, super_ = site.working("anna", "1003"), site.client("super")
    site.platform.phone("1003", answer_after=0.05)
    site.platform.phone("1004", answer_after=0.05)
    stream, own = super_.stream(), anna.stream()
    caller, contact = site.talking(anna)
    base = f"/v1/me/contacts/{contact}"
    # The recording pauses, and goes on.
    for on in (True, False):
        status, answer = anna.do("POST", f"{base}/pause-recording", {"on": on})
        assert (status, answer["activity"]) == (200, "talking"), answer
    status, answer = anna.do("POST", f"{base}/mute", {"on": True})
    assert (status, answer["muted"]) == (200, True)
    # Help: the supervisor sees it, live and in the contact.
    status, answer = anna.do("POST", f"{base}/assist", {"on": True, "note": "wants the manager"})
    assert (status, answer["assist"]["note"]) == (200, "wants the manager")
    assert super_.do("GET", f"/v1/contacts/{contact}")[1]["assist"]["supervisors"] == []
    site.until(lambda: "contact.assist" in stream.types, "the supervisor is told")
    assert anna.do("POST", f"{base}/assist", {"on": False})[1]["assist"] is None
    # Parked: gone from anna, to be seen and picked up by the colleague of her team.
    bert = site.working("bert", "1004")
    bert.do("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "study"})
    assert bert.do("POST", f"/v1/contacts/{contact}/pick-up")[1]["error_id"] == "not-waiting"
    status, done = anna.do("POST", f"{base}/park")
    assert (status, done["activity"]) == (200, "work"), done
    [again] = parked(bert)
    assert parked(super_) == [again]
    site.until(lambda: "contact.parked" in own.types, "who parked it is told as what")
    assert own.events[own.types.index("contact.parked")]["data"]["contact"] == again
    assert bert.do("GET", f"/v1/contacts/{again}")[0] == 404, "what is known of the caller is for who has the contact"
    status, mine = bert.do("POST", f"/v1/contacts/{again}/pick-up", Idempotency_Key="p1")
    assert (status, mine["agent"], mine["state"]) == (200, "a-bert", "RESERVED"), mine
    site.until(lambda: bert.do("GET", f"/v1/contacts/{again}")[1].get("activity") == "talking", "bert has the caller")
    assert bert.do("POST", f"/v1/me/contacts/{again}/hangup")[0] == 200
    assert uuid_of(caller) == contact
    site.platform.over(caller)
