"""The event socket itself: log-in, subscriptions, filters, heartbeat, lists, and what is said to mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from .desk import Desk
from .rig import Rig, Treats, wait_for
from .tap import Tap

DEAD = "00000000-dead-4bad-8bad-000000000000"  # a constant: it stands in the names of tests
HEARTBEAT_LIMIT_S = 25.0


def custom(tap: Tap, subclass: str, **headers: str) -> None:
    lines = "".join(f"\n{name}: {value}" for name, value in headers.items())
    assert tap.command(f"sendevent CUSTOM\nEvent-Subclass: {subclass}{lines}").startswith("+OK")


def seen(tap: Tap, header: str) -> list[str]:
    """The values of a header in all events so far, once the switch has said all it had to say."""
    marker = str(uuid4())
    custom(tap, "contract::end", Mark=marker, Unique_ID="", Number="end")
    wait_for(lambda: any(event.get("Mark") == marker for event in tap.events), "the marker")
    return [event[header] for event in tap.events if header in event and event.get("Mark") is None]


# ---- log-in --------------------------------------------------------------------------------------------------------


def test_a_wrong_password_ends_the_connection(rig: Rig) -> None:
    tap = Tap(rig, password="")
    assert tap.command("auth wrong") == "-ERR invalid"
    assert tap.closed.wait(4)
    tap.close()


def test_nothing_is_done_before_the_log_in(rig: Rig) -> None:
    tap = Tap(rig, password="")
    assert tap.command("api status") == "-ERR command not found"
    tap.close()


def test_exit(bare: Tap) -> None:
    assert bare.command("exit") == "+OK bye"
    assert bare.closed.wait(4)


# ---- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("nosuch", "-ERR command not found"),
        ("api", "-ERR command not found"),
        ("api nosuch", "-ERR nosuch Command not found!"),
        ("api nosuch with arguments", "-ERR nosuch Command not found!"),
        ("event", "-ERR no keywords supplied"),
        ("event plain", "-ERR no keywords supplied"),
        ("nixevent", "-ERR no keywords supplied"),
        ("event plain NO_SUCH_EVENT", "-ERR no keywords supplied"),
        ("filter", "-ERR command not found"),
        ("filter Event-Name", "-ERR invalid syntax"),
        ("filter delete", "-ERR invalid syntax"),
        (f"sendmsg {DEAD}\ncall-command: hangup", f"-ERR invalid session id [{DEAD}]"),
        ("sendmsg\ncall-command: hangup", "-ERR invalid session id []"),
        (f"myevents {DEAD}", "+OK Events Enabled"),
        ("log nosuch", "-ERR invalid log level"),
        ("api show nosuch", "-USAGE: "),
    ],
)
def test_mistakes(bare: Tap, command: str, reply: str) -> None:
    assert bare.command(command).startswith(reply)
    assert bare.command("api echo alive") == "alive"


# ---- subscriptions and filters -------------------------------------------------------------------------------------


def test_only_what_was_asked_for(bare: Tap) -> None:
    assert bare.command("event plain CUSTOM contract::a contract::end") == "+OK event listener enabled plain"
    for subclass in ("contract::a", "contract::b"):
        custom(bare, subclass, Number=subclass)
    assert seen(bare, "Number") == ["contract::a"]


def test_nixevent_takes_back_one(bare: Tap) -> None:
    bare.command("event plain MESSAGE CUSTOM contract::a contract::b contract::end")
    assert bare.command("nixevent CUSTOM contract::b") == "+OK events nixed"
    for subclass in ("contract::a", "contract::b"):
        custom(bare, subclass, Number=subclass)
    assert seen(bare, "Number") == ["contract::a"]


def test_noevents_takes_back_all(bare: Tap) -> None:
    bare.command("event plain ALL")
    assert bare.command("noevents") == "+OK no longer listening for events"
    custom(bare, "contract::a", Number="1")
    bare.command("event plain CUSTOM contract::end")
    assert seen(bare, "Number") == []


@pytest.mark.parametrize(
    ("filters", "passed"),
    [
        (["filter Number one"], ["one"]),
        (["filter Number one", "filter Number two"], ["one", "two"]),
        (["filter Number /^t/"], ["two", "three"]),
        (["filter Number /^(one|three)$/"], ["one", "three"]),
        (["filter Number /./", "filter Number -two"], ["one", "three"]),
        (["filter Number /./", "filter Number -/^t/"], ["one", "two", "three"]),  # a pattern with a sign is none
        (["filter Number one", "filter delete Number one"], ["one", "two", "three"]),
        (["filter Number one", "filter Number two", "filter delete Number one"], ["two"]),
        (["filter Number one", "filter Number two", "filter delete Number"], ["one", "two", "three"]),
        (["filter Nosuch x"], []),
        (["filter Number ONE"], ["one"]),
    ],
)
def test_filters(bare: Tap, filters: list[str], passed: list[str]) -> None:
    bare.command("event plain CUSTOM contract::a contract::end")
    for command in filters:
        assert bare.command(command).startswith("+OK filter ")
    if any("delete" not in command for command in filters) and len(passed) < 3:
        bare.command("filter Number end")
    for number in ("one", "two", "three"):
        custom(bare, "contract::a", Number=number)
    assert seen(bare, "Number") == passed


def test_a_filter_by_channel(desk: Desk, bare: Tap) -> None:
    one, other = desk.arrive("13800138001"), desk.arrive("13800138002")
    bare.command("event plain ALL")
    bare.command(f"filter Unique-ID {one.uuid}")
    for call in (other, one):
        call.caller.hang_up()
    bare.wait("CHANNEL_HANGUP_COMPLETE", one.uuid)
    assert {event.get("Unique-ID") for event in bare.events} <= {one.uuid, None}
    assert all(event.get("Unique-ID") for event in bare.events if event.name.startswith("CHANNEL_"))


def test_events_as_json(bare: Tap) -> None:
    assert bare.command("event json CUSTOM contract::a") == "+OK event listener enabled json"
    custom(bare, "contract::a", Number='50% "quoted" 王')
    event = bare.wait("CUSTOM")
    assert event["Number"] == '50% "quoted" 王'
    assert event["Event-Subclass"] == "contract::a"


def test_a_job_is_told_with_our_own_number(bare: Tap) -> None:
    bare.command("event plain BACKGROUND_JOB")
    mine = str(uuid4())
    assert bare.command(f"bgapi echo a b\nJob-UUID: {mine}") == f"+OK Job-UUID: {mine}"
    event = bare.wait("BACKGROUND_JOB")
    assert (event["Job-UUID"], event["Job-Command"], event["Job-Command-Arg"]) == (mine, "echo", "a b")
    assert event.body == "a b"


def test_heartbeat(bare: Tap) -> None:
    bare.command("event plain HEARTBEAT")
    beat = bare.wait("HEARTBEAT", limit_s=HEARTBEAT_LIMIT_S)
    assert beat["Event-Info"] == "System Ready"
    for name in ("Session-Count", "Max-Sessions", "Session-Per-Sec", "Session-Since-Startup", "Uptime-msec"):
        assert beat[name].isdigit(), name
    assert beat["Core-UUID"] == bare.command("api global_getvar core_uuid")


# ---- lists ---------------------------------------------------------------------------------------------------------


def rows(tap: Tap, what: str) -> list[dict[str, str]]:
    told = json.loads(tap.command(f"api show {what} as json"))
    assert told["row_count"] == len(told.get("rows", []))
    found: list[dict[str, str]] = told.get("rows", [])
    return found


def steady(ask: Callable[[], list[dict[str, str]]], count: int) -> list[dict[str, str]]:
    """The list is a database that follows a moment later."""
    wait_for(lambda: len(ask()) == count, f"{count} rows")
    return ask()


def test_nobody_is_listed(desk: Desk, bare: Tap) -> None:
    for what in ("channels", "calls", "bridged_calls"):
        assert bare.command(f"api show {what} as json") == '{"row_count": 0}'
        assert bare.command(f"api show {what} count") == "0 total."


def test_a_parked_call_is_listed(desk: Desk, bare: Tap) -> None:
    call = desk.arrive("13800138000", "4000", name="Li Wei")
    call.answer()

    def is_active() -> bool:
        return [row["callstate"] for row in rows(bare, "channels")] == ["ACTIVE"]

    wait_for(is_active, "the list follows")
    (row,) = rows(bare, "channels")
    assert {name: row[name] for name in PARKED} == {**PARKED, "uuid": call.uuid}
    assert set(row) == COLUMNS
    (pair,) = steady(lambda: rows(bare, "calls"), 1)
    assert (pair["uuid"], pair["b_uuid"], pair["cid_num"]) == (call.uuid, "", "13800138000")
    assert rows(bare, "bridged_calls") == []


PARKED = {
    "uuid": "",
    "direction": "inbound",
    "state": "CS_EXECUTE",
    "cid_name": "Li Wei",
    "cid_num": "13800138000",
    "ip_addr": "127.0.0.1",
    "dest": "4000",
    "dialplan": "XML",
    "context": "trunks",
    "read_codec": "PCMU",
    "read_rate": "8000",
    "callstate": "ACTIVE",
    "call_uuid": "",
    "initial_dest": "4000",
    "initial_cid_num": "13800138000",
    "initial_context": "trunks",
}
COLUMNS = {
    *("uuid", "direction", "created", "created_epoch", "name", "state", "cid_name", "cid_num", "ip_addr", "dest"),
    *("application", "application_data", "dialplan", "context", "read_codec", "read_rate", "read_bit_rate"),
    *("write_codec", "write_rate", "write_bit_rate", "secure", "hostname", "presence_id", "presence_data"),
    *("accountcode", "callstate", "callee_name", "callee_num", "callee_direction", "call_uuid", "sent_callee_name"),
    *("sent_callee_num", "initial_cid_name", "initial_cid_num", "initial_ip_addr", "initial_dest"),
    *("initial_dialplan", "initial_context"),
}


def test_a_conversation_is_listed(desk: Desk, bare: Tap) -> None:
    desk.rig.phone("1001", Treats.ANSWERS)
    call, agent = desk.arrive(), str(uuid4())
    call.answer()
    call.run("bridge", f"[origination_uuid={agent}]user/1001@{desk.rig.domain}")
    call.wait("CHANNEL_BRIDGE")
    (pair,) = steady(lambda: rows(bare, "bridged_calls"), 1)
    assert (pair["uuid"], pair["b_uuid"]) == (call.uuid, agent)
    assert (pair["direction"], pair["b_direction"]) == ("inbound", "outbound")
    assert {row["uuid"]: row["call_uuid"] for row in rows(bare, "channels")} == {call.uuid: call.uuid, agent: call.uuid}
    assert bare.command("api show channels count") == "2 total."
    assert bare.command("api show calls count") == "1 total."
