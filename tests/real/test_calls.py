"""A parked call in the engine's hands: keys, playback, recording, foreign text, trunks. Facts that the driver builds on
(DESIGN 3.1 to 3.4), here without the driver, so that a change of the switch is told from one of ours."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from cti.core.calls import HandOver
from cti.switch.conf import slot_variable
from cti.switch.dialing import Dialing, OtherPlatform
from cti.switch.handover import headers_of
from cti.switch.orders import dial_string

from .audio import heard_share, loudness, read_wav
from .esl import Tap, wait_until
from .media import Pcm
from .switch import RealSwitch
from .trunk import FakeCarrier
from .ua import Dialog, Phone, When

pytestmark = pytest.mark.real


@dataclass
class Parked:
    uuid: str
    dialog: Dialog
    tap: Tap

    def execute(self, application: str, argument: str = "", token: str = "") -> None:
        assert self.tap.execute(self.uuid, application, argument, token) == "+OK"

    def completed(self, token: str, timeout_s: float = 10) -> str:
        event = self.tap.wait_name("CHANNEL_EXECUTE_COMPLETE", timeout_s, Application_UUID=token)
        return str(event.get("Application-Response"))

    def keys(self) -> str:
        return "".join(event.get("DTMF-Digit") for event in self.tap.of(self.uuid, "DTMF"))


@pytest.fixture
def parked(real_switch: RealSwitch, tap: Tap) -> Iterator[Parked]:
    """A caller, answered."""
    tap.api(f"global_setvar {slot_variable(0)}=1")
    with Phone("13800138000") as caller:
        dialog = caller.call("4000", real_switch.conf.trunks_port)
        uuid = tap.wait_name("CHANNEL_PARK").get("Unique-ID")
        call = Parked(uuid, dialog, tap)
        call.execute("answer", token="answer")
        dialog.wait_answered()
        call.completed("answer")
        yield call


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a sweep: like nothing else, and every part of it unlike the others."""
    path = tmp_path_factory.mktemp("prompt") / "sweep.wav"
    at = np.arange(3 * 8000) / 8000
    samples: Pcm = (9000 * np.sin(2 * np.pi * (400 * at + 350 * at**2))).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return path


def test_the_caller_hears_the_prompt(parked: Parked, prompt: Path) -> None:
    parked.execute("playback", str(prompt), "play.1")
    assert parked.completed("play.1") == "FILE PLAYED"
    parked.dialog.media.wait_audio(2.9, 5)
    heard = parked.dialog.media.pcm()
    assert heard_share(heard, read_wav(prompt)) > 0.6
    assert loudness(heard) > 1000


def test_silence_and_another_prompt_are_told_from_the_prompt(prompt: Path) -> None:
    expected = read_wav(prompt)
    noise = np.random.default_rng(1).normal(0, 3000, len(expected) * 2).astype(np.int16)
    assert heard_share(expected, expected) == 1.0
    assert heard_share(np.zeros(len(expected) * 2, np.int16), expected) == 0.0
    assert heard_share(np.zeros(0, np.int16), expected) == 0.0
    assert heard_share(noise, expected) == 0.0
    assert heard_share(expected[::-1].copy(), expected) < 0.4
    half = np.concatenate((expected[: len(expected) // 2], np.zeros(len(expected), np.int16)))
    assert 0.3 < heard_share(half, expected) < 0.7
    slipped = np.concatenate((expected[:9000], np.zeros(400, np.int16), expected[9100:]))
    assert heard_share(slipped, expected) > 0.7


def test_keys_come_as_events_idle_and_during_playback_and_stop_nothing(parked: Parked, prompt: Path) -> None:
    parked.dialog.press("12")
    wait_until(lambda: parked.keys() == "12", 30, "two keys in idle park")
    parked.execute("playback", str(prompt), "play.1")
    parked.dialog.media.wait_audio(0.3, 5)
    parked.dialog.press("3*#0")
    assert parked.completed("play.1") == "FILE PLAYED"
    assert parked.keys() == "123*#0"
    (stopped,) = parked.tap.of(parked.uuid, "PLAYBACK_STOP")
    assert stopped.get("Playback-Status") == "done"
    assert {event.get("DTMF-Source") for event in parked.tap.of(parked.uuid, "DTMF")} == {"RTP"}


def test_break_stops_a_playback(parked: Parked, prompt: Path) -> None:
    parked.execute("playback", str(prompt), "play.1")
    parked.dialog.media.wait_audio(0.3, 5)
    assert parked.tap.api(f"uuid_break {parked.uuid}") == "+OK"
    assert parked.completed("play.1", 2) == "FILE PLAYED"
    (stopped,) = parked.tap.of(parked.uuid, "PLAYBACK_STOP")
    assert stopped.get("Playback-Status") == "break"
    assert parked.dialog.media.frames < 100


def test_several_files_in_one_playback(parked: Parked, prompt: Path) -> None:
    parked.execute("playback", f"file_string://{prompt}!tone_stream://%(300,0,1000)", "play.1")
    assert parked.completed("play.1") == "FILE PLAYED"
    parked.dialog.media.wait_audio(3.2, 5)
    assert heard_share(parked.dialog.media.pcm(), read_wav(prompt)) > 0.6


def test_a_missing_file_is_told_and_the_call_lives(parked: Parked) -> None:
    parked.execute("playback", "/nowhere/none.wav", "play.1")
    assert parked.completed("play.1") == "FILE NOT FOUND"
    assert parked.tap.api(f"uuid_exists {parked.uuid}") == "true"


def test_what_the_caller_says_is_recorded(parked: Parked, real_switch: RealSwitch) -> None:
    path = real_switch.conf.recordings / f"{parked.uuid}.wav"
    parked.execute("record", f"{path} 2 200 60", "record.1")
    parked.completed("record.1")
    with wave.open(str(path)) as file:
        assert 1.0 < file.getnframes() / file.getframerate() < 3.5


@pytest.mark.parametrize(
    "text",
    [
        "${{system(touch {})}}",
        "$${{system(touch {})}}",
        "x%0Aapi system touch {}",
        "%24{{system(touch {})}}",
        r"{}\n\napi exit",
    ],
    ids=["expansion", "preprocessor", "newline", "encoded", "escaped"],
)
def test_foreign_text_stays_text(real_switch: RealSwitch, tap: Tap, tmp_path: Path, text: str, prompt: Path) -> None:
    """In the display name, the user part and a header; through park, playback, set and hang-up."""
    tap.api(f"global_setvar {slot_variable(0)}=1")
    mark = tmp_path / "executed"
    foreign = text.format(mark)
    with Phone("13800138000") as caller:
        dialog = caller.call("4000", real_switch.conf.trunks_port, name=foreign, headers=(("X-Note", foreign),))
        event = tap.wait_name("CHANNEL_PARK")
        call = Parked(event.get("Unique-ID"), dialog, tap)
        call.execute("answer", token="answer")
        dialog.wait_answered()
        assert event.get("Event-Name") == "CHANNEL_PARK"
        # A header with `${` makes no variable at all; one with `%24{` gets past that, and is decoded afterwards.
        # mod_sofia decodes %XX, and writes `%{` for `${` in display names; more must not happen to them.
        assert event.variable("sip_h_X-Note") == (None if "${" in foreign else unquote(foreign))
        assert event.get("Caller-Caller-ID-Name") == unquote(foreign).replace("${", "%{")
        call.execute("playback", "tone_stream://%(50,0,500)", "play.1")
        call.completed("play.1")
        call.execute(
            "set", "copy=${sip_h_X-Note}", "set.1"
        )  # nobody of ours does that; it must be harmless all the same
        call.completed("set.1")
        dialog.hang_up()
        tap.wait_name("CHANNEL_HANGUP_COMPLETE", Unique_ID=call.uuid)
    assert not mark.exists()


def test_even_an_argument_that_says_so_executes_nothing(parked: Parked, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    parked.execute("set", f"trap=${{system(touch {mark})}}", "set.1")
    parked.completed("set.1")
    assert parked.tap.api(f"uuid_getvar {parked.uuid} trap") in ("<API Execute Permission Denied>", "_undef_")
    assert not mark.exists()


def test_a_bridge_rings_answers_and_gives_the_caller_back(parked: Parked, real_switch: RealSwitch) -> None:
    with Phone("1005", password=real_switch.conf.phones["1005"]) as agent:
        assert agent.register(real_switch.conf.phones_port) == 200
        parked.execute("bridge", "[leg_timeout=10]user/1005@cti.local", "bridge.1")
        agent.wait_call().wait_answered()
        parked.tap.wait_name("CHANNEL_BRIDGE", Unique_ID=parked.uuid)
        agent.wait_call().hang_up()
        parked.completed("bridge.1")
        assert parked.tap.api(f"uuid_exists {parked.uuid}") == "true"
        parked.execute("playback", "tone_stream://%(100,0,500)", "play.1")
        assert parked.completed("play.1") == "FILE PLAYED"


@pytest.mark.parametrize(
    ("number", "when", "disposition"),
    [("1006", When.BUSY, "USER_BUSY"), ("1007", When.RING, "NO_ANSWER"), ("1008", None, "USER_NOT_REGISTERED")],
)
def test_a_failed_bridge_gives_the_caller_back(
    parked: Parked, real_switch: RealSwitch, number: str, when: When | None, disposition: str
) -> None:
    with Phone(number, password=real_switch.conf.phones[number], when=when or When.ANSWER) as agent:
        if when is not None:
            assert agent.register(real_switch.conf.phones_port) == 200
        parked.execute("bridge", f"[leg_timeout=2]user/{number}@cti.local", "bridge.1")
        event = parked.tap.wait_name("CHANNEL_EXECUTE_COMPLETE", Application_UUID="bridge.1")
        assert event.variable("originate_disposition") == disposition
        assert parked.tap.api(f"uuid_exists {parked.uuid}") == "true"


def test_a_phone_registers_only_with_its_own_password(real_switch: RealSwitch, tap: Tap) -> None:
    port, phones = real_switch.conf.phones_port, real_switch.conf.phones
    for number, password, expected in (
        ("1009", phones["1009"], 200),
        ("1009", "wrong", 403),
        ("1009", phones["1010"], 403),
    ):
        with Phone(number, password=password) as phone:
            assert phone.register(port) == expected
    with Phone("4711", password="whatever") as stranger:
        assert stranger.register(port) == 403
    with Phone("1009") as silent:
        assert silent.register(port) == 401
        call = silent.call("10086", port)
        call.wait_finished()
        assert call.status in (401, 407)


def test_a_call_from_elsewhere_is_not_let_in(real_switch: RealSwitch, tap: Tap) -> None:
    """127.0.0.1 is a trunk's address in these tests; when it is taken out of the list, its calls are challenged."""
    acl = real_switch.conf.conf / "local" / "trunk_addresses.xml"
    before = acl.read_text()
    try:
        acl.write_text(before.replace("127.0.0.1/32", "192.0.2.7/32"))
        tap.api("reloadxml")
        tap.api("reloadacl")
        with Phone("13800138000", password="a guess") as caller:
            call = caller.call("4000", real_switch.conf.trunks_port)
            call.wait_finished()
            assert call.status in (403, 407)
    finally:
        acl.write_text(before)
        tap.api("reloadxml")
        tap.api("reloadacl")


def test_a_call_goes_out_by_a_registered_trunk(parked: Parked, carrier: FakeCarrier) -> None:
    """Number, own number and codecs as the settings say; the caller's number is not told."""
    assert carrier.registered.wait(20)
    assert carrier.probed.wait(20)
    nth = len([call for call in carrier.calls if not call.outgoing]) + 1
    parked.execute("bridge", "[leg_timeout=10]sofia/gateway/telecom/13900139000", "bridge.1")
    call = carrier.wait_call(nth=nth)
    invite = call.invite
    assert invite is not None
    assert invite.uri.startswith("sip:13900139000@127.0.0.1")
    assert "<sip:+861012345678@127.0.0.1>" in invite.get("From")
    assert "13800138000" not in invite.get("From") + invite.get("P-Asserted-Identity") + invite.get("Remote-Party-ID")
    assert "m=audio" in invite.body
    assert " 8" not in invite.body.split("RTP/AVP")[1].splitlines()[0]  # PCMU only
    parked.tap.wait_name("CHANNEL_BRIDGE", Unique_ID=parked.uuid)
    call.hang_up()
    parked.completed("bridge.1")


def test_the_next_trunk_is_tried(parked: Parked, carrier: FakeCarrier) -> None:
    """`callers` leads to a port where nobody listens."""
    nth = len([call for call in carrier.calls if not call.outgoing]) + 1
    dial = "|".join(f"[leg_timeout=3]sofia/gateway/{name}/13900139000" for name in ("callers", "telecom"))
    parked.execute("bridge", dial, "bridge.1")
    carrier.wait_call(20, nth=nth).hang_up()
    parked.completed("bridge.1", 20)


def test_what_is_known_of_a_caller_goes_along_to_another_platform(parked: Parked, carrier: FakeCarrier) -> None:
    assert carrier.registered.wait(20)
    assert carrier.probed.wait(20)
    nth = len([call for call in carrier.calls if not call.outgoing]) + 1
    told = HandOver(parked.uuid, "13800138000", "10086", ("hotline.main", "hotline.bill"), "C-4711")
    dialing = Dialing("cti.local", platforms={"old": OtherPlatform("telecom")})
    (route,) = dialing.platform_routes("old", told, 10.0)
    parked.execute("bridge", dial_string(route, f"{parked.uuid[:-4]}beef", "0"), "bridge.1")
    call = carrier.wait_call(nth=nth)
    assert call.invite is not None
    assert call.invite.uri.startswith("sip:10086@127.0.0.1")
    headers = {name: call.invite.get(name) for name in headers_of(told)}
    assert headers == headers_of(told)
    call.hang_up()
    parked.completed("bridge.1")


def test_headers_that_a_caller_sent_do_not_go_along_to_another_platform(
    real_switch: RealSwitch, tap: Tap, carrier: FakeCarrier
) -> None:
    """A switch copies a caller's own X- headers to whoever is called for it."""
    tap.api(f"global_setvar {slot_variable(0)}=1")
    assert carrier.registered.wait(20)
    assert carrier.probed.wait(20)
    nth = len([call for call in carrier.calls if not call.outgoing]) + 1
    (route,) = Dialing("cti.local", platforms={"old": OtherPlatform("telecom")}).platform_routes(
        "old", HandOver("5d7e", None, "10086", ()), 10.0
    )
    with Phone("13800138000") as caller:
        forged = (("X-CTI-Identity", "4711"), ("X-CTI-Caller", "13900000000"), ("X-Note", "n"))
        dialog = caller.call("4000", real_switch.conf.trunks_port, headers=forged)
        call = Parked(tap.wait_name("CHANNEL_PARK").get("Unique-ID"), dialog, tap)
        call.execute("answer", token="answer")
        dialog.wait_answered()
        call.execute("bridge", dial_string(route, f"{call.uuid[:-4]}beef", "0"), "bridge.1")
        other = carrier.wait_call(nth=nth)
        assert other.invite is not None
        told = {name: value for name, value in other.invite.headers if name.startswith(("X-CTI-", "X-Note"))}
        assert told == {"X-CTI-Call": "5d7e", "X-CTI-Called": "10086"}
        other.hang_up()
        call.completed("bridge.1")
        dialog.hang_up()
