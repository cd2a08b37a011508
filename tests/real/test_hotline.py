"""The shipped flows, by `cti serve` on a real switch, for callers with RTP: what they hear, and what is on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.config import PromptSettings
from cti.core.commands import Say
from cti.prompts import Renderer, WavPrompts

from .audio import heard_share, loudness, read_playback, read_wav
from .engine import EngineProcess
from .esl import Tap
from .media import Pcm
from .sipp import HangUp, Pause, Press, may_press, run_callers
from .switch import RealSwitch
from .test_load import NEEDS_RAW
from .ua import Dialog, Phone

pytestmark = pytest.mark.real

WELCOME = "欢迎致电客户服务热线。"
FIXED_LINE = "欢迎致电固定电话与宽带服务。"
MENU = (
    "查话费请按1，账单请按2，套餐请按3，充值请按4，故障申报请按5，"
    "投诉请按6，查其他号码请按7，换语言请按星号，人工服务请按0。"
)
LOAD_CALLS = 100
LOAD_PER_SECOND = 10
KEPT = 0.6  # share of a prompt's half seconds that must be heard on a busy machine; silence and one-way audio give 0


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    running = EngineProcess(real_switch, tmp_path_factory.mktemp("engine"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def watch(real_switch: RealSwitch) -> Iterator[Tap]:
    with real_switch.tap() as running:
        yield running


def prompt(engine: EngineProcess, text: str, language: str = "zh-CN") -> Pcm:
    """What the engine had rendered for ``text``."""
    settings = PromptSettings()
    cache = engine.folder / "data" / "prompts"
    prompts = WavPrompts(engine.folder / "flows" / "prompts", cache, renderer=Renderer(speed=settings.speed))
    try:
        found = prompts.find([Say(text, language)])
        assert found, f"{text} is not rendered"
        return read_wav(Path(found[0]))
    finally:
        prompts.close()


def in_pieces(event: Any) -> bool:
    """Of the prompts here only the balance is joined from pieces."""
    return bool((event.get("Playback-File-Path") or "").startswith("file_string://"))


def record_of(engine: EngineProcess, uuid: str) -> dict[str, Any]:
    engine.finished(1, 15)
    found: dict[str, Any] = engine.get(f"/v1/calls/{uuid}")
    return found


def call(phone: Phone, real_switch: RealSwitch, watch: Tap, called: str = "4000") -> tuple[Dialog, str]:
    dialog = phone.call(called, real_switch.conf.trunks_port)
    dialog.wait_answered()
    return dialog, watch.wait_name("CHANNEL_PARK").get("Unique-ID")


def test_the_balance_is_spoken_and_on_record(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    with Phone("13800000000") as phone:
        dialog, uuid = call(phone, real_switch, watch)
        first = watch.wait(lambda e: e.name == "PLAYBACK_STOP" and e.get("Unique-ID") == uuid, 30)
        welcome = prompt(engine, WELCOME)
        assert heard_share(dialog.media.pcm(), welcome) > KEPT
        assert heard_share(dialog.media.pcm(), prompt(engine, MENU)) < KEPT / 2  # not yet
        assert first.get("Playback-Status") == "done"
        dialog.press("1")
        told = watch.wait(lambda e: e.name == "PLAYBACK_START" and in_pieces(e), 30)
        balance = read_playback(told.get("Playback-File-Path"))
        watch.wait(lambda e: e.name == "PLAYBACK_STOP" and in_pieces(e), 30)
        dialog.media.wait_audio(5, 15)
        assert heard_share(dialog.media.pcm(), balance) > KEPT
        assert loudness(balance) > 300
        dialog.hang_up()
    record = record_of(engine, uuid)
    assert (record["flow"], record["terminal_cause"], record["goals"]) == ("hotline", "caller_hangup", ["balance"])
    assert [(visit["node"], visit["exit"]) for visit in record["visits"]][:8] == [
        ("welcome", "next"), ("who", "ok"), ("open", "open"), ("how", "case 1"), ("news", "next"), ("main", "1"),
        ("known", "case 1"), ("tell", "next"),
    ]  # fmt: skip
    assert "13800000000" not in str(record)


def test_keys_typed_ahead_cut_the_prompts_short(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    with Phone("13800000000") as phone:
        dialog, uuid = call(phone, real_switch, watch)
        dialog.media.wait_audio(0.3, 10)
        dialog.press("*1")  # English, then the balance
        watch.wait(lambda e: e.name == "PLAYBACK_STOP" and in_pieces(e), 30)
        dialog.hang_up()
    record = record_of(engine, uuid)
    assert (record["language"], record["goals"]) == ("en-US", ["balance"])
    assert len(prompt(engine, MENU)) / 8000 > 2.5  # had it been played out, the call could not be that short
    assert [event.get("DTMF-Digit") for event in watch.of(uuid, "DTMF")] == ["*", "1"]


@pytest.mark.parametrize(
    ("number", "called", "flow", "spoken"),
    [
        ("13800000001", "4000", "hotline", WELCOME),
        ("01088880000", "4000", "fixed_line", FIXED_LINE),
        ("13800000001", "10000", "fixed_line", FIXED_LINE),
    ],
    ids=["mobile", "fixed line", "mobile calls the fixed-line service"],
)
def test_each_number_meets_its_flow(
    engine: EngineProcess, real_switch: RealSwitch, watch: Tap, number: str, called: str, flow: str, spoken: str
) -> None:
    with Phone(number) as phone:
        dialog, uuid = call(phone, real_switch, watch, called)
        watch.wait(lambda e: e.name == "PLAYBACK_STOP" and e.get("Unique-ID") == uuid, 30)
        heard = dialog.media.pcm()
        other = {WELCOME: FIXED_LINE, FIXED_LINE: WELCOME}[spoken]
        assert heard_share(heard, prompt(engine, spoken)) > KEPT
        assert heard_share(heard, prompt(engine, other)) < KEPT  # they begin with the same words
        dialog.hang_up()
    assert record_of(engine, uuid)["flow"] == flow


def test_an_agent_answers_and_both_hear_each_other(engine: EngineProcess, real_switch: RealSwitch, watch: Tap) -> None:
    conf = real_switch.conf
    with Phone("13800000002") as phone, Phone("1011", password=conf.phones["1011"]) as agent:
        assert agent.register(conf.phones_port) == 200
        dialog, uuid = call(phone, real_switch, watch)
        dialog.press("0")
        talk = agent.wait_call(20)
        watch.wait_name("CHANNEL_BRIDGE", 30, Unique_ID=uuid)
        before = (dialog.media.frames, talk.media.frames)
        dialog.media.wait_audio(before[0] / 50 + 1, 5)
        talk.media.wait_audio(before[1] / 50 + 1, 5)
        talk.hang_up()
        watch.wait(
            lambda e: e.name == "PLAYBACK_START" and e.get("Unique-ID") == uuid,
            10,
            after=_index(watch, "CHANNEL_UNBRIDGE"),
        )
        dialog.hang_up()
    record = record_of(engine, uuid)
    assert ("agent", "talked") in [(visit["node"], visit["exit"]) for visit in record["visits"]]
    assert [leg["role"] for leg in record["legs"]] == ["caller", "agent"]


@pytest.mark.load
def test_a_hundred_callers_and_a_hundred_correct_records(
    engine: EngineProcess, real_switch: RealSwitch, sipp: Path, tmp_path: Path
) -> None:
    """10 calls a second; each hears the welcome, presses 1, hears the balance and hangs up."""
    if not may_press():
        pytest.skip(NEEDS_RAW)
    before = {found["call_id"] for found in engine.calls()}
    numbers = [f"1380000{number:04}" for number in (0, 1, 2, 5, 6, 10, 11, 12, 15, 16)]  # none that is elderly
    steps = [Pause(3), Press("1"), Pause(9), HangUp()]
    result = run_callers(
        sipp, tmp_path, real_switch.conf.trunks_port, "4000", steps,
        calls=LOAD_CALLS, per_second=LOAD_PER_SECOND, callers=numbers, timeout_s=60,
    )  # fmt: skip
    assert (result.created, result.successful, result.failed) == (LOAD_CALLS, LOAD_CALLS, 0), result.errors
    records = [found for found in engine.finished(len(before) + LOAD_CALLS, 30) if found["call_id"] not in before]
    told = Counter((found["flow"], found["terminal_cause"], tuple(found["goals"]), found["error"]) for found in records)
    assert told == {("hotline", "caller_hangup", ("balance",), ""): LOAD_CALLS}
    assert len({found["call_id"] for found in records}) == LOAD_CALLS
    assert Counter(found["caller"] for found in records) == Counter(
        {f"138****{number[-4:]}": LOAD_CALLS // len(numbers) for number in numbers}
    )
    assert all(10 < found["duration_s"] < 25 for found in records)


def _index(watch: Tap, name: str) -> int:
    """Behind the next event ``name``."""
    event = watch.wait_name(name, 30)
    return watch.events.index(event) + 1
