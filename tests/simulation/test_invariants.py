"""Each invariant of the simulation can fail: what it watches for is put before it, and it says so; what is as it should
be, and it says nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import tests.simulation.invariants as module
from cti.acd.states import ContactState
from tests.simulation.invariants import AGENT_S, LOOK_S, MARGIN_S, OWNER_S, Invariants

ENDED = {"c1": (100.0, "flow_end")}


class Channel:
    def __init__(self, partner: str = "") -> None:
        self.partner = partner
        self.variables: dict[str, str] = {}

    def partner_uuid(self) -> str:
        return self.partner

    def getvar(self, name: str) -> str | None:
        return self.variables.get(name)


class Scene:
    """An engine in which anna talks with c1 over leg l1, and c2 and c3 wait, all on record."""

    def __init__(self) -> None:
        self.channels = {"c1": Channel("l1"), "l1": Channel("c1"), "c2": Channel(), "c3": Channel()}
        self.desks = {"anna": SimpleNamespace(contacts={"c1"})}
        self.cases = {
            "c1": self.case("c1", ContactState.TALKING, 950.0),
            "c2": self.case("c2", ContactState.QUEUED, 960.0),
            "c3": self.case("c3", ContactState.QUEUED, 970.0),
        }
        self.offers: dict[int, Any] = {}
        self.talks = {"c1": SimpleNamespace(leg="l1")}
        self.records = dict(ENDED)
        self.time = SimpleNamespace(now=1000.0, chance=random.Random(1))
        floor = SimpleNamespace(offers=self.offers, desks=self.desks, cases=self.cases)
        self.floor = SimpleNamespace(
            owner=SimpleNamespace(acd=SimpleNamespace(floor=floor), now=lambda: self.time.now),
            talks=SimpleNamespace(find=self.talks.get),
        )
        self.driver = SimpleNamespace(legs={}, leg_control=SimpleNamespace(own={"l1"}))
        self.store = SimpleNamespace(
            flush=lambda _s: True,
            health=lambda: SimpleNamespace(error="it is full"),
            find_journal=lambda _call: None,
            find_call=lambda _call: None,
        )
        self.engine = SimpleNamespace(_actors={"c1": 1, "c2": 1, "c3": 1})
        application = SimpleNamespace(
            floor=self.floor,
            switches_by_name={"fs": self.driver},
            engine=self.engine,
            store=self.store,
            library=SimpleNamespace(plans={"menu": None}),
        )
        rows = SimpleNamespace(fetchall=lambda: [(call, *row) for call, row in self.records.items()])
        lines = SimpleNamespace(fetchall=lambda: [("c1", 2)])
        self.engines: Any = SimpleNamespace(
            up=True,
            application=application,
            network=SimpleNamespace(heard=None),
            database=SimpleNamespace(
                raw=SimpleNamespace(execute=lambda query: lines if "call_messages" in query else rows),
                taken_over=set[int](),
                stale=list[str](),
            ),
        )
        self.witness = SimpleNamespace(
            parked={"c1", "c2", "c3", "x"},
            met={"c1"},
            texts=Counter[str](),
            unwritten_since=float("inf"),
        )
        self.office = SimpleNamespace(repeated=[], sent={})
        self.holds = self.new()

    def new(self) -> Invariants:
        switches: Any = SimpleNamespace(core=SimpleNamespace(channels=self.channels))
        callers: Any = SimpleNamespace(uuids={"c1"})
        time: Any = self.time
        witness: Any = self.witness
        return Invariants(time, self.engines, switches, callers, witness)

    @staticmethod
    def case(contact: str, state: ContactState, ranked_at: float) -> Any:
        return SimpleNamespace(contact=contact, state=state, ranked_at=ranked_at, wish=SimpleNamespace(medium="voice"))

    def look(self, seconds: float) -> None:
        floor: Any = self.floor
        for _ in range(int(seconds / LOOK_S)):
            self.holds._look(floor, self.holds._switches.core)

    def restart(self, meanwhile: Callable[[Scene], object]) -> None:
        self.look(2.0)
        self.holds.engine_goes()
        meanwhile(self)
        self.holds.engine_came()

    def over(self) -> None:
        """Everybody has gone."""
        for what in (self.channels, self.engine._actors, self.driver.legs, self.driver.leg_control.own):
            what.clear()
        office: Any = self.office
        self.holds.wrong_at_end(office)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("tests.simulation.invariants.gevent.sleep", lambda _s: None)
    return Scene()


def test_nothing_is_wrong_where_nothing_is(scene: Scene) -> None:
    scene.look(60.0)
    scene.restart(lambda _scene: None)
    scene.over()
    assert scene.holds.wrong == []
    looked = scene.holds.looked
    assert all(looked[what] for what in ("agents at a contact", "channels", "records", "places over an engine's end"))
    assert looked["bridges over an engine's end"] == 1


def test_an_agent_with_two_live_offers_is_found(scene: Scene) -> None:
    for number in (1, 2):
        case = scene.case(f"c{number}", ContactState.RESERVED, 960.0)
        scene.offers[number] = SimpleNamespace(pending=True, desk=SimpleNamespace(agent="anna"), case=case)
    scene.look(LOOK_S)
    assert scene.holds.wrong == ["agent anna has 2 live offers of voice"]


def test_an_agent_who_is_held_by_a_leg_that_is_gone_is_found_after_a_while(scene: Scene) -> None:
    del scene.channels["l1"]
    scene.look(AGENT_S)
    assert scene.holds.wrong == []
    scene.look(MARGIN_S + 2 * LOOK_S)
    assert scene.holds.wrong == [f"agent anna holds leg l1 for more than {AGENT_S:g} s"]


def test_a_channel_without_an_owner_is_found_after_a_while(scene: Scene) -> None:
    scene.channels["x"] = Channel()
    scene.look(OWNER_S)
    assert scene.holds.wrong == []
    scene.look(MARGIN_S + 2 * LOOK_S)
    assert scene.holds.wrong == [f"channel x has no owner for more than {OWNER_S:g} s"]


def test_a_channel_that_the_switch_has_taken_is_the_switchs(scene: Scene) -> None:
    scene.channels["x"] = Channel()
    scene.channels["x"].variables["cti_emergency"] = "true"
    scene.look(2 * OWNER_S)
    assert scene.holds.wrong == []


@pytest.mark.parametrize("order", [b"api uuid_kill l1\n\n", b"bgapi uuid_transfer c1 x\n\n", b"api uuid_park c1\n\n"])
def test_an_engine_that_ends_a_talk_that_it_found_is_found(scene: Scene, order: bytes) -> None:
    scene.restart(lambda scene: scene.engines.network.heard(1, order))
    assert len(scene.holds.wrong) == 1
    assert "ends a talk" in scene.holds.wrong[0]


def test_who_hangs_up_is_no_engine(scene: Scene) -> None:
    def hung_up(scene: Scene) -> None:
        scene.holds.bridge_ends("c1")
        scene.engines.network.heard(1, b"api uuid_kill l1\n\n")

    scene.restart(hung_up)
    assert scene.holds.wrong == []


CLAIMS, KILLS = b"api global_setvar cti_holder_0=e1\n\n", b"api uuid_kill l1\n\n"
PUTS_OFF = b"api sched_del cti_alive_0_claim\n\n"
ASKS = b"auth secret\n\napi global_getvar cti_holder_0\n\n"


@pytest.mark.parametrize(
    ("said", "taken_over", "wrong"),
    [
        ((ASKS, KILLS), False, True),
        ((ASKS, CLAIMS, KILLS), False, False),
        ((ASKS, CLAIMS), True, True),
        ((ASKS, PUTS_OFF, CLAIMS, KILLS), False, False),
        ((ASKS, PUTS_OFF), True, True),
        ((KILLS,), True, True),
        ((ASKS,), True, False),
    ],
)
def test_what_an_engine_says_that_was_fenced_off_is_found(
    scene: Scene, said: tuple[bytes, ...], taken_over: bool, wrong: bool
) -> None:
    scene.holds.fenced(1, taken_over=taken_over)
    for data in said:
        scene.engines.network.heard(1, data)
        scene.engines.network.heard(2, KILLS)  # another engine may
    assert [one.partition(" says ")[0] for one in scene.holds.wrong] == ["an engine that was fenced off"] * wrong
    assert scene.engines.database.taken_over == ({1} if taken_over else set())


def test_places_that_have_changed_are_found(scene: Scene) -> None:
    def changed(scene: Scene) -> None:
        scene.cases["c2"].ranked_at, scene.cases["c3"].ranked_at = 970.0, 960.0

    scene.restart(changed)
    assert "places in queues have changed: ['c2', 'c3']" in scene.holds.wrong


def test_waiting_time_that_is_lost_is_found(scene: Scene) -> None:
    def anew(scene: Scene) -> None:
        scene.cases["c3"].ranked_at = 990.0

    scene.restart(anew)
    assert scene.holds.wrong == ["c3 waited since 970.0, now since 990.0"]


@pytest.mark.parametrize("now", [{}, {"c1": (101.0, "flow_end")}, {"c1": (100.0, "engine_lost")}])
def test_a_committed_record_that_is_another_one_is_found(scene: Scene, now: dict[str, tuple[float, str]]) -> None:
    scene.restart(lambda scene: setattr(scene, "records", now))
    assert scene.holds.wrong == [f"the committed record of c1 was {ENDED['c1']}, is {now.get('c1')}"]


@pytest.mark.parametrize(
    ("leave", "told"),
    [
        (lambda scene: scene.channels.update(x=1), "channels without an owner"),
        (lambda scene: scene.engine._actors.update(x=1), "calls the engine still has"),
        (lambda scene: scene.driver.legs.update(x=1), "legs the driver still has"),
        (lambda scene: scene.driver.leg_control.own.add("x"), "legs of agents the engine still has"),
        (lambda scene: setattr(scene.store, "flush", lambda _s: False), "the store does not write: it is full"),
        (lambda scene: scene.records.clear(), "no terminal record of c1"),
        (lambda scene: scene.witness.texts.update(t1=0), "no terminal record of t1"),
        (lambda scene: scene.witness.texts.update(c1=3), "2 of 3 texts that were taken are in c1"),
        (
            lambda scene: scene.engines.database.stale.append("INSERT INTO call_snapshots"),
            "an engine that was taken over has changed the database: 'INSERT INTO call_snapshots'",
        ),
        (lambda scene: scene.office.repeated.append("complaint k1"), "written more than once: complaint k1"),
    ],
)
def test_what_is_left_at_the_end_is_found(scene: Scene, leave: Callable[[Scene], object], told: str) -> None:
    scene.over()
    leave(scene)
    office: Any = scene.office
    (wrong,) = scene.holds.wrong_at_end(office)
    assert wrong.startswith(told)


def test_a_replay_that_decides_otherwise_is_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.store.find_journal = lambda _call: SimpleNamespace(entries=(), secrets={})
    scene.store.find_call = lambda _call: SimpleNamespace(gaps=())
    recording = SimpleNamespace(flow="menu", lost_secrets=())
    monkeypatch.setattr(module, "read_recording", lambda _entries, _secrets: recording)
    monkeypatch.setattr(module, "replay", lambda *_: SimpleNamespace(same=False, difference="another exit"))
    scene.over()
    assert scene.holds.wrong == ["the replay of c1 decides otherwise: another exit"]
