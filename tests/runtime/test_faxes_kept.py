"""Faxes that wait for agents when their engine dies: the next one goes on with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from cti.acd.states import ContactState
from cti.switch.embedded import apps_media

from .platform import Platform, uuid_of
from .textkit import Site


def fax(platform: Platform) -> str:
    """One that was received; its contact."""
    machine = platform.call("10099")
    assert machine.channel is not None
    machine.channel.setvar(apps_media.FAR_FAX, "2")
    platform.over(machine)
    return uuid_of(machine)


def restarted(platform: Platform) -> Site:
    platform.kill_engine()
    platform.restart_engine()
    return Site(platform)


def rows(platform: Platform, query: str) -> list[Any]:
    assert platform.application.store.flush(20.0)
    with closing(sqlite3.connect(platform.folder / "data" / "cti.db")) as connection:
        return connection.execute(query).fetchall()


def verified(platform: Platform) -> list[Any]:
    begin = int(platform.application.floor.owner.now()) // 900 * 900 - 900
    return list(platform.application.ground.store.reports.verify(begin, begin + 2700))


STAYS = "SELECT outcome, reason, agent, wait_s, began_at, ended_at FROM queue_entries ORDER BY began_at"


def test_they_wait_on_in_their_places_and_are_counted_once(platform: Platform) -> None:
    site = Site(platform)
    first, second = fax(platform), fax(platform)
    cases = site.floor.owner.acd.floor.cases
    since = {contact: (cases[contact].entered_at, cases[contact].began_at) for contact in (first, second)}
    site = restarted(platform)
    assert [case.contact for case in site.floor.owner.acd.floor.queues["second"].line] == [first, second]
    site = restarted(platform)  # and once more
    cases = site.floor.owner.acd.floor.cases
    assert {contact: (cases[contact].entered_at, cases[contact].began_at) for contact in since} == since
    assert [stay[:2] for stay in rows(platform, STAYS)] == [("", "")] * 2
    site.sign_in("anna", "1001")
    assert site.offered(first) == "anna"
    screen = site.floor.publisher.screen(first)
    assert screen is not None
    assert (screen["flow"], screen["called"]) == ("faxdesk", "10099")
    site.floor.text_desk.answer("anna", first)
    assert site.floor.texts.document_of(first) != ""
    assert "document" in site.floor.wrapups.types(first)
    site.floor.orders.write("anna", first, {"notes": "half read"})
    [answered, waiting] = rows(platform, STAYS)
    assert answered[:3] == ("answered", "connected", "anna")
    assert answered[3] == answered[5] - answered[4]
    assert (answered[4], waiting[0]) == (since[first][0], "")
    counts = "SELECT count, sum(value) FROM interval_counts WHERE kind = 'queue' AND count IN {} GROUP BY count"
    told = dict(rows(platform, counts.format(("offered", "answered", "lost"))))
    assert told == {"offered": 2, "answered": 1}
    assert verified(platform) == []
    # The engine dies while anna reads: the fax comes anew, and what she wrote is there.
    site = restarted(platform)
    site.sign_in("bert", "1002")
    assert site.offered(first) == "bert", "its old rank"
    site.until(lambda: site.floor.publisher.screen(first)["wrapups"], "it is read")  # type: ignore[index]
    site.floor.text_desk.answer("bert", first)
    site.floor.text_desk.hang_up("bert", first)
    assert site.offered(second) == "bert"
    site.floor.text_desk.answer("bert", second)
    site.floor.text_desk.transfer("bert", second, "queue", "second")
    [moved] = site.floor.owner.acd.floor.desks["bert"].contacts
    assert moved.startswith(f"{second}~")
    site = restarted(platform)
    assert site.state(moved) is ContactState.QUEUED
    assert site.floor.owner.next_contact(second) != moved
    site.sign_in("cleo", "1003")
    site.floor.text_desk.answer(site.offered(moved), moved)
    site.floor.text_desk.hang_up("cleo", moved)
    site.until(lambda: site.state(moved) is None, "it is read")
    assert rows(platform, "SELECT * FROM waiting_documents") == []
    assert verified(platform) == []
    site = restarted(platform)
    assert site.floor.owner.acd.floor.cases == {}
