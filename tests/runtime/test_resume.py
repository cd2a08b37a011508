"""An engine is killed (SIGKILL) while calls wait at every kind of node; the next one goes on where each was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from cti.switch.embedded import VirtualCaller

from .resumekit import House, path, said, uuid_of

Act = Callable[[House, VirtualCaller], object]
MOMENT = "One moment."


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("resume"))
    yield house
    house.close()


def nothing(_house: House, _caller: VirtualCaller) -> None: ...


@dataclass(frozen=True)
class Case:
    """``before``: what happens until the engine is killed, at ``node``; ``then``: after the next one has begun.
    ``hears``: all that is said to the caller from then on. The rest is the record."""

    number: str
    node: str
    hears: list[str]
    path: list[str]
    outcome: str
    before: Act = nothing
    then: Act = nothing
    goals: tuple[str, ...] = ()


def press(keys: str) -> Act:
    return lambda _house, caller: caller.press(keys)


def typed(prompt: str, keys: str) -> Act:
    """Once the prompt is heard, and on disk before the kill."""

    def act(house: House, caller: VirtualCaller) -> None:
        house.hears(caller, prompt)
        house.kept_again(caller, lambda: caller.press(keys))

    return act


def once(text: str, doing: Act) -> Act:
    """When the caller has heard it from the new engine."""

    def act(house: House, caller: VirtualCaller) -> None:
        house.hears(caller, text, MARKS[uuid_of(caller)])
        doing(house, caller)

    return act


def wrong_key(house: House, caller: VirtualCaller) -> None:
    house.hears(caller, "主菜单。")
    house.kept_again(caller, lambda: caller.press("9"))
    house.hears(caller, "没有这个键。")


def talks(extension: str) -> Act:
    def act(house: House, caller: VirtualCaller) -> None:
        house.until(lambda: bridged(caller), f"talks with {extension}")
        query = "select 1 from legs where call_id = ? and role = 'extension'"
        house.until(lambda: house.ask(query, uuid_of(caller)), "the leg is on record")

    return act


def recording(caller: VirtualCaller) -> bool:
    return caller.channel is not None and caller.channel.getvar("current_application") == "record"


def bridged(caller: VirtualCaller) -> bool:
    return caller.channel is not None and caller.channel.getvar("bridge_to") is not None


def agent_hangs_up(extension: str) -> Act:
    def act(house: House, caller: VirtualCaller) -> None:
        house.until(lambda: bridged(caller), "they talk")
        house.hang_up_phone(extension)

    return act


def picks_up(house: House, caller: VirtualCaller) -> None:
    for leg in house.switch.core.directory.phones["1001"].calls:
        leg._answer()
    agent_hangs_up("1001")(house, caller)


def rings(house: House, _caller: VirtualCaller) -> None:
    house.until(lambda: house.switch.core.directory.phones["1001"].calls, "the phone rings")


def asked(times: int) -> Act:
    return lambda house, _caller: house.until(lambda: len(house.office.asked) >= times, "the office was asked")


def ends_message(house: House, caller: VirtualCaller) -> None:
    house.until(lambda: recording(caller), "it records again")
    caller.press("#")


MARKS: dict[str, int] = {}  # call -> how much it had heard when the engine was killed
LONG = "This goes on and on for much longer than anybody would ever want to listen to it, and then some."
CASES = {
    "menu: language and the reprompt spent": Case(
        "101", "main", ["请稍等。", "没有这个键。"], ["hi/next", "speak/next", "main/no_match", "wrong/end"], "wrong",
        before=wrong_key, then=once("没有这个键。", press("9")),
    ),
    "collect: the entry begins again": Case(
        "102", "ask", [MOMENT, "Your code.", "It is 4711."],
        ["ask/filled", "known/case 1", "told/next", "bye/end"], "done",
        before=typed("Your code.", "12"), then=once("Your code.", press("4711#")),
    ),
    "a secret typed before": Case(
        "103", "main", [MOMENT, "One to go on."], ["ask/filled", "main/1", "right/case 1", "good/end"], "right",
        before=typed("Your PIN.", "907351"), then=once("One to go on.", press("1")),
    ),
    "play: keys typed ahead stay": Case(
        "104", "talk", [MOMENT, LONG], ["talk/next", "main/3", "three/end"], "three", before=typed("This goes", "3"),
    ),
    "lookup: asked again": Case(
        "105", "who", [MOMENT, "You are 陈𠮷."], ["who/ok", "known/case 1", "told/next", "fine/end"], "told",
        before=asked(1),
    ),
    "transfer: the phone rings on": Case(
        "107", "call", ["Was it good?"], ["call/talked", "survey/next", "over/end"], "talked", goals=("helped",),
        before=rings, then=picks_up,
    ),
    "bridged: the talk is untouched": Case(
        "108", "call", ["Was it good?"], ["call/talked", "survey/next", "over/end"], "talked", goals=("helped",),
        before=talks("1002"), then=agent_hangs_up("1002"),
    ),
    "voicemail: the caller speaks once more": Case(
        "109", "speak", [MOMENT, "Speak."], ["speak/done", "over/end"], "kept",
        before=lambda house, caller: house.until(lambda: recording(caller), "it records"),
        then=once("Speak.", ends_message),
    ),
    "write: the same one, and once": Case(
        "106", "put", [MOMENT, "It is done."], ["put/done", "fine/next", "over/end"], "written", before=asked(2),
    ),
    "subflow: back in the flow above": Case(
        "111", "ask", [MOMENT, "Rate us.", "You said 5."],
        ["sub/good", "ask/5", "good/end", "fine/next", "bye/end"], "rated",
        before=lambda house, caller: house.hears(caller, "Rate us."), then=once("Rate us.", press("5")),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def callers(house: House) -> dict[str, VirtualCaller]:
    """All of them at once; one engine dies, another begins."""
    house.office.fault = "silent"
    house.phone("1001", answer_after=None)
    house.phone("1002", answer_after=0.05)
    house.phone("1003", answer_after=None)
    engine = house.start_engine()
    calls = {name: house.call(case.number, f"1380000{index:04}") for index, (name, case) in enumerate(CASES.items())}
    for name, case in CASES.items():
        case.before(house, calls[name])
        house.kept(calls[name], case.node)
    calls |= {name: house.call("110", f"1380001000{name[-1]}") for name in ("waits 1", "waits 2")}
    calls["gone"] = house.call("101", "13800020000")
    for name, node in (("waits 1", "agent"), ("waits 2", "agent"), ("gone", "main")):
        house.kept(calls[name], node)
    house.kill(engine)
    calls["gone"].hangup()
    house.office.fault = ""
    with closing(sqlite3.connect(house.folder / "orders.db")) as orders, orders:  # it was written, and nobody heard
        key = f"{uuid_of(calls['write: the same one, and once'])}/written.put.1"
        orders.execute("INSERT INTO orders VALUES (?, '12.50')", (key,))
    MARKS.update((uuid_of(caller), len(said(caller))) for caller in calls.values())
    house.start_engine()
    return calls


@pytest.mark.parametrize("name", CASES)
def test_each_call_goes_on_where_it_was(house: House, callers: dict[str, VirtualCaller], name: str) -> None:
    case, caller = CASES[name], callers[name]
    case.then(house, caller)
    detail = house.record(caller)
    call = detail.call
    assert said(caller)[MARKS[uuid_of(caller)] :] == case.hears
    assert (path(detail), call.outcome, call.goals, call.error) == (case.path, case.outcome, case.goals, "")
    assert [gap.how for gap in detail.gaps] == ["resumed"]
    assert call.started_at <= detail.gaps[0].began_at <= detail.gaps[0].ended_at <= (call.ended_at or 0.0)


def test_a_write_under_way_is_asked_for_by_its_key_and_not_sent_again(
    house: House, callers: dict[str, VirtualCaller]
) -> None:
    house.record(callers["write: the same one, and once"])
    house.record(callers["lookup: asked again"])
    assert house.office.asked == ["QRYBAL"] * 3, "the look-up twice, the write once"


def test_who_hung_up_in_the_gap_has_one_record(house: House, callers: dict[str, VirtualCaller]) -> None:
    detail = house.record(callers["gone"])
    assert (str(detail.call.terminal_cause), detail.gaps) == ("engine_lost", ())
    assert house.ask("select count(*) from call_snapshots where call_id = ?", uuid_of(callers["gone"])) == [(0,)]


def test_places_in_a_queue_and_the_time_waited_are_kept(house: House, callers: dict[str, VirtualCaller]) -> None:
    first, second = callers["waits 1"], callers["waits 2"]
    since = dict(house.ask("select call_id, began_at from queue_entries where ended_at is null"))
    assert since.keys() == {uuid_of(first), uuid_of(second)}
    phone = house.switch.core.directory.phones["1003"]

    def served() -> bool:
        for leg in phone.calls:  # one that rang for the engine that is dead is hung up when it is answered
            if leg.channel.up() and not leg.channel.answered:
                leg._answer()
        return bridged(first)

    house.until(served, "who came first is served first")
    [(began_at, wait_s, ended_at)] = house.until(
        lambda: house.ask(
            "select began_at, wait_s, ended_at from queue_entries where call_id = ? and ended_at is not null",
            uuid_of(first),
        ),
        "its stay is over",
    )
    assert began_at == since[uuid_of(first)]
    assert wait_s == pytest.approx(ended_at - began_at, abs=0.1)
    assert not bridged(second)
    for caller in (first, second):
        caller.hangup()
    assert [house.record(caller).call.terminal_cause for caller in (first, second)] == ["caller_hangup"] * 2


def test_nothing_of_a_call_is_kept_after_its_end(house: House, callers: dict[str, VirtualCaller]) -> None:
    for name in CASES:
        house.record(callers[name])
    house.until(lambda: house.ask("select count(*) from call_snapshots") == [(0,)], "no snapshot is left")
    assert "907351" not in (house.folder / "data" / "cti.db").read_bytes().decode("latin-1")


def test_a_running_engine_hands_its_calls_over(house: House, callers: dict[str, VirtualCaller]) -> None:
    """A rolling upgrade: nobody hears the apology, nothing ends, new callers are met."""
    old = house.engines[-1]
    menu, talk = house.call("101", "13800030000"), house.call("108", "13800030001")
    waiting = house.call("110", "13800030002")
    for caller, node in ((menu, "main"), (talk, "call"), (waiting, "agent")):
        house.kept(caller, node)
    talks("1002")(house, talk)
    heard = len(said(menu))
    house.take_over()
    assert (old.poll(), house.alive) == (0, True)
    house.hears(menu, "主菜单。", heard)
    fresh = house.call("101", "13800030003")
    house.hears(fresh, "主菜单。")
    for caller in (menu, fresh):
        caller.press("1")
    agent_hangs_up("1002")(house, talk)
    house.hears(talk, "Was it good?")
    waiting.hangup()
    details = [house.record(caller) for caller in (menu, fresh, talk, waiting)]
    assert [(one.call.outcome, str(one.call.terminal_cause)) for one in details] == [
        ("one", "flow_end"), ("one", "flow_end"), ("talked", "flow_end"), ("", "caller_hangup"),
    ]  # fmt: skip
    assert [[gap.how for gap in one.gaps] for one in details] == [["resumed"], [], ["resumed"], ["resumed"]]
    assert house.ask("select outcome from queue_entries where call_id = ?", uuid_of(waiting)) == [("abandoned",)]
    assert not any("sorry" in text for caller in (menu, talk, waiting, fresh) for text in said(caller))


def test_an_agent_keeps_the_contact(house: House, callers: dict[str, VirtualCaller]) -> None:
    """It is one in the reports, with the time that no engine saw, and the flow goes on behind it."""
    for waiting in ("waits 1", "waits 2"):  # the agent is this caller's, whichever tests have run before
        callers[waiting].hangup()
        house.record(callers[waiting])
    phone = house.switch.core.directory.phones["1003"]
    house.until(lambda: not any(leg.channel.up() for leg in phone.calls), "the agent's phone is still")
    house.phone("1003", answer_after=0.05)
    caller = house.call("110", "13800040000")
    house.until(lambda: bridged(caller), "they talk")
    query = "select 1 from call_snapshots where call_id = ? and number > 1"
    house.until(lambda: house.ask(query, f"talk:{uuid_of(caller)}"), "it is kept")
    house.kept(caller, "agent")
    before = house.log().count("are at their agents")
    house.kill(house.engines[-1])
    house.start_engine()
    house.until(lambda: house.log().count("are at their agents") > before, "the contact is at its agent")
    house.until(lambda: "state='bridged'" in house.log(), "the leg is found")
    assert bridged(caller)
    house.hang_up_phone("1003")
    detail = house.record(caller)
    assert [gap.how for gap in detail.gaps] == ["resumed"]
    query = "select agent, talk_s, ended_by from contacts_handled where call_id = ?"
    [(agent, talk_s, _)] = house.until(lambda: house.ask(query, uuid_of(caller)), "it is handled")
    assert agent == "1003"
    assert talk_s > 0.5, "an engine takes longer to begin, and the time without one counts"
    house.until(lambda: not house.ask("select 1 from call_snapshots where call_id like 'talk:%'"), "nothing is kept")
