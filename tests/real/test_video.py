"""The node `video` on a real switch: pictures that a caller's phone gets by RTP, and who gets none.

Needs a switch that can show pictures; the one that most installations have cannot, and then these tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from .engine import EngineProcess
from .esl import Tap
from .records import record_of
from .switch import RealSwitch
from .ua import Dialog, Phone
from .video import Video, as_fsv, has_idr, picture_sizes

pytestmark = pytest.mark.real

DATA = Path(__file__).parent / "data"
FILM_S, FILM_PICTURES = 3.0, 45
#: Bytes of an ordinary picture, far above that of the black ones which the switch sends while it shows nothing.
COLOURFUL = 60
MISSING = (
    "this FreeSWITCH has no module that plays a video: build it with applications/mod_av (needs libavformat-dev, "
    "libavcodec-dev, libswscale-dev, libswresample-dev) and applications/mod_fsv, and without --disable-libvpx"
)

FLOW = """
flow: {name}
start: show
languages: {{default: en-US}}
media: [voice, video]
nodes:
  show: {{type: video, file: {file}, to: {{next: seen, unsupported: say}}}}
  seen: {{type: play, tone: "%(400,0,700)"}}
  bye: {{type: end, outcome: seen}}
  say: {{type: play, tone: "%(400,0,1300)"}}
  told: {{type: end, outcome: told}}
"""
BUSY = "flow: busy\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end, outcome: busy}\n"
FILES = {"film": "film.mp4", "raw": "film.fsv", "broken": "broken.mp4"}
NUMBERS = {name: f"710{index}" for index, name in enumerate(FILES)}


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with real_switch.tap("HEARTBEAT") as asking:
        if [asking.api(f"module_exists {module}") for module in ("mod_av", "mod_fsv")] != ["true", "true"]:
            pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("video")
    flows = folder / "flows"
    (flows / "prompts").mkdir(parents=True)
    shutil.copy(DATA / "film.mp4", flows / "prompts" / "film.mp4")
    for name in ("broken.mp4", "film.fsv"):
        (flows / "prompts" / name).write_bytes(b"no film")
    for name, file in FILES.items():
        (flows / f"{name}.yaml").write_text(FLOW.format(name=name, file=file), encoding="utf-8")
    (flows / "busy.yaml").write_text(BUSY)
    entries = [f'  - {{name: {name}, medium: voice, called: "{NUMBERS[name]}", flow: {name}}}\n' for name in FILES]
    (flows / "entry.yaml").write_text("entries:\n" + "".join(entries))
    running = EngineProcess(real_switch, folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def watch(real_switch: RealSwitch) -> Iterator[Tap]:
    with real_switch.tap() as running:
        yield running


def call(phone: Phone, real_switch: RealSwitch, watch: Tap, flow: str, video: Video | None) -> tuple[Dialog, str]:
    dialog = phone.call(NUMBERS[flow], real_switch.conf.trunks_port, video=video)
    dialog.wait_answered()
    return dialog, watch.wait_name("CHANNEL_PARK").get("Unique-ID")


def shown(watch: Tap, uuid: str, file: str, video: Video) -> slice:
    """The packets that came while the file was played."""

    def of_file(name: str) -> Any:
        return lambda e: (
            e.name == name and e.get("Unique-ID") == uuid and str(e.get("Playback-File-Path")).endswith(file)
        )

    watch.wait(of_file("PLAYBACK_START"), 30)
    first = len(video.packets)
    watch.wait(of_file("PLAYBACK_STOP"), 30)
    return slice(first, len(video.packets))


def assert_film(video: Video, during: slice) -> None:
    packets = video.packets[during]
    sizes = picture_sizes(packets)
    print(f"{video.codec}: {len(packets)} packets, {len(sizes)} pictures, {sum(sizes)} bytes")
    assert len(sizes) > 0.8 * FILM_PICTURES
    assert median(sizes) > COLOURFUL, f"these are black: {sizes}"
    if video.codec == "H264":
        assert has_idr(packets), "nothing that a decoder could begin with"


def assert_seen(engine: EngineProcess, uuid: str) -> None:
    record = record_of(engine, uuid)
    assert (record["outcome"], record["error"]) == ("seen", "")
    assert [(visit["node"], visit["exit"]) for visit in record["visits"]][:2] == [("show", "next"), ("seen", "next")]


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_a_film_is_seen_and_heard(engine: EngineProcess, real_switch: RealSwitch, watch: Tap, codec: str) -> None:
    video = Video(codec)
    with Phone("13800000010") as phone:
        dialog, uuid = call(phone, real_switch, watch, "film", video)
        during = shown(watch, uuid, "film.mp4", video)
        assert dialog.media.frames * 0.02 > 0.9 * FILM_S, "the film has a sound track"
        dialog.wait_finished(10)
    assert_film(video, during)
    assert_seen(engine, uuid)
    tones = [str(e.get("Playback-File-Path"))[:14] for e in watch.of(uuid, "PLAYBACK_STOP")]
    assert tones[-1] == "tone_stream://", "after the film the caller is spoken to"


def test_a_raw_recording_is_shown_to_a_phone_of_another_codec(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap
) -> None:
    """And the switch survives it: mod_fsv 1.10.12 dies of such a file where it is named without parameters."""
    taken = Video("H264")
    with Phone("13800000011") as phone:
        dialog, uuid = call(phone, real_switch, watch, "film", taken)
        during = shown(watch, uuid, "film.mp4", taken)
        dialog.wait_finished(10)
    raw = engine.folder / "flows" / "prompts" / "film.fsv"
    raw.write_bytes(as_fsv(taken.packets[during], "H264"))
    with Phone("13800000012") as phone:
        video = Video("VP8")
        start = len(watch.events)
        dialog = phone.call(NUMBERS["raw"], real_switch.conf.trunks_port, video=video)
        uuid = watch.wait_name("CHANNEL_PARK", after=start).get("Unique-ID")
        during = shown(watch, uuid, "film.fsv", video)
        dialog.wait_finished(10)
    assert_film(video, during)
    assert_seen(engine, uuid)
    assert real_switch.process is not None
    assert real_switch.process.poll() is None


def test_a_key_ends_the_film(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    video = Video("H264")
    with Phone("13800000013") as phone:
        dialog, uuid = call(phone, real_switch, watch, "film", video)
        video.wait_packets(20, 10)
        dialog.press("5")
        during = shown(watch, uuid, "film.mp4", video)
        dialog.wait_finished(10)
    record = record_of(engine, uuid)
    assert (record["outcome"], record["visits"][0]["note"]) == ("seen", "stopped by a key")
    assert len(picture_sizes(video.packets[during])) < FILM_PICTURES


@pytest.mark.parametrize("flow", ["", "sendonly", "inactive"])
def test_who_looks_at_nothing_is_told_so(engine: EngineProcess, real_switch: RealSwitch, watch: Tap, flow: str) -> None:
    """Without video in the call, or with a camera only."""
    with Phone("13800000014") as phone:
        dialog, uuid = call(phone, real_switch, watch, "film", Video("H264", flow) if flow else None)
        dialog.wait_finished(10)
    assert_told(engine, watch, uuid)


def test_a_file_that_is_no_film_is_unsupported(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    with Phone("13800000015") as phone:
        dialog, uuid = call(phone, real_switch, watch, "broken", Video("H264"))
        dialog.wait_finished(10)
    assert_told(engine, watch, uuid)


def assert_told(engine: EngineProcess, watch: Tap, uuid: str) -> None:
    record = record_of(engine, uuid)
    assert (record["outcome"], record["visits"][0]["exit"]) == ("told", "unsupported")
    played = [str(e.get("Playback-File-Path")) for e in watch.of(uuid, "PLAYBACK_START")]
    assert [path for path in played if not path.startswith("tone_stream")] == []


def test_callers_are_offered_video_and_phones_are_not_called_with_it(
    real_switch: RealSwitch, engine: EngineProcess
) -> None:
    local = (real_switch.conf.conf / "local" / "vars.xml").read_text()
    assert 'cti_inbound_codecs=PCMA,PCMU,H264,VP8"' in local
    assert 'cti_codecs=PCMA,PCMU"' in local
