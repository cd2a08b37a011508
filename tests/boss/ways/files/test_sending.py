"""Requests and look-ups that go as files and are answered by files, over a real store and real servers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal

import gevent
import pytest

from cti.boss.way import OUTCOME, WayError
from cti.boss.ways.files.sending import Sending
from tests.boss.rig import until
from tests.boss.ways.files.sendkit import DAY, NUMBER, Rig, answer, order, problem, put_in, rig, sent
from tests.boss.ways.files.site import KINDS, Site

__all__ = ["rig"]  # the fixture


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_goes_as_a_file_and_is_answered_by_one(kind: str, make: Callable[..., Site], rig: Rig) -> None:
    site = make(kind)
    way = rig.way(site)
    way.probe(time.monotonic() + 60)
    asked = gevent.spawn(way.ask, order(pack="王䶮"))
    assert sent(site) == f"call/1|{NUMBER}|王䶮\n".encode("gb18030")
    answer(site, 1, "call/1|00|1250\n")
    assert asked.get(timeout=60) == {"serial": "call/1", "code": "00", "fee": Decimal("12.50")}
    assert way.ask(order(pack="another"))["code"] == "00"  # the same request: nothing goes again
    assert sorted(os.listdir(site.folder)) == [
        f"REQ_{DAY}_000001.txt", f"REQ_{DAY}_000001.txt.chk", f"RSP_{DAY}_001.txt", f"RSP_{DAY}_001.txt.chk"
    ]  # fmt: skip
    told = way.facts()
    assert (told["files"], told["answered"], told["send.problem"], told["answers.problem"]) == (1, 1, "", "")


def test_requests_are_gathered_by_time_and_by_number_in_numbered_files(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, every_s=3600, max_rows=2)
    for number in range(5):
        put_in(way, f"k{number}")
    assert [sent(site, 1).count(b"\n"), sent(site, 2).count(b"\n")] == [2, 2]
    until(lambda: way.facts()["waiting"] == 1)
    assert not (site.folder / f"REQ_{DAY}_000003.txt").exists()
    rig.ahead_s = 3600.0
    until(lambda: way.facts()["files"] == 3)
    assert rig.rows() == [("k0", 1), ("k1", 1), ("k2", 2), ("k3", 2), ("k4", 3)]


def test_numbers_that_do_not_begin_anew_and_other_names(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, name="Q{seq:04d}.dat", temp="tmp_{name}", done=None, seq="continuous")
    put_in(way, "a")
    until(lambda: way.facts()["files"] == 1)
    rig.ahead_s = 86_400.0
    put_in(way, "b")
    until(lambda: way.facts()["files"] == 2)
    assert sorted(os.listdir(site.folder)) == ["Q0001.dat", "Q0002.dat"]


def test_without_answers_a_request_is_done_when_its_file_stands_there(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, answers=None)
    assert way.ask(order()) == {}
    assert sent(site) == f"call/1|{NUMBER}|\n".encode()


def test_a_look_up_may_go_as_a_file_and_expires_before_it_does(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    slow = rig.way(site, every_s=0.5)
    with pytest.raises(WayError):
        slow.ask(order(None, wait_s=0.1))  # in no file: nobody waits for it any more
    asked = gevent.spawn(slow.ask, order(None))
    key, _, rest = sent(site).decode().partition("|")
    assert rest == f"{NUMBER}|\n"
    answer(site, 1, f"{key}|00|7\n")
    assert asked.get(timeout=60)["fee"] == Decimal("0.07")
    assert len(rig.rows()) == 1


def test_another_s_file_of_the_same_name_is_left_alone_and_no_number_is_left_out(site: Site, rig: Rig) -> None:
    foreign = site.folder / f"REQ_{DAY}_000001.txt"
    foreign.write_bytes(b"foreign")
    way = rig.way(site)
    put_in(way, "a")
    problem(way, "exists", "send")
    put_in(way, "b")
    assert foreign.read_bytes() == b"foreign"
    assert not (site.folder / f"REQ_{DAY}_000002.txt").exists()
    foreign.unlink()
    assert (sent(site, 1), sent(site, 2)) == (f"a|{NUMBER}|\n".encode(), f"b|{NUMBER}|\n".encode())
    problem(way, "", "send")


def test_a_server_that_is_away_costs_time_only(server: Site, rig: Rig) -> None:
    way = rig.way(server)
    server.stop()
    put_in(way, "a")
    until(lambda: way.facts()["send.problem"] in ("unreachable", "reset"))
    with pytest.raises(WayError):
        way.probe(time.monotonic() + 60)
    server.start()
    sent(server)
    answer(server, 1, "a|00|1\n")
    assert way.ask(order("a"))["code"] == "00"


def test_what_is_no_line_is_rejected_and_nothing_goes(make: Callable[..., Site], rig: Rig) -> None:
    way = rig.way(make("local"))
    for text in ("a|b", "a\nb"):
        assert way.ask(order(pack=text)) == {OUTCOME: "rejected"}
        with pytest.raises(WayError, match="bad-value"):
            way.ask(order(None, pack=text))
    assert rig.rows() == []


def test_two_engines_of_one_store_put_no_request_into_two_files(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    ways = [rig.way(site, outbox=rig.outbox(f"n/{number}"), max_rows=3) for number in range(2)]
    for number in range(20):
        put_in(ways[number % 2], f"k{number:02d}")
    until(lambda: sum(way.facts()["files"] for way in ways) > 0 and all(seq for _, seq in rig.rows()))
    until(lambda: all(way.facts()["waiting"] == 0 for way in ways))
    last = max(seq for _, seq in rig.rows())
    lines = [line for seq in range(1, last + 1) for line in sent(site, seq).splitlines()]
    assert sorted(line.partition(b"|")[0].decode() for line in lines) == [f"k{number:02d}" for number in range(20)]
    answer(site, 1, "".join(f"k{number:02d}|00|1\n" for number in range(20)))
    assert [ways[1 - number % 2].ask(order(f"k{number:02d}"))["code"] for number in range(4)] == ["00"] * 4


def test_beside_an_engine_nothing_is_sent_and_its_answers_are_found(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    tool = rig.way(site, outbox=rig.outbox("cli", sends=False))
    asked = gevent.spawn(tool.ask, order())
    until(lambda: len(rig.rows()) == 1)
    rig.way(site)
    sent(site)
    answer(site, 1, "call/1|00|1\n")
    assert asked.get(timeout=60)["code"] == "00"
    assert tool.facts()["files"] == 0


def test_a_sender_that_is_closed_in_the_middle_leaves_nothing(server: Site, rig: Rig) -> None:
    way = rig.way(server)
    asked = gevent.spawn(way.ask, order(wait_s=0.3))
    sent(server)
    assert isinstance(way._sending, Sending)
    way.close()
    rig.ways.remove(way)
    asked.join()
    assert isinstance(asked.exception, WayError)
