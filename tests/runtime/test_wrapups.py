"""What agents write about the contacts of a running platform: it outlives the engine, and follows the contact."""

from __future__ import annotations

from typing import Any

import pytest

from cti.acd.states import ContactState
from cti.core.calls import Medium
from cti.core.wrapups import WrapUpRefused
from cti.switch.embedded import apps_media

from .platform import Platform, uuid_of
from .test_floor import Floor
from .textkit import Site

NOTES = "calls back from 13800001234"
MASKED = "calls back from 138****1234"


def stored(floor: Floor, call: str) -> list[Any]:
    store = floor.platform.application.store
    assert store.flush(20.0)
    return store.find_wrapups([call], unmask=True).get(call, [])


def test_only_what_the_agent_sees_of_the_flow_can_be_put_right(platform: Platform) -> None:
    floor = Floor(platform)
    floor.sign_in("anna", "1001")
    caller = floor.talk("told")
    contact = uuid_of(caller)
    case = floor.parts.owner.acd.floor.cases[contact]
    assert floor.parts.wrapups.shown(case)["editable"] == {
        "kind": "enum[bill, fault]", "twice": "text", "amount": "decimal",
    }  # fmt: skip
    assert floor.parts.publisher.screen(contact)["variables"]["pin"] == "******"  # type: ignore[index]
    for refused in ({"pin": "1"}, {"seen": "x"}, {"kind": "other"}):
        with pytest.raises(WrapUpRefused):
            floor.parts.orders.write("anna", contact, {"variables": refused})
    floor.parts.orders.write("anna", contact, {"notes": NOTES, "variables": {"kind": "fault", "amount": 2}})
    run = platform.application.engine.find(contact)
    assert run is not None
    assert run.variables()["kind"] == "bill", "the flow's own value stays"
    caller.hangup()
    platform.over(caller)
    floor.until(lambda: floor.state(contact) is ContactState.WORK, "work after the call")
    assert platform.application.engine.find(contact) is None
    floor.parts.orders.finish("anna", contact, {"disposition": "sold", "variables": {"twice": "yes"}})
    [row] = stored(floor, contact)
    assert (row.agent, row.queue, row.disposition, row.notes, row.ended_by) == ("anna", "desk", "sold", NOTES, "agent")
    assert row.variables == {"kind": "fault", "amount": "2", "twice": "yes"}
    [shown] = platform.application.store.find_call(contact).wrapups  # type: ignore[union-attr]
    assert shown.notes == MASKED
    again = floor.talk("told")
    screen = floor.until(lambda: floor.parts.publisher.screen(uuid_of(again))["previous"], "the call before is read")  # type: ignore[index]
    assert [(one["disposition"], one["notes"]) for one in screen] == [("sold", MASKED)]


def test_what_was_sent_outlives_the_engine_and_is_shown_to_the_next_agent(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow begins again when the talk is over: nothing is kept of where it was."""
    monkeypatch.setattr(type(platform.application.store), "keep_snapshot", lambda *_: None)
    floor = Floor(platform)
    floor.sign_in("anna", "1001")
    caller = floor.talk("told")
    contact = uuid_of(caller)
    floor.parts.orders.write("anna", contact, {"notes": NOTES, "disposition": "sold"})
    platform.kill_engine()
    platform.restart_engine()
    floor = Floor(platform)
    floor.sign_in("bert", "1002")
    for leg in platform.switch.core.directory.phones["1001"].calls:
        leg.channel.hangup("NORMAL_CLEARING")
    floor.until(lambda: floor.state(contact) is ContactState.TALKING, "the flow began again, and bert has the caller")
    [row] = stored(floor, contact)
    assert (row.agent, row.disposition, row.notes, row.ended_by) == ("anna", "sold", NOTES, "engine_lost")
    [before] = floor.until(lambda: floor.parts.publisher.screen(contact)["wrapups"], "it is read")  # type: ignore[index]
    assert (before["agent"], before["disposition"], before["notes"]) == ("anna", "sold", MASKED)
    floor.parts.orders.write("bert", contact, {"notes": "went on"})
    assert [one["agent"] for one in floor.parts.publisher.screen(contact)["wrapups"]] == ["anna"]  # type: ignore[index]
    floor.desk.hang_up("bert", contact)
    floor.parts.orders.finish("bert", contact, {})
    platform.over(caller)
    assert [(row.agent, row.ended_by, row.disposition) for row in stored(floor, contact)] == [
        ("anna", "engine_lost", "sold"), ("bert", "agent", None),
    ]  # fmt: skip
    begin = int(floor.parts.owner.now()) // 900 * 900 - 900
    reports = platform.application.ground.store.reports
    assert list(reports.verify(begin, begin + 2700)) == []
    counted = {row.what: row.value for row in reports.counts("queue", begin, begin + 2700) if row.name == "desk"}
    assert (counted["handled"], counted["without_disposition"]) == (1, 1), "what was lost is not handled"


def test_conversations_and_faxes_have_it_alike(platform: Platform) -> None:
    site = Site(platform)
    site.sign_in("anna", "1001")
    orders, floor = site.floor.orders, Floor(platform)
    chat = site.conversation(medium=Medium.CHAT)
    orders.write("anna", chat, {"notes": NOTES, "disposition": "transferred"})
    site.sign_in("bert", "1002")
    site.floor.text_desk.transfer("anna", chat, "agent", "bert")
    [moved] = site.floor.owner.acd.floor.desks["bert"].contacts
    [before] = site.floor.publisher.screen(moved)["wrapups"]  # type: ignore[index]
    assert (before["agent"], before["notes"]) == ("anna", MASKED)
    orders.finish("anna", chat, {})
    site.floor.text_desk.answer("bert", moved)
    site.floor.text_desk.hang_up("bert", moved)
    orders.finish("bert", moved, {"disposition": "sold"})
    assert [(row.agent, row.medium, row.disposition) for row in stored(floor, chat)] == [
        ("anna", "chat", "transferred"), ("bert", "chat", "sold"),
    ]  # fmt: skip
    site.floor.lines.set_not_ready("bert", "study")
    machine = platform.call("10099")
    assert machine.channel is not None
    machine.channel.setvar(apps_media.FAR_FAX, "1")
    fax = uuid_of(machine)
    platform.over(machine)
    assert site.offered(fax) == "anna"
    site.floor.text_desk.answer("anna", fax)
    assert site.floor.wrapups.types(fax)["document"].kind == "text", "the call is over, and its flow is known still"
    orders.write("anna", fax, {"notes": "an order"})
    site.floor.text_desk.hang_up("anna", fax)
    site.until(lambda: site.state(fax) is None, "no work in this queue")
    [row] = stored(floor, fax)
    assert (row.medium, row.notes, row.disposition, row.ended_at is not None) == ("fax", "an order", None, True)
