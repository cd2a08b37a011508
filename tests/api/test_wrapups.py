"""What an agent writes about a contact, through the API: by voice, from the talk to the end of the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cti.core.legs import LegAnswered, LegHungUp, LegsBridged
from cti.core.wrapups import Dispositions
from cti.flow import types as t
from cti.runtime.floor.handling import Handling
from cti.runtime.floor.publisher import NoScreens
from tests.api.floorsite import come, sit
from tests.api.site import Platform, staffed_office
from tests.store.conftest import Folder  # noqa: F401 - its fixtures

LIST = [{"code": "solved", "title": "Solved"}, {"code": "again", "title": "Calls again"}]
SERVICE = Dispositions({"solved": "Solved", "again": "Calls again"}, required=True)
PATH = "/v1/me/contacts/k-1/wrapup"
NUMBER = "calls back from 13800001234"
MASKED = "calls back from 138****1234"


class Known(NoScreens):
    """A flow with variables, and a caller who called before."""

    def screen(self, call: str, *, unmask: bool = False) -> dict[str, Any]:
        return {"caller": "x", "caller_name": "", "called": "1", "flow": "f", "language": "en-US", "path": [],
                "variables": {"kind": "bill"}, "identity": {"verified": False}}  # fmt: skip

    def previous(self, call: str) -> list[dict[str, Any]]:
        return [{"call_id": "c-0", "at": "2026-03-02T10:00:00+00:00", "flow": "f", "outcome": "talked", "goals": [],
                 "disposition": "solved", "notes": NUMBER}]  # fmt: skip

    def editable(self, call: str) -> dict[str, t.Type]:
        return {"kind": t.enum("bill", "fault"), "amount": t.DECIMAL, "vip": t.BOOL, "name": t.TEXT, "n": t.INT}


@dataclass
class Site:
    platform: Platform
    kept: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        floor = self.platform.floor
        floor.wrapups._queues["service"] = SERVICE
        floor.publisher.screens = Known()
        floor.wrapups.keep = lambda handling: self.kept.append((handling.agent, handling.wrapup))

    @property
    def floor(self) -> Any:
        return self.platform.floor

    def via(self, name: str) -> str:
        return str(self.platform.services.authentication.by_token(self.platform.token(name)).via)

    def seat(self, agent: str, name: str) -> None:
        sit(self.floor, agent, f"u-{name}", "north", self.via(name))

    def talking(self, contact: str = "k-1") -> str:
        """Who talks with it; the agent's leg."""
        come(self.floor, self.platform.legs, contact)
        [leg] = self.floor.talks._by_leg
        for event in (LegAnswered(leg), LegsBridged(contact, leg)):
            self.floor.talks.leg_event(event)
        return str(leg)

    def in_work(self) -> None:
        leg = self.talking()
        self.floor.talks.leg_event(LegHungUp(leg, "NORMAL_CLEARING"))

    def do(self, method: str, path: str, body: Any = None, who: str = "anna", **more: Any) -> tuple[int, Any]:
        answer = self.platform.do(who, method, path, body, **more)
        return answer.status_code, answer.json if answer.text else None

    def write(self, body: Any, **more: Any) -> tuple[int, Any]:
        return self.do("PATCH", PATH, body, **more)

    def finish(self, body: Any) -> tuple[int, Any]:
        return self.do("POST", "/v1/me/contacts/k-1/finish", body)

    def events(self, kind: str) -> list[dict[str, Any]]:
        import json

        return [json.loads(e.text)["data"] for e in self.floor.hub._ring if e.type == kind]


@pytest.fixture
def site(tmp_path: Any) -> Iterator[Site]:
    office = staffed_office(tmp_path)
    found = Site(Platform(office))
    found.seat("1001", "anna")
    yield found
    office.close()


def test_from_the_talk_to_the_end_of_the_work(site: Site) -> None:
    come(site.floor, site.platform.legs, "k-1")
    status, problem = site.write({"notes": "x"})
    assert (status, problem["error_id"]) == (409, "not-talking")
    [leg] = site.floor.talks._by_leg
    for event in (LegAnswered(leg), LegsBridged("k-1", leg)):
        site.floor.talks.leg_event(event)
    status, shown = site.do("GET", PATH)
    assert (status, shown) == (200, {
        "contact": "k-1", "version": 0, "at": None, "disposition": None, "notes": "", "variables": {},
        "editable": {"kind": "enum[bill, fault]", "amount": "decimal", "vip": "bool", "name": "text", "n": "int"},
        "dispositions": LIST, "disposition_required": True,
    })  # fmt: skip
    status, shown = site.write({"notes": NUMBER, "variables": {"kind": "fault", "amount": 12.5, "vip": True}})
    assert (status, shown["version"], shown["notes"]) == (200, 1, MASKED)
    assert shown["variables"] == {"kind": "fault", "amount": "12.5", "vip": True}
    [(agent, kept)] = site.kept
    assert (agent, kept.notes, kept.disposition) == ("1001", NUMBER, None)
    [changed] = site.events("contact.wrapup_changed")
    assert (changed["notes"], changed["wrapup_version"]) == (MASKED, 1)
    status, mine = site.do("GET", "/v1/me/contacts")
    assert (mine["items"][0]["disposition"], mine["items"][0]["wrapup_version"]) == (None, 1)
    assert "wrapup" in mine["items"][0]["allowed_actions"]
    status, problem = site.write({"disposition": "sold"})
    assert (status, problem["error_id"], problem["dispositions"]) == (422, "unknown-disposition", LIST)
    site.floor.talks.leg_event(LegHungUp(leg, "NORMAL_CLEARING"))
    status, problem = site.finish({})
    assert (status, problem["error_id"], problem["dispositions"]) == (422, "disposition-required", LIST)
    status, problem = site.finish({"disposition": "nope"})
    assert (status, problem["error_id"]) == (422, "unknown-disposition")
    assert len(site.kept) == 1, "what was refused is not kept"
    assert site.write({"disposition": "again"})[0] == 200
    status, gone = site.finish({"disposition": "solved", "variables": {"vip": None}})
    assert (status, gone["state"]) == (200, "GONE")
    [closed] = site.events("contact.closed")
    assert (closed["disposition"], closed["notes"], closed["ended_by"]) == ("solved", MASKED, "agent")
    assert site.kept[-1][1].variables == {"kind": "fault", "amount": "12.5"}
    assert site.do("GET", PATH)[0] == 404


def test_what_is_not_on_disk_yet_is_202(site: Site) -> None:
    site.talking()
    site.floor.owner.kept = lambda _timeout_s: False
    status, late = site.write({"notes": "x"})
    assert (status, late["notes"], bool(late["command_id"])) == (202, "x", True)


def test_what_was_said_before_is_enough_at_the_end(site: Site) -> None:
    site.in_work()
    assert site.write({"disposition": "solved"})[0] == 200
    status, problem = site.finish({"disposition": None})
    assert (status, problem["error_id"]) == (422, "disposition-required"), "taken back"
    assert site.finish({})[0] == 200
    assert site.events("contact.closed")[0]["disposition"] == "solved"


def test_work_that_the_timer_ends_has_no_disposition(site: Site) -> None:
    site.in_work()
    site.platform.office.clock.move(31.0)
    from cti.acd import inputs as i

    site.floor.owner.tell(i.Tick())
    [closed] = site.events("contact.closed")
    assert (closed["disposition"], closed["ended_by"]) == (None, "timer")


def test_the_last_word_holds_unless_a_client_asks_for_more(site: Site) -> None:
    site.talking()
    first = site.platform.do("anna", "PATCH", PATH, {"notes": "one"})
    assert first.headers["etag"] == '"1"'
    assert site.write({"notes": "two"})[0] == 200
    status, problem = site.write({"notes": "three"}, headers={"If-Match": first.headers["etag"]})
    assert (status, problem["error_id"]) == (412, "stale")
    seen = site.platform.do("anna", "GET", PATH)
    assert (seen.json["notes"], seen.headers["etag"]) == ("two", '"2"')
    assert site.platform.do("anna", "GET", PATH, headers={"If-None-Match": '"2"'}).status_code == 304
    assert site.write({"notes": "three"}, headers={"If-Match": '"2"'})[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "bad-request"),
        ({"note": "x"}, 400, "bad-request"),
        ({"notes": 1}, 400, "bad-request"),
        ({"notes": "x" * 4001}, 400, "bad-request"),
        ({"notes": "a\x1b[2Jb"}, 422, "bad-text"),
        ({"disposition": ""}, 400, "bad-request"),
        ({"disposition": 7}, 400, "bad-request"),
        ({"variables": []}, 400, "bad-request"),
        ({"variables": {"kind": ["bill"]}}, 400, "bad-request"),
        ({"variables": {"name": "x" * 501}}, 400, "bad-request"),
        ({"variables": {f"v{n}": 1 for n in range(51)}}, 400, "bad-request"),
        ({"variables": {"pin": "1234"}}, 422, "bad-variable"),
        ({"variables": {"kind": "other"}}, 422, "bad-variable"),
        ({"variables": {"n": 1.5}}, 422, "bad-variable"),
        ({"variables": {"n": "1e400"}}, 422, "bad-variable"),
        ({"variables": {"vip": "maybe"}}, 422, "bad-variable"),
        ({"variables": {"name": "a\nb"}}, 422, "bad-text"),
    ],
)
def test_what_cannot_be_written(site: Site, body: Any, status: int, error: str) -> None:
    site.talking()
    found, problem = site.write(body)
    assert (found, problem["error_id"]) == (status, error), problem
    assert site.kept == []
    assert "other" not in problem["detail"]
    assert "\x1b" not in problem["detail"]


def test_halves_of_characters_are_refused(site: Site) -> None:
    site.talking()
    for body in ('{"notes": "\\ud800"}', '{"variables": {"\\ud800": 1}}', '{"disposition": "\\ud800"}'):
        answer = site.platform.client("anna").simulate_patch(
            PATH, body=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422, answer.text


def test_who_reads_it_in_clear_is_audited(site: Site) -> None:
    site.talking()
    site.write({"notes": NUMBER})
    assert site.do("GET", PATH)[1]["notes"] == MASKED
    status, problem = site.do("GET", f"{PATH}?unmask=true")
    assert (status, problem["error_id"]) == (400, "bad-request"), "without a reason"
    assert site.do("GET", f"{PATH}?unmask=true&reason=the+client+was+reloaded")[1]["notes"] == NUMBER
    [line, *_] = site.platform.services.store.audit.lines(limit=1)
    assert (line.target, line.allowed, line.reason) == ("contact:k-1", True, line.reason)
    assert "the client was reloaded" in line.reason
    whole = site.do("GET", "/v1/contacts/k-1", who="super")[1]
    assert whole["wrapup"]["notes"] == MASKED
    assert whole["screen"]["wrapups"] == [], "one's own are not those of others"
    clear = site.do("GET", "/v1/contacts/k-1?unmask=true&reason=complaint", who="super")[1]
    assert clear["wrapup"]["notes"] == NUMBER
    lead = site.do("GET", "/v1/contacts/k-1?unmask=true&reason=complaint", who="lead")
    assert lead[0] == 403 or lead[1]["wrapup"]["notes"] == MASKED


def test_nobody_else_writes_it(site: Site) -> None:
    site.talking()
    for who in ("ben", "lead", "super"):
        status, problem = site.write({"notes": "x"}, who=who)
        assert status in (404, 409), problem
    assert site.kept == []


def test_notes_of_earlier_calls_are_masked_by_role(site: Site) -> None:
    site.floor.publisher._previous.put("k-1", Known().previous("k-1"))
    site.talking()
    [before] = site.do("GET", "/v1/contacts/k-1")[1]["screen"]["previous"]
    assert (before["disposition"], before["notes"]) == ("solved", MASKED)
    [before] = site.do("GET", "/v1/contacts/k-1?unmask=true&reason=x")[1]["screen"]["previous"]
    assert before["notes"] == NUMBER


def test_the_next_agent_sees_what_the_one_before_wrote_and_goes_on_writing(site: Site) -> None:
    site.talking()
    site.seat("1002", "ben")
    site.write({"notes": NUMBER, "disposition": "again"})
    status, _ = site.do("POST", "/v1/me/contacts/k-1/transfer", {"to": {"agent": "1002"}})
    assert status == 200
    [offer] = [data for data in site.events("offer.created") if data["agent"] == "1002"]
    [before] = offer["screen"]["wrapups"]
    assert (before["agent"], before["notes"], before["disposition"]) == ("1001", MASKED, "again")
    assert site.write({"notes": "and one thing more"})[0] == 200, "anna is at work on it"
    screen = site.events("contact.screen")[-1]
    assert (screen["contact"], screen["screen"]["wrapups"][0]["notes"]) == (offer["contact"], "and one thing more")


def test_what_another_engine_knew_is_shown(site: Site) -> None:
    row = SimpleNamespace(contact="k-1", agent="a-9", queue="service", at=1.0, disposition=None, notes=NUMBER,
                          variables={"kind": "bill"})  # fmt: skip
    site.floor.wrapups.remember("k-1", [row])
    site.talking()
    [before] = site.do("GET", "/v1/contacts/k-1")[1]["screen"]["wrapups"]
    assert (before["agent"], before["notes"], before["variables"]) == ("a-9", MASKED, {"kind": "bill"})


def test_a_queue_tells_its_dispositions(site: Site) -> None:
    status, shown = site.do("GET", "/v1/queues/service", who="root")
    assert (status, shown["dispositions"], shown["disposition_required"]) == (200, LIST, True)
    assert site.do("GET", "/v1/queues/second", who="root")[1]["dispositions"] == []


def test_reports_count_dispositions_and_bring_the_formula(site: Site) -> None:
    from datetime import UTC, datetime

    from cti.acd import outputs as o
    from cti.core.wrapups import WrapUp
    from cti.runtime.floor.ledger import Ledger
    from tests.runtime.accountkit import NOW

    begin = NOW - NOW % 900
    period = {"from": datetime.fromtimestamp(begin, UTC).isoformat(),
              "to": datetime.fromtimestamp(begin + 1800, UTC).isoformat()}  # fmt: skip
    store = site.platform.store
    ledger = Ledger(store.record, "n/0", "r")
    for number, (contact, code) in enumerate((("c-north", "again"), ("c-north~1", "solved"), ("c-south", None))):
        said = WrapUp().written({"disposition": code}, begin + number) if code else WrapUp()
        agent = "1002" if code is None else "1001"
        ledger.written = lambda fact, said=said: Handling(fact.contact, fact.agent, fact.queue, fact.medium, said)  # type: ignore[misc]
        ledger.hear(o.Handled(begin + 100 + number, contact, agent, "service", "voice", 60.0, 0.0, 32.0))
    assert store.flush(10.0)

    def rows(name: str, **more: str) -> Any:
        return site.platform.client("auditor").simulate_get(f"/v1/reports/{name}", params={**period, **more})

    [queue] = rows("queues").json["items"]
    told = {name: queue[name] for name in ("handled", "without_disposition", "disposition:again", "disposition:solved")}
    assert told == {"handled": 3, "without_disposition": 1, "disposition:again": 1, "disposition:solved": 1}
    assert rows("queues").json["formulas"]["handled"] == "handled = Σ disposition:… + without_disposition"
    one, two = rows("agents").json["items"]
    assert (one["disposition:again"], one["without_disposition"]) == (1, 0)
    assert (two["disposition:again"], two["without_disposition"]) == (0, 1)
    assert rows("agents").json["total"]["disposition:solved"] == 1
    total = rows("calls").json["total"]
    assert (total["handled"], total["disposition:solved"], total["without_disposition"]) == (2, 1, 1), "the last one"
    assert "disposition:again" not in total
    first, second, *_ = rows("queues", format="csv").text.splitlines()
    shown = dict(zip(first.split(","), second.split(","), strict=True))
    assert (shown["disposition:solved"], shown["without_disposition"]) == ("1", "1")
    assert list(store.reports.verify(int(begin), int(begin) + 1800)) == []


def test_a_call_tells_what_agents_wrote_masked_by_role(site: Site) -> None:
    from cti.core.records import Record
    from cti.core.wrapups import WrapUp
    from cti.runtime.floor.ledger import Ledger

    made: list[Record] = []
    said = WrapUp().written({"notes": NUMBER, "disposition": "solved"}, 1.0)
    Ledger(made.append, "n/0").note(Handling("c-north", "1001", "service", "voice", said), 5.0, "agent")
    store = site.platform.store
    for record in made:
        store.record(record)
    assert store.flush(10.0)
    for who in ("anna", "lead", "root"):
        [shown] = site.do("GET", "/v1/calls/c-north", who=who)[1]["wrapups"]
        assert (shown["notes"], shown["disposition"], shown["ended_by"]) == (MASKED, "solved", "agent")
    [clear] = site.do("GET", "/v1/calls/c-north?unmask=true&reason=x", who="super")[1]["wrapups"]
    assert clear["notes"] == NUMBER
