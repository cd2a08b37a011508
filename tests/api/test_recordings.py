"""Recordings by the API: who sees which, listening in parts, holds, deletion, and what the audit says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.core.commands import EnterQueue
from cti.core.moments import iso
from cti.core.people import AgentProfile
from cti.core.recordings import RecordingKind
from cti.runtime.queues import Entrant
from cti.store.audit import AuditFilter
from tests.api.recordsite import NOW, Studio, sound
from tests.api.site import Platform, staffed_office

SOUND = sound(10.0)  # 160,044 bytes: three chunks


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    office = staffed_office(tmp_path)
    yield Platform(office)
    office.close()


@pytest.fixture
def studio(platform: Platform) -> Studio:
    return Studio(platform.office, platform.shelf)


def told(platform: Platform) -> list[tuple[str, bool, str]]:
    """Of listening, the newest first: who, whether it was allowed, why."""
    lines = platform.store.accounts.audit.lines(limit=50, where=AuditFilter(permission="recordings.listen"))
    return [(line.author.name, line.allowed, line.reason) for line in lines]


def test_a_recording_is_its_teams_and_its_queues_and_of_nobody_else(platform: Platform, studio: Studio) -> None:
    north = studio.recorded("c-north", SOUND, queue="service", agents="1001:north").recording_id
    south = studio.recorded("c-south", SOUND, queue="service", agents="1002:south").recording_id
    for path in (f"/v1/recordings/{south}", f"/v1/recordings/{south}/audio", "/v1/calls/c-south/recordings"):
        hidden, absent = platform.do("lead", "GET", path), platform.do("lead", "GET", path.replace("south", "other"))
        assert (hidden.status_code, hidden.json["error_id"]) == (404, absent.json["error_id"]) == (404, "not-found")
    found = platform.do("lead", "GET", "/v1/calls/c-north/recordings").json["items"]
    assert [one["recording_id"] for one in found] == [north]
    assert platform.do("lead", "GET", f"/v1/recordings/{north}").json["agents"] == [{"agent": "1001", "team": "north"}]
    for path in (f"/v1/recordings/{south}", f"/v1/recordings/{north}"):
        assert platform.do("anna", "GET", path).status_code == 403
        assert platform.do("auditor", "GET", path).status_code == 200
    assert platform.do("auditor", "GET", "/v1/calls/c-nobodys/recordings").json == {"items": [], "next": None}
    assert platform.do("auditor", "GET", "/v1/calls/nope/recordings").status_code == 404


def test_a_list_is_narrowed_and_shows_what_may_be_seen(platform: Platform, studio: Studio) -> None:
    made = []
    for number in range(4):
        of = {"queue": ("service", "sales")[number % 2], "agents": ("1001:north", "1002:south")[number // 2]}
        kind = RecordingKind.VOICEMAIL if number == 3 else RecordingKind.TALK
        made.append(studio.recorded("c-north", sound(0.1), kind, **of).recording_id)
        platform.office.clock.move(60)

    def shown(who: str, query: str = "") -> list[int]:
        answer = platform.client(who).simulate_get("/v1/recordings", query_string=query)
        assert answer.status_code == 200, answer.text
        return [made.index(one["recording_id"]) for one in answer.json["items"]]

    assert shown("root") == [3, 2, 1, 0]
    assert shown("lead") == [1, 0]  # of the north
    assert shown("root", "queue=sales") == [3, 1]
    assert shown("root", "agent=1002&kind=talk") == [2]
    assert shown("lead", "agent=1002") == []
    began = [iso(NOW + 60 * number).replace("+", "%2B") for number in range(4)]
    assert shown("root", f"since={began[1]}&until={began[3]}") == [2, 1]
    assert shown("root", "call_id=c-south") == []
    platform.do("root", "DELETE", f"/v1/recordings/{made[0]}?reason=gone")
    assert (shown("root", "deleted=true"), shown("root", "deleted=false")) == ([0], [3, 2, 1])
    first = platform.client("root").simulate_get("/v1/recordings", query_string="limit=3").json
    rest = platform.client("root").simulate_get("/v1/recordings", query_string=f"limit=3&before={first['next']}").json
    assert [made.index(one["recording_id"]) for one in first["items"] + rest["items"]] == [3, 2, 1, 0]
    assert rest["next"] is None
    for query in ("kind=film", "before=x", "since=yesterday", "queu=sales", "limit=0"):
        assert platform.client("root").simulate_get("/v1/recordings", query_string=query).status_code == 400, query
    assert platform.do("anna", "GET", "/v1/recordings").status_code == 403


def test_a_fax_is_read_by_the_agent_who_has_it_and_each_reading_is_kept(platform: Platform, studio: Studio) -> None:
    pages = b"II*\x00" + bytes(range(256)) * 300
    fax = studio.recorded("c-north", pages, RecordingKind.FAX, queue="service").recording_id
    floor = platform.floor
    for agent, team in (("1001", "north"), ("1002", "south")):
        user = {"1001": "u-anna", "1002": "u-ben"}[agent]
        profile = AgentProfile(agent, user, agent, team, phone=agent, capacity={"call": 1, "fax": int(agent == "1001")})
        floor.seats.sign_in(profile, None, "session:test")
        floor.lines.set_ready(agent)
    wish = EnterQueue(1, "service", document=f"{fax}.tif")
    switch: Any = None  # music is for those who hear it
    floor.texts.enter(Entrant("f-1", switch, wish, lambda _: None), "fax", None)
    path = "/v1/contacts/f-1/document"
    floor.text_desk.answer("1001", "f-1")
    read = platform.do("anna", "GET", path)
    assert (read.status_code, read.content, read.headers["content-type"]) == (200, pages, "image/tiff")
    assert read.headers["cache-control"] == "no-store"
    part = platform.do("anna", "GET", path, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, pages[4:10])
    assert platform.do("ben", "GET", path).status_code == 404
    assert platform.do("auditor", "GET", path).status_code == 403
    lines = platform.store.accounts.audit.lines(limit=10, where=AuditFilter(permission="contacts.handle"))
    assert [(line.author.name, line.target, line.allowed) for line in lines if line.allowed] == [
        ("anna", f"recording:{fax}", True)
    ] * 2
    # For others it is a recording as any other.
    listed = platform.do("super", "GET", f"/v1/recordings/{fax}/pages")
    assert listed.status_code == 404  # nobody of the north talks in it
    assert (
        platform.client("auditor").simulate_get(f"/v1/recordings/{fax}/pages", query_string="reason=x").content == pages
    )


@pytest.mark.parametrize(
    ("asked", "status", "first", "stop"),
    [
        ("", 200, 0, 160_044),
        ("bytes=0-43", 206, 0, 44),
        ("bytes=65530-65545", 206, 65_530, 65_546),
        ("bytes=131072-", 206, 131_072, 160_044),
        ("bytes=-100", 206, 159_944, 160_044),
        ("bytes=160000-999999", 206, 160_000, 160_044),
        ("bytes=5-2", 200, 0, 160_044),
        ("bytes=0-1,5-6", 200, 0, 160_044),
        ("pages=0-1", 200, 0, 160_044),
    ],
)
def test_listening_in_parts(platform: Platform, studio: Studio, asked: str, status: int, first: int, stop: int) -> None:
    id_ = studio.recorded("c-north", SOUND, agents="1001:north").recording_id
    headers = {"Range": asked} if asked else {}
    answer = platform.do("lead", "GET", f"/v1/recordings/{id_}/audio", headers=headers)
    assert (answer.status_code, answer.content) == (status, SOUND[first:stop])
    assert answer.headers["content-length"] == str(stop - first)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers.get("content-range") == (f"bytes {first}-{stop - 1}/160044" if status == 206 else None)


def test_a_range_that_is_not_there(platform: Platform, studio: Studio) -> None:
    id_ = studio.recorded("c-north", SOUND, agents="1001:north").recording_id
    answer = platform.do("lead", "GET", f"/v1/recordings/{id_}/audio", headers={"Range": "bytes=160044-"})
    assert (answer.status_code, answer.json["error_id"]) == (416, "range-not-satisfiable")


def test_each_listening_is_audited_once_and_an_auditor_says_why(platform: Platform, studio: Studio) -> None:
    id_ = studio.recorded("c-north", SOUND, agents="1001:north").recording_id
    path = f"/v1/recordings/{id_}/audio"
    assert platform.do("auditor", "GET", path).json["error_id"] == "reason-required"
    assert platform.do("auditor", "GET", path, params={"reason": "case 12"}).status_code == 200
    assert told(platform) == [("auditor", True, "case 12")]
    for part in ("bytes=0-9", "bytes=10-19"):
        platform.do("lead", "GET", path, headers={"Range": part})
    assert told(platform) == [("lead", True, "team_lead@team:north"), ("auditor", True, "case 12")]
    platform.office.clock.move(301)
    platform.do("lead", "GET", path, headers={"Range": "bytes=0-9"})
    assert [who for who, *_ in told(platform)] == ["lead", "lead", "auditor"]
    platform.do("root", "GET", path)
    assert told(platform)[0] == ("root", False, "no-permission")


def test_a_hold_is_stronger_than_an_order_to_delete(platform: Platform, studio: Studio) -> None:
    id_ = studio.recorded("c-north", SOUND, agents="1001:north").recording_id
    one, file = f"/v1/recordings/{id_}", studio.shelf.data / (studio.store.find(id_).sealed_path)  # type: ignore[union-attr]
    held = platform.do("super", "PUT", f"{one}/hold", {"held": True, "reason": "case 7"})
    assert held.json["held"]["by"] == "super"
    assert held.json["held"]["reason"] == "case 7"
    assert platform.do("root", "DELETE", one).json["error_id"] == "reason-required"
    refused = platform.do("root", "DELETE", one, params={"reason": "asked by the customer"})
    assert (refused.status_code, refused.json["error_id"]) == (409, "recording-held")
    platform.do("super", "PUT", f"{one}/hold", {"held": False, "reason": "case 7 is closed"})
    assert platform.do("super", "DELETE", one, params={"reason": "x"}).status_code == 403
    assert platform.do("root", "DELETE", one, params={"reason": "asked by the customer"}).status_code == 204
    assert not file.exists()
    line = platform.store.accounts.audit.lines(limit=1)[0]
    assert (line.action, line.reason, line.before["call_id"]) == (
        "recording.delete",
        "asked by the customer",
        "c-north",
    )
    shown = platform.do("lead", "GET", one).json
    assert (shown["state"], shown["digest"], shown["size"]) == ("deleted", None, None)
    assert shown["deleted"]["reason"] == "asked by the customer"
    gone = platform.do("lead", "GET", f"{one}/audio")
    assert (gone.status_code, gone.json["error_id"]) == (410, "recording-deleted")


def test_what_cannot_be_heard_says_why(platform: Platform, studio: Studio) -> None:
    path = studio.begin("c-north", agents="1001:north")
    Path(path).write_bytes(SOUND[:500])
    assert platform.store.flush(5.0)
    running = f"/v1/recordings/{studio.kept.recording_id}"
    assert platform.do("lead", "GET", running).json["state"] in ("running", "complete")
    assert platform.do("lead", "GET", f"{running}/audio").json["error_id"] == "recording-open"
    fax = studio.recorded("c-north", b"II*\x00pages", RecordingKind.FAX, agents="1001:north").recording_id
    assert platform.do("lead", "GET", f"/v1/recordings/{fax}/audio").json["error_id"] == "recording-missing"
    pages = platform.do("lead", "GET", f"/v1/recordings/{fax}/pages")
    assert (pages.content, pages.headers["content-type"]) == (b"II*\x00pages", "image/tiff")
    hurt = studio.recorded("c-north", SOUND, agents="1001:north")
    file = studio.shelf.data / hurt.sealed_path
    raw = bytearray(file.read_bytes())
    raw[100] ^= 1
    file.write_bytes(raw)
    answer = platform.do("lead", "GET", f"/v1/recordings/{hurt.recording_id}/audio")
    assert (answer.status_code, answer.json["error_id"]) == (500, "recording-damaged")
    file.unlink()
    assert (
        platform.do("lead", "GET", f"/v1/recordings/{hurt.recording_id}/audio").json["error_id"] == "recording-missing"
    )
