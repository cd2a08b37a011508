"""Several switches behind the product's Kamailio: one dies, is drained, comes back (docs/failover.md)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cti.switch.conf import parse_settings
from cti.switch.dialing import Dialing

from .edge import NO_KAMAILIO, Edge, missing
from .esl import Tap, wait_until
from .switch import RealSwitch, free_port, settings_for_test, text_for_test
from .ua import Dialog, Phone

pytestmark = [pytest.mark.real, pytest.mark.skipif(missing(), reason=NO_KAMAILIO)]


def test_the_configuration_is_one_that_kamailio_takes(tmp_path: Path) -> None:
    edge = Edge(tmp_path, [])
    done = edge.check()
    assert done.returncode == 0, done.stderr
    edge.config.write_text(edge.config.read_text().replace("ds_select_dst(TRUNKS", "ds_choose(TRUNKS"))
    assert edge.check().returncode != 0


@pytest.fixture
def two(freeswitch_binary: Path, tmp_path: Path) -> Iterator[list[RealSwitch]]:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(RealSwitch(freeswitch_binary, tmp_path / name, settings_for_test(max_sessions=50)))
    try:
        for switch in found:
            switch.start()
        yield found
    finally:
        for switch in found:
            switch.stop()


@pytest.mark.nightly
def test_new_calls_go_to_the_switch_that_lives(two: list[RealSwitch], tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    edge = Edge(tmp_path / "edge", two)
    first, second = (switch.conf.trunks_port for switch in two)
    with ExitStack() as stack:
        stack.callback(edge.stop)
        edge.start()
        phone = stack.enter_context(Phone("13800000000"))
        taps = [stack.enter_context(_tap(switch)) for switch in two]
        _until(edge, {first: "AP", second: "AP"})
        calls = [phone.call("4000", edge.port) for _ in range(2)]
        for tap in taps:  # in turn
            assert tap.wait_name("CHANNEL_PARK").variable("cti_trunk") == "callers"
        _cancel(calls)

        # Killed: the next calls are not lost, be it known already or not.
        two[0].kill()
        before = len(taps[1].events)
        calls = [phone.call("4000", edge.port) for _ in range(3)]
        wait_until(lambda: _parked(taps[1], before) == 3, 30, "all calls are on the other switch")
        _cancel(calls)
        _until(edge, {first: "IP", second: "AP"})

        # Back: by one answer.
        two[0].start()
        _until(edge, {first: "AP", second: "AP"})
        # Drained: out, though it lives.
        taps[1].api("fsctl pause inbound")
        _until(edge, {first: "AP", second: "IP"})
        tap = stack.enter_context(_tap(two[0]))
        calls = [phone.call("4000", edge.port) for _ in range(2)]
        wait_until(lambda: _parked(tap, 0) == 2, 30, "all calls are on the first switch")
        _cancel(calls)


@pytest.mark.nightly
def test_a_phone_registers_and_is_called_through_it(two: list[RealSwitch], tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    edge = Edge(tmp_path / "edge", two, carriers="192.0.2.1")  # so that telephones of this machine are no carriers
    with ExitStack() as stack:
        stack.callback(edge.stop)
        edge.start()
        _until(edge, {port: "AP" for switch in two for port in (switch.conf.trunks_port, switch.conf.phones_port)})
        taps = [stack.enter_context(_tap(switch)) for switch in two]
        # Each switch has made passwords of its own here; a site gives both the same directory.
        for switch, tap in zip(two, taps, strict=True):
            with Phone("1001", password=switch.conf.phones["1001"]) as phone:
                if phone.register(edge.port) != 200:
                    continue
                assert f"fs_path=%3Csip%3A127.0.0.1%3A{edge.port}" in tap.api("sofia_contact phones/1001@cti.local")
                tap.command("bgapi originate user/1001@cti.local &park")
                phone.wait_call()
                return
    pytest.fail("no switch has registered it")


@pytest.mark.nightly
def test_a_phone_that_registered_once_is_rung_from_either_switch(freeswitch_binary: Path, tmp_path: Path) -> None:
    """By its name, through Kamailio; and at once from the other switch when its own is killed."""
    port = free_port(socket.SOCK_DGRAM)
    switches = []
    for name in ("one", "two", "edge"):
        (tmp_path / name).mkdir()
    for name in ("one", "two"):
        text = text_for_test(max_sessions=50).replace("sip: {", f'sip: {{phones_through: "127.0.0.1:{port}", ')
        switches.append(RealSwitch(freeswitch_binary, tmp_path / name, parse_settings(text, "test")))
    edge = Edge(tmp_path / "edge", switches, carriers="192.0.2.1", port=port)
    with ExitStack() as stack:
        for switch in switches:
            stack.callback(switch.stop)
            switch.start()
        stack.callback(edge.stop)
        edge.start()
        _until(edge, {port: "AP" for one in switches for port in (one.conf.trunks_port, one.conf.phones_port)})
        taps = {switch: stack.enter_context(switch.tap()) for switch in switches}
        nobody = taps[switches[0]].api("originate user/1002@cti.local &park")
        assert "SUBSCRIBER_ABSENT" in nobody
        own, phone = _registered(switches, edge, stack)
        other = next(switch for switch in switches if switch is not own)
        assert "error/user_not_registered" in taps[other].api("sofia_contact phones/1001@cti.local")
        for nth, switch in enumerate((own, other), 1):
            assert taps[switch].api("originate user/1001@cti.local &park").startswith("+OK")
            assert phone.wait_call(nth=nth).media is not None
        own.kill()
        assert taps[other].api("originate user/1001@cti.local &park").startswith("+OK")
        phone.wait_call(nth=3)
        # As the engine dials it.
        [route] = Dialing("cti.local", phones_through=f"127.0.0.1:{port}").routes("agent", "1001", 20)
        assert taps[other].api(f"originate {route.address} &park").startswith("+OK")
        phone.wait_call(nth=4)


def _registered(switches: list[RealSwitch], edge: Edge, stack: ExitStack) -> tuple[RealSwitch, Phone]:
    """The switch that has let the phone 1001 in: each has made passwords of its own here."""
    for switch in switches:
        phone = stack.enter_context(Phone("1001", password=switch.conf.phones["1001"]))
        if phone.register(edge.port) == 200:
            return switch, phone
    pytest.fail("no switch has registered it")


def _tap(switch: RealSwitch) -> Tap:
    tap = switch.tap()
    tap.api("global_setvar cti_alive_0=1")
    return tap


def _parked(tap: Tap, after: int) -> int:
    return sum(event.name == "CHANNEL_PARK" for event in tap.events[after:])


def _cancel(calls: list[Dialog]) -> None:
    for call in calls:
        call.hang_up()


def _until(edge: Edge, wanted: dict[int, str]) -> None:
    wait_until(lambda: wanted.items() <= edge.states().items(), 60, f"Kamailio sees {wanted}", 0.2)
