"""`kill -9`: the database has no fact without its event, and no event without its fact."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.webhooks.kit import House
from tests.webhooks.receiver import Receiver


def test_facts_and_events_are_there_together_or_not_at_all(make_house: Any, receiver: Receiver) -> None:
    house: House = make_house()
    house.add(receiver.url, "w", events=("contact.queued", "offer.created", "agent.state_changed"))
    house.crash()
    program = [sys.executable, "-m", "tests.webhooks.killed", str(house.folder)]
    child = subprocess.Popen(program, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    assert child.communicate()[0] == ""
    house.again()
    facts = rows(house, "SELECT contact FROM queue_entries") + rows(house, "SELECT contact FROM offers")
    assert len(facts) >= 20
    kept = house.deliveries()
    queued = [one for one in kept if one.type == "contact.queued"]
    offered = [one for one in kept if one.type == "offer.created"]
    assert len(queued) == len(rows(house, "SELECT contact FROM queue_entries"))
    assert len(offered) == len(rows(house, "SELECT contact FROM offers")) > 0
    presence = rows(house, "SELECT agent FROM presence_periods")
    assert len(presence) == len([one for one in kept if one.type == "agent.state_changed"])
    sent = receiver.until(len(kept))  # and whoever comes next sends them all
    told = [json.loads(request.body) for request in sent]
    assert {e["data"]["contact"] for e in told if e["type"] == "contact.queued"} == set(
        rows(house, "SELECT contact FROM queue_entries")
    )


def rows(house: House, query: str) -> list[str]:
    with house.store._engine.connect() as connection:
        return list(connection.exec_driver_sql(query).scalars())
