"""Opening hours of queues, on a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from cti.acd.inputs import OpenQueue
from cti.app.parts import make_hours
from cti.config import Settings
from cti.core.errors import ConfigError
from cti.flow.calendar import Calendar
from cti.runtime.floor.hours import OpeningHours
from tests.api.floorsite import come, make_floor
from tests.runtime.accountkit import MovedClock

DAY = 24 * 60


def office(*hours: tuple[int, int]) -> Calendar:
    return Calendar("office", "UTC", (tuple((a * 60, b * 60) for a, b in hours),) * 7)


def at(hour: float) -> float:
    return datetime(2026, 3, 2, tzinfo=UTC).timestamp() + hour * 3600


def test_a_queue_opens_and_closes_with_its_calendar_and_a_new_one_holds_at_once() -> None:
    clock = MovedClock(at(7.0))
    floor, _ = make_floor(clock)
    calendars, touched = {"office": office((8, 12), (13, 18))}, []
    hours = OpeningHours(
        floor.owner, clock, {"second": "office", "service": "gone"}, lambda: calendars, lambda: touched.append(1)
    )

    def is_open(hour: float) -> bool:
        clock.at = at(hour)
        hours.look()
        return floor.owner.acd.floor.queues["second"].opened

    assert [is_open(hour) for hour in (7, 8, 11.99, 12, 13, 17.99, 18)] == [False, True, True, False, True, True, False]
    assert len(touched) == 5  # nothing is told where nothing has changed
    assert floor.owner.acd.floor.queues["service"].opened  # its calendar is not there

    calendars["office"] = office((8, 20))  # as a reload puts another one in its place
    assert is_open(18.5)
    assert not is_open(20)


def test_a_closed_queue_takes_nobody_and_a_supervisor_s_word_holds_until_the_next_change() -> None:
    clock = MovedClock(at(7.0))
    floor, legs = make_floor(clock)
    hours = OpeningHours(floor.owner, clock, {"second": "office"}, lambda: {"office": office((8, 12))})
    hours.look()
    assert come(floor, legs, "k-1", "second") != []  # it is told that the queue is closed
    assert "k-1" not in floor.owner.acd.floor.cases
    floor.owner.ask(OpenQueue("second", True))
    hours.look()
    assert floor.owner.acd.floor.queues["second"].opened
    assert come(floor, legs, "k-2", "second") == []
    clock.at = at(9.0)
    hours.look()
    floor.owner.ask(OpenQueue("second", False))
    hours.look()
    assert not floor.owner.acd.floor.queues["second"].opened
    clock.at = at(12.0)
    hours.look()
    clock.at = at(24 + 8.0)
    hours.look()
    assert floor.owner.acd.floor.queues["second"].opened


def test_a_queue_that_names_a_calendar_which_is_not_there_is_refused() -> None:
    floor, _ = make_floor(MovedClock())
    settings = Settings.model_validate(
        {"switches": [{"name": "fs", "kind": "embedded", "password": "x"}], "queues": {"second": {"calendar": "ofice"}}}
    )
    library = SimpleNamespace(calendars={"office": office((8, 12))})
    with pytest.raises(ConfigError, match="queue second: there is no calendar 'ofice'; did you mean 'office'") as found:
        make_hours(settings, MovedClock(), floor, library)  # type: ignore[arg-type]
    assert found.value.code == "unknown-calendar"
