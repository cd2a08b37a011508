"""Prompts as the runtime uses them, with real espeak-ng processes and real files."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from cti.core.commands import AudioPart, Say, Sound, Tone
from cti.core.errors import ConfigError, CtiError
from cti.prompts import EspeakMissing, Renderer, TextPrompts, WavPrompts, prompt_name

WELCOME = Say("欢迎致电。", "zh-CN")
HELLO = Say("Hello.", "en-US")
BALANCE = Say("Your balance is 88.50.", "en-US", fixed=False, sensitive=True)


class GatedRenderer(Renderer):
    """Writes a file when told to, and counts: for what must happen while something is being rendered."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()
        self.started: list[str] = []

    def render(self, text: str, voice: str, output: Path, *, once: bool = False) -> None:
        self.started.append(text)
        assert self.gate.wait(10.0)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"RIFF")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "music.wav").write_bytes(b"RIFF")
    return tmp_path / "prompts"


@pytest.fixture
def prompts(folder: Path, tmp_path: Path) -> WavPrompts:
    return WavPrompts(folder, tmp_path / "cache")


@pytest.fixture
def gated(folder: Path, tmp_path: Path) -> tuple[WavPrompts, GatedRenderer]:
    renderer = GatedRenderer()
    return WavPrompts(folder, tmp_path / "cache", renderer=renderer), renderer


# ---- text prompts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((WELCOME,), ["say:cti:zh-CN:欢迎致电。"]),
        ((HELLO, Say("Wow!", "en-US")), ["say:cti:en-US:Hello.", "say:cti:en-US:Wow！"]),
        ((Say("Wow!", "en-US"),), ["say:cti:en-US:Wow!"]),
        ((Say("a\r\n\napi system\x00 id\u2028b", "en-US"),), ["say:cti:en-US:a api system id b"]),
        ((Tone("%(200,0,500)"),), ["tone_stream://%(200,0,500)"]),
        ((), []),
    ],
)
def test_text_prompts_give_the_text_to_the_switch(folder: Path, parts: list[AudioPart], expected: list[str]) -> None:
    assert TextPrompts(folder).find(parts) == expected


def test_a_sound_is_its_file(folder: Path) -> None:
    assert TextPrompts(folder).locate([Sound("music.wav")], 1.0) == [str(folder / "music.wav")]


@pytest.mark.parametrize(
    "part",
    [
        Sound("../secret.wav"),
        Sound("a/../../secret.wav"),
        Sound("/etc/passwd"),
        Sound("tone_stream://x"),
        Sound("link.wav"),
        Sound("absent.wav"),
        Sound("."),
        Sound(""),
        Sound("a!b.wav"),
        Sound("${x}.wav"),
        Sound("a\nb.wav"),
        Sound("x" * 5000),
        Tone("%(1,2)!/etc/passwd"),
        Tone("${system(id)}"),
        Tone(""),
        Say("hello", "en:US"),
        Say("hello", "../../x"),
        Say("x" * 5000, "en-US"),
    ],
    ids=repr,
)
def test_nothing_leaves_the_folder_or_the_argument(folder: Path, tmp_path: Path, part: AudioPart) -> None:
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    for prompts in (TextPrompts(folder), WavPrompts(folder, tmp_path / "cache")):
        with pytest.raises(CtiError) as refused:
            prompts.locate([part], 5.0, call_id="c1")
        assert refused.value.code == "prompt-unavailable"


# ---- files ----------------------------------------------------------------------------------------------------------


def test_a_fixed_text_is_rendered_once_and_found_from_then_on(
    prompts: WavPrompts, folder: Path, tmp_path: Path
) -> None:
    assert prompts.find([WELCOME]) is None
    first = prompts.locate([WELCOME, Tone("%(200,0,500)"), Sound("music.wav")], 20.0)
    assert first[1:] == ["tone_stream://%(200,0,500)", str(folder / "music.wav")]
    assert prompts.find([WELCOME]) == first[:1]
    assert WavPrompts(folder, tmp_path / "cache").find([WELCOME]) == first[:1]


def test_the_same_text_in_another_voice_speed_or_language_is_another_file(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    made = [
        WavPrompts(folder, cache).locate([HELLO], 20.0),
        WavPrompts(folder, cache, renderer=Renderer(speed=200)).locate([HELLO], 20.0),
        WavPrompts(folder, cache, voices={"en-US": "en-gb"}).locate([HELLO], 20.0),
        WavPrompts(folder, cache).locate([Say(HELLO.text, "zh-CN")], 20.0),
    ]
    assert len({tuple(arguments) for arguments in made}) == 4


def test_what_is_rendered_is_known(prompts: WavPrompts) -> None:
    assert not prompts.is_rendered(HELLO)
    prompts.locate([HELLO], 20.0)
    assert prompts.is_rendered(HELLO)
    assert not prompts.is_rendered(Say("Bonjour.", "fr-FR"))  # nobody speaks it


def test_a_recording_replaces_the_rendered_text(prompts: WavPrompts, folder: Path) -> None:
    rendered = prompts.locate([WELCOME], 20.0)
    wanted = folder / "recorded" / "zh-CN" / f"{prompt_name('zh-CN', WELCOME.text)}.wav"
    wanted.parent.mkdir(parents=True)
    wanted.write_bytes(b"RIFF")
    assert prompts.find([WELCOME]) == [str(wanted)] != rendered


def test_wrapping_of_a_text_makes_no_other_prompt() -> None:
    assert prompt_name("en-US", " For your balance\n  press 1. ") == prompt_name("en-US", "For your balance press 1.")
    assert prompt_name("en-US", "press 1") != prompt_name("en-US", "press 2")


def test_what_was_rendered_for_a_call_is_its_own_and_ends_with_it(prompts: WavPrompts, tmp_path: Path) -> None:
    [one] = prompts.locate([BALANCE], 20.0, call_id="c1")
    [other] = prompts.locate([BALANCE], 20.0, call_id="c2")
    assert one != other
    assert prompts.locate([BALANCE], 20.0, call_id="c1") == [one]
    prompts.discard_call("c1")
    assert (Path(one).exists(), Path(other).exists()) == (False, True)
    prompts.discard_call("c1")
    prompts.close()
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_no_file_name_tells_anything_of_text_or_call(prompts: WavPrompts, tmp_path: Path) -> None:
    prompts.locate([HELLO, BALANCE], 20.0, call_id="../../13800001234")
    names = [str(path.relative_to(tmp_path / "cache")) for path in (tmp_path / "cache").rglob("*")]
    assert names
    assert not [n for n in names if re.search("13800001234|Hello|balance|元", n)]
    assert not (tmp_path.parent / "13800001234").exists()


def test_a_prompt_for_a_call_needs_the_call(prompts: WavPrompts) -> None:
    with pytest.raises(CtiError, match="needs the call"):
        prompts.locate([BALANCE], 5.0)


def test_the_same_text_is_rendered_once_for_all_who_wait(gated: tuple[WavPrompts, GatedRenderer]) -> None:
    prompts, renderer = gated
    waiting = [gevent.spawn(prompts.locate, [HELLO, HELLO], 10.0, call_id=f"c{n}") for n in range(5)]
    gevent.idle()
    renderer.gate.set()
    gevent.joinall(waiting, timeout=10.0, raise_error=True)
    assert renderer.started == ["Hello."]
    assert len({tuple(job.value) for job in waiting}) == 1


def test_the_deadline_of_one_does_not_end_it_for_the_others(gated: tuple[WavPrompts, GatedRenderer]) -> None:
    prompts, renderer = gated
    patient = gevent.spawn(prompts.locate, [HELLO], 10.0)
    before = time.monotonic()
    with pytest.raises(CtiError, match=r"not rendered within 0\.05 s"):
        prompts.locate([HELLO], 0.05)
    assert time.monotonic() - before < 2.0
    renderer.gate.set()
    assert patient.get(timeout=10.0) == prompts.find([HELLO])


def test_a_call_that_ends_while_its_prompt_is_rendered_leaves_no_file(
    gated: tuple[WavPrompts, GatedRenderer], tmp_path: Path
) -> None:
    prompts, renderer = gated
    waiting = gevent.spawn(prompts.locate, [BALANCE], 10.0, call_id="c1")
    gevent.idle()
    prompts.discard_call("c1")
    renderer.gate.set()
    with pytest.raises(CtiError, match="the call ended"):
        waiting.get(timeout=10.0)
    gevent.idle()
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_a_failure_is_told_and_tried_again_the_next_time(folder: Path, tmp_path: Path) -> None:
    prompts = WavPrompts(folder, tmp_path / "cache", voices={"en-US": "nosuch"})
    for _ in range(2):
        with pytest.raises(CtiError, match="espeak-ng refused"):
            prompts.locate([HELLO], 20.0)
    with pytest.raises(CtiError, match="no voice is configured for zh-CN"):
        prompts.locate([WELCOME], 20.0)


def test_a_renderer_that_hangs_is_ended_at_its_deadline(folder: Path, tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "espeak-ng"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 300\n")
    fake.chmod(0o755)
    renderer = Renderer(render_s=1.0, path=f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(CtiError, match="not rendered within 1 s"):
        WavPrompts(folder, tmp_path / "cache", renderer=renderer).locate([HELLO], 20.0)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5.0
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < deadline, "the hanging espeak-ng was left behind"
        os.sched_yield()


def test_the_hub_goes_on_while_prompts_are_rendered(prompts: WavPrompts) -> None:
    long = Say("One moment please, we are looking for your bill of last month. " * 6, "en-US")
    job = gevent.spawn(prompts.locate, [long], 20.0)
    turns = 0
    while not job.ready():
        gevent.sleep(0.001)
        turns += 1
    job.get()
    assert turns > 10  # one or two, were the hub waiting for the renderer


# ---- ahead of calls -------------------------------------------------------------------------------------------------


def test_rendering_ahead_reports_progress_and_what_it_did(prompts: WavPrompts, folder: Path) -> None:
    recorded = folder / "recorded" / "en-US" / f"{prompt_name('en-US', 'Bye.')}.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes(b"RIFF")
    says = [WELCOME, HELLO, WELCOME, BALANCE, Say("Bye.", "en-US"), Say("Salut.", "fr-FR")]
    steps: list[tuple[int, int]] = []
    report = prompts.render_ahead(says, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (report.total, report.rendered, report.cached, report.recorded) == (4, 2, 0, 1)
    assert [(say.text, error.code) for say, error in report.failed] == [("Salut.", "prompt-unavailable")]
    again = prompts.render_ahead(says)
    assert (again.rendered, again.cached, again.recorded) == (0, 2, 1)


def test_without_espeak_rendering_ahead_stops_with_the_remedy(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    prompts = WavPrompts(folder, tmp_path / "cache", renderer=Renderer(path=str(tmp_path / "empty")))
    with pytest.raises(EspeakMissing):
        prompts.render_ahead([WELCOME, HELLO])


def test_folders_that_cannot_be_used_are_refused_at_start(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="may not hold"):
        WavPrompts(folder, tmp_path / "a!b")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        WavPrompts(folder, tmp_path / "file" / "cache")


def test_files_of_dead_engines_go_after_a_day(folder: Path, tmp_path: Path) -> None:
    old, young = tmp_path / "cache" / "calls" / "1-old", tmp_path / "cache" / "calls" / "2-young"
    for path in (old, young):
        path.mkdir(parents=True)
    os.utime(old, (time.time() - 90_000,) * 2)
    WavPrompts(folder, tmp_path / "cache")
    assert (old.exists(), young.exists()) == (False, True)
