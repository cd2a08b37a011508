"""Recording, fax and video on a real switch: what is in the files afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cti.channels.fax_pages import HEIGHT, WIDTH, TextPages

from .audio import RATE, loudest, read_wav
from .engine import EngineProcess
from .esl import Tap, wait_until
from .media import tone_frame
from .records import record_of, sealed
from .switch import RealSwitch
from .ua import Dialog, Phone

pytestmark = pytest.mark.real

HUM_HZ, BEFORE_HZ, ASKED_HZ, AFTER_HZ = 450, 700, 1300, 1900
LOUD = 0.02  # share of full scale at which a tone is surely there
FAX_S = 150.0
HEADER = 32
TEXT = "Your balance is 12.50 yuan.\n您的余额是12.50元。"

FLOWS = {
    "tape": f"""
flow: tape
start: agree
languages: {{default: en-US}}
vars: {{pin: "text?!"}}
nodes:
  agree: {{type: recording, consent: {{tone: "%(200,0,350)"}}, to: {{next: before, refused: no}}}}
  before: {{type: play, tone: "%(1500,0,{BEFORE_HZ})", barge_in: false}}
  pin:
    type: collect
    say: {{tone: "%(1500,0,{ASKED_HZ})"}}
    barge_in: false
    save: pin
    digits: {{min: 4, max: 4}}
    to: {{filled: after, else: no}}
  after: {{type: play, tone: "%(3000,0,{AFTER_HZ})", barge_in: false}}
  known: {{type: branch, cases: [{{when: given(pin), to: off}}], default: no}}
  off: {{type: recording, do: stop}}
  later: {{type: play, tone: "%(600,0,{ASKED_HZ})"}}
  bye: {{type: end, outcome: recorded}}
  no: {{type: end, outcome: refused}}
""",
    "faxin": """
flow: faxin
start: take
languages: {default: en-US}
media: [voice, fax]
vars: {file: "text?"}
nodes:
  take: {type: fax, do: receive, save: file, deadline: 3m, to: {ok: know, failed: failed, timeout: late}}
  know: {type: branch, cases: [{when: given(file), to: kept}], default: failed}
  kept: {type: end, outcome: received}
  failed: {type: end, outcome: failed}
  late: {type: end, outcome: late}
""",
    "faxout": f"""
flow: faxout
start: give
languages: {{default: en-US}}
media: [voice, fax]
nodes:
  give: {{type: fax, do: send, text: {json.dumps(TEXT)}, deadline: 3m, to: {{ok: sent, failed: failed, timeout: late}}}}
  sent: {{type: end, outcome: sent}}
  failed: {{type: end, outcome: failed}}
  late: {{type: end, outcome: late}}
""",
    "faxlate": """
flow: faxlate
start: take
languages: {default: en-US}
nodes:
  take: {type: fax, do: receive, deadline: 2s, to: {ok: bye, failed: bye, timeout: late}}
  late: {type: play, tone: "%(400,0,700)"}
  over: {type: end, outcome: late}
  bye: {type: end, outcome: received}
""",
    "faxtalk": f"""
flow: faxtalk
start: take
languages: {{default: en-US}}
media: [voice, fax]
nodes:
  take: {{type: fax, do: receive, deadline: 5s, to: {{ok: bye, failed: bye, timeout: tell}}}}
  tell: {{type: play, tone: "%(400,0,{BEFORE_HZ})"}}
  again: {{type: fax, do: send, text: "Thank you.", deadline: 1m, to: {{ok: bye, failed: no, timeout: no}}}}
  bye: {{type: end, outcome: both}}
  no: {{type: end, outcome: one}}
""",
    "film": """
flow: film
start: show
languages: {default: en-US}
media: [voice, video]
nodes:
  show: {type: video, file: film.mp4, to: {next: seen, unsupported: say}}
  seen: {type: end, outcome: seen}
  say: {type: play, tone: "%(400,0,700)", next: told}
  told: {type: end, outcome: told}
""",
    "busy": "flow: busy\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end, outcome: busy}\n",
}
NUMBERS = {name: f"700{index}" for index, name in enumerate(FLOWS)}


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    folder = tmp_path_factory.mktemp("media")
    flows = folder / "flows"
    (flows / "prompts").mkdir(parents=True)
    (flows / "prompts" / "film.mp4").write_bytes(b"no film")
    for name, text in FLOWS.items():
        (flows / f"{name}.yaml").write_text(text, encoding="utf-8")
    entries = [f'  - {{name: {name}, medium: voice, called: "{NUMBERS[name]}", flow: {name}}}\n' for name in FLOWS]
    (flows / "entry.yaml").write_text("entries:\n" + "".join(entries))
    running = EngineProcess(real_switch, folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def watch(real_switch: RealSwitch) -> Iterator[Tap]:
    with real_switch.tap() as running:
        yield running


def call(phone: Phone, real_switch: RealSwitch, watch: Tap, flow: str) -> tuple[Dialog, str]:
    dialog = phone.call(NUMBERS[flow], real_switch.conf.trunks_port)
    dialog.wait_answered()
    return dialog, watch.wait_name("CHANNEL_PARK").get("Unique-ID")


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_a_recording_is_silent_while_the_pin_is_asked(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap, tmp_path: Path
) -> None:
    with Phone("13800000000") as phone:
        dialog, uuid = call(phone, real_switch, watch, "tape")
        dialog.media.voice = tone_frame(HUM_HZ)  # the caller's own voice, all the time
        watch.wait(lambda e: e.name == "PLAYBACK_STOP" and e.get("Unique-ID") == uuid, 30)
        dialog.press("1")
        wait_until(lambda: len(watch.of(uuid, "PLAYBACK_STOP")) >= 3, 30, "the question for the PIN has been played")
        dialog.press("1234")
        dialog.wait_finished(20)
    record = record_of(engine, uuid)
    assert (record["outcome"], record["error"]) == ("recorded", "")
    (kept,) = record["recordings"]
    assert kept["kind"] == "flow"
    assert "13800000000" not in kept["recording_id"]
    tape = read_wav(sealed(engine, kept, tmp_path / "tape.wav"))
    ((masked_from, masked_to),) = kept["masked"]

    def at(moment: str) -> int:
        return max(0, round((seconds(moment) - seconds(kept["started_at"])) * RATE))

    assert len(tape) == pytest.approx(at(kept["ended_at"]), abs=RATE / 2)
    margin = RATE // 4
    silent = tape[at(masked_from) + margin : at(masked_to) - margin]
    assert len(silent) > 1.2 * RATE
    assert not silent.any(), f"{np.count_nonzero(silent)} of {len(silent)} masked samples are not zero"
    assert loudest(tape, ASKED_HZ) < LOUD / 4, "nothing of the question, nor of what came after the end"
    for part, hertz in ((tape[: at(masked_from) - margin], BEFORE_HZ), (tape[at(masked_to) + margin :], AFTER_HZ)):
        heard = (loudest(part, hertz), loudest(part, HUM_HZ))
        assert min(heard) > LOUD, f"both sides are recorded: {heard}"


def test_without_consent_nothing_is_recorded(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    with Phone("13800000001") as phone:
        dialog, uuid = call(phone, real_switch, watch, "tape")
        watch.wait(lambda e: e.name == "PLAYBACK_STOP" and e.get("Unique-ID") == uuid, 30)
        dialog.press("2")
        dialog.wait_finished(10)
    record = record_of(engine, uuid)
    assert (record["outcome"], record["recordings"]) == ("refused", [])
    assert not watch.of(uuid, "RECORD_START")


#: What the other fax machine does: it speaks audio only, takes T.38 when asked, asks for it itself.
MACHINES = {
    "audio": ",fax_enable_t38=false",
    "takes": ",fax_enable_t38=true,fax_enable_t38_request=false",
    "asks": ",fax_enable_t38=true,fax_enable_t38_request=true",
}


def other_leg(real_switch: RealSwitch, watch: Tap, flow: str, application: str, machine: str = "audio") -> str:
    """A leg of this switch calls the number of ``flow`` by SIP and runs ``application``; the uuid of the call."""
    port = real_switch.conf.trunks_port
    address = f"sofia/trunks/sip:{NUMBERS[flow]}@127.0.0.1:{port}"
    answer = watch.api(f"originate {{ignore_early_media=true{MACHINES[machine]}}}{address} {application}")
    assert answer.startswith("+OK"), answer
    found = watch.wait(lambda e: e.name == "CHANNEL_PARK" and e.get("Call-Direction") == "inbound", 30)
    return str(found.get("Unique-ID"))


def fax_over(watch: Tap, uuid: str, t38: str) -> None:
    """Until the call is; both ends have come to ``t38``."""
    gone = watch.wait(lambda e: e.name == "CHANNEL_HANGUP_COMPLETE" and e.get("Unique-ID") == uuid, FAX_S)
    watch.wait(lambda e: e.name == "CHANNEL_HANGUP_COMPLETE" and e.get("Unique-ID") != uuid, 30)
    (far,) = [e for e in watch.events if e.name == "CHANNEL_HANGUP_COMPLETE" and e.get("Unique-ID") != uuid]
    assert gone.variable("fax_t38_status") == t38
    assert (far.variable("fax_t38_status") == "negotiated") == (t38 == "negotiated")


def black(path: Path) -> npt.NDArray[np.bool_]:
    """The dots of the only page."""
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 1, f"{path} has {image.n_frames} pages"
        return ~np.asarray(image.convert("1"))


def assert_same_page(got: Path, sent: Path) -> None:
    """Dot by dot, below the line that every fax machine puts on top: date, station, page (here `HEADER` dots)."""
    a, b = black(got), black(sent)
    assert a.shape == b.shape == (HEIGHT, WIDTH)
    assert a[:HEADER].any()
    assert b.any()
    assert (a[HEADER:] == b[:-HEADER]).all()


#: A page takes some fifteen seconds. On an ordinary day one goes over in T.38 and one in audio.
AUDIO, TAKES, ASKS = (("audio", "refused"), ("takes", "negotiated"), ("asks", "negotiated"))


def at_night(machine: tuple[str, str]) -> Any:
    return pytest.param(*machine, marks=pytest.mark.nightly)


@pytest.mark.parametrize(("machine", "t38"), [TAKES, at_night(AUDIO), at_night(ASKS)])
def test_a_fax_is_received(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap, tmp_path: Path, machine: str, t38: str
) -> None:
    """In T.38 where the other machine knows it, in audio where it refuses."""
    page = tmp_path / "page.tif"
    TextPages().write(TEXT, "zh-CN", str(page))
    began = time.monotonic()
    uuid = other_leg(real_switch, watch, "faxin", f"&txfax({page})", machine)
    fax_over(watch, uuid, t38)
    print(f"received in {time.monotonic() - began:.1f} s")
    record = record_of(engine, uuid)
    taken = record["visits"][0]
    assert (taken["node"], taken["exit"], taken["note"]) == ("take", "ok", "1 pages")
    assert record["outcome"] == "received"
    (kept,) = record["recordings"]
    assert (kept["kind"], kept["pages"], kept["error"]) == ("fax", 1, "")
    assert_same_page(sealed(engine, kept, tmp_path / "kept.tif", "pages"), page)


@pytest.mark.parametrize(("machine", "t38"), [AUDIO, at_night(TAKES), at_night(ASKS)])
def test_a_text_is_sent_as_a_fax(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap, tmp_path: Path, machine: str, t38: str
) -> None:
    got, page = tmp_path / "got.tif", tmp_path / "page.tif"
    TextPages().write(TEXT, "en-US", str(page))
    uuid = other_leg(real_switch, watch, "faxout", f"&rxfax({got})", machine)
    fax_over(watch, uuid, t38)
    record = record_of(engine, uuid)
    assert (record["outcome"], record["visits"][0]["note"]) == ("sent", "1 pages")
    wait_until(got.is_file, 30, "the page that came out")
    assert_same_page(got, page)
    assert list((engine.folder / "data" / "faxes").iterdir()) == [], "somebody's bill is left behind"


def test_after_a_fax_in_t38_the_call_goes_on_without_sound(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap, tmp_path: Path
) -> None:
    """Stopped in the middle of a page. The switch cannot turn the call back to audio: a playback would never end, and
    the caller would be kept for ever."""
    page = tmp_path / "page.tif"
    TextPages().write(TEXT, "en-US", str(page))
    uuid = other_leg(real_switch, watch, "faxtalk", f"txfax:{page},park inline", "takes")
    watch.wait(lambda e: e.name == "CHANNEL_HANGUP_COMPLETE" and e.get("Unique-ID") == uuid, FAX_S)
    record = record_of(engine, uuid)
    path = [(visit["node"], visit["exit"]) for visit in record["visits"]]
    assert path == [("take", "timeout"), ("tell", "next"), ("again", "failed"), ("no", "end")]
    assert record["outcome"] == "one"
    assert not watch.of(uuid, "PLAYBACK_START")


def test_a_fax_that_nobody_sends_is_given_up(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    with Phone("13800000002") as phone:
        dialog, uuid = call(phone, real_switch, watch, "faxlate")
        dialog.wait_finished(20)
    record = record_of(engine, uuid)
    assert record["outcome"] == "late"
    assert [(visit["node"], visit["exit"]) for visit in record["visits"]][:2] == [("take", "timeout"), ("late", "next")]
    tones = [e.get("Playback-File-Path") for e in watch.of(uuid, "PLAYBACK_STOP")]
    assert [str(tone).split("%")[0] for tone in tones] == ["tone_stream://"], "after the fax the caller is spoken to"


def test_a_video_is_unsupported_where_no_module_plays_it(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap
) -> None:
    if "true" in [watch.api(f"module_exists {module}") for module in ("mod_av", "mod_fsv")]:
        pytest.skip("this switch has a video module: see test_video.py")
    with Phone("13800000003") as phone:
        dialog, uuid = call(phone, real_switch, watch, "film")
        dialog.wait_finished(15)
    record = record_of(engine, uuid)
    assert (record["outcome"], record["visits"][0]["exit"]) == ("told", "unsupported")
    assert [str(e.get("Playback-File-Path"))[:7] for e in watch.of(uuid, "PLAYBACK_START")] == ["tone_st"]
