"""The socket way against a back office that is really there: modes, framings, sequences; nothing is left over."""

from __future__ import annotations

from decimal import Decimal

import gevent
import pytest

from cti.boss.way import WayError
from tests.boss.offices.socket_office import NAME
from tests.boss.ways.socketkit import FRAMES, MODES, Rig, ask, fails, rig, settles

__all__ = ["rig"]  # the fixture

#: Lines have no sequence, so that nothing can be multiplexed there: the proof refuses it.
PAIRS = [(framing, mode) for framing in FRAMES for mode in MODES if (framing, mode) != ("lines", "multiplex")]


@pytest.mark.parametrize(("framing", "mode"), PAIRS)
def test_every_framing_in_every_mode(rig: Rig, framing: str, mode: str) -> None:
    office = rig.office(framing)
    way = rig.way(office, mode)
    for _ in range(3):
        found = ask(way, mml=True) if framing == "mml" else ask(way)
        names = ("BALANCE", "NAME") if framing == "mml" else ("balance", "name")
        assert [found[name] for name in names] == [Decimal("123.45"), NAME]
    assert office.accepted == (3 if mode == "per_request" else 1)
    assert way.facts()["outstanding"] == 0


@pytest.mark.parametrize("framing", ["ascii", "binary"])
def test_multiplex_answers_in_any_order_reach_their_askers(rig: Rig, framing: str) -> None:
    office = rig.office(framing)
    way = rig.way(office, "multiplex")
    office.fault = "late"
    askers = [gevent.spawn(ask, way, f"138{at:08d}") for at in range(50)]
    assert settles(lambda: len(office.held) == 50)
    assert way.facts()["outstanding"] == 50
    office.release(backwards=True)
    assert [asker.get(timeout=20)["msisdn"] for asker in askers] == [f"138{at:08d}" for at in range(50)]
    assert office.accepted == 1


def test_exclusive_connections_are_as_many_as_allowed_and_the_rest_wait(rig: Rig) -> None:
    office = rig.office("ascii")
    way = rig.way(office, "exclusive", connections=2)
    office.fault = "late"
    askers = [gevent.spawn(ask, way, f"138{at:08d}") for at in range(4)]
    assert settles(lambda: len(office.held) == 2)
    fails(way, "timeout", "no-free-connection", sent=False, patience=0.02)
    office.fault = ""
    office.release()
    assert [asker.get(timeout=20)["msisdn"] for asker in askers] == [f"138{at:08d}" for at in range(4)]
    assert office.accepted == 2


@pytest.mark.parametrize("mode", ["exclusive", "pipelined"])
def test_a_wrong_sequence_closes_where_order_counts(rig: Rig, mode: str) -> None:
    office = rig.office("binary")
    way = rig.way(office, mode)
    office.fault, office.times = "wrong_sequence", 1
    fails(way, "error", "wrong-sequence", sent=True)
    assert ask(way)["name"] == NAME
    assert office.accepted == 2


def test_a_wrong_sequence_is_nobodys_answer_in_multiplex(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "wrong_sequence", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    assert ask(way)["name"] == NAME
    assert (office.accepted, way.facts()["stray"]) == (1, 1)


def test_a_late_answer_is_dropped_and_counted(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "late", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    office.release()
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert way.facts()["late"] == 1


def test_an_exclusive_connection_is_closed_after_a_time_out(rig: Rig) -> None:
    office = rig.office("lines")
    way = rig.way(office, "exclusive")
    office.fault, office.times = "late", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    assert way.facts()["connections"] == 0
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert office.accepted == 2


def test_an_answer_that_comes_twice(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "twice", 1
    ask(way)
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert way.facts()["twice"] == 1


def test_without_a_sequence_a_second_answer_ends_the_connection(rig: Rig) -> None:
    office = rig.office("lines")
    way = rig.way(office, "exclusive")
    office.fault, office.times = "twice", 1
    ask(way)
    assert settles(lambda: way.facts()["connections"] == 0)
    assert ask(way, "02088886666")["msisdn"] == "02088886666"


def test_values_that_do_not_fit_are_not_sent(rig: Rig) -> None:
    office = rig.office("ascii")
    way = rig.way(office, "exclusive")
    with pytest.raises(WayError) as caught:
        ask(way, "1|2")
    assert (caught.value.outcome, caught.value.reason, caught.value.sent) == ("rejected", "bad-value", False)
    assert office.accepted == 0
