"""The studio's script, and its files put in place: all, or none."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from cti.core.commands import Say
from cti.core.errors import CtiError
from cti.prompts import (
    RecordingsRefused,
    ScriptLine,
    State,
    WavPrompts,
    check_files,
    find_files,
    find_unused,
    make_script,
    prompt_name,
    put_in_place,
)
from tests.prompts.studio import tone, wav

WELCOME, HELLO, BYE = Say("欢迎致电。", "zh-CN"), Say("Hello.", "en-US"), Say("Goodbye.", "en-US")
BALANCE = Say("Your balance is 88.50.", "en-US", fixed=False)


def name_of(say: Say) -> str:
    return prompt_name(say.language, say.text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    return tmp_path / "prompts"


@pytest.fixture
def studio(tmp_path: Path) -> Path:
    (tmp_path / "studio").mkdir()
    return tmp_path / "studio"


@pytest.fixture
def script(folder: Path) -> list[ScriptLine]:
    return make_script([WELCOME, HELLO, WELCOME, BALANCE, BYE], folder)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_script_has_each_fixed_text_once_with_its_state(folder: Path) -> None:
    file = folder / "recorded" / "zh-CN" / f"{name_of(WELCOME)}.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"RIFF")
    lines = make_script([WELCOME, HELLO, WELCOME, BALANCE, BYE], folder, lambda say: say == HELLO)
    assert [(line.language, line.name, str(line.state), line.text) for line in lines] == [
        ("zh-CN", name_of(WELCOME), "recorded", "欢迎致电。"),
        ("en-US", name_of(HELLO), "rendered", "Hello."),
        ("en-US", name_of(BYE), "missing", "Goodbye."),
    ]
    assert lines[0].file == f"zh-CN/{name_of(WELCOME)}.wav"
    assert [line.state for line in make_script([HELLO], folder)] == [State.MISSING]


def test_recordings_of_texts_that_are_gone_are_told(folder: Path, script: list[ScriptLine]) -> None:
    for name in ("zh-CN/old.wav", script[0].file):
        (folder / "recorded" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "recorded" / name).write_bytes(b"")
    assert find_unused(script, folder) == ["zh-CN/old.wav"]


def test_files_are_taken_and_played(folder: Path, studio: Path, script: list[ScriptLine], tmp_path: Path) -> None:
    (studio / "zh-CN").mkdir()
    (studio / "zh-CN" / f"{name_of(WELCOME)}.WAV").write_bytes(wav([tone(rate=48000)] * 2, 48000, 24))
    (studio / f"{name_of(HELLO)}.wav").write_bytes(wav([tone(seconds=0.5)]))
    placed = put_in_place(check_files(find_files([studio]), script), folder)
    assert sorted((recording.line.text, replaced) for recording, replaced in placed) == [
        ("Hello.", False),
        ("欢迎致电。", False),
    ]
    [argument] = WavPrompts(folder, tmp_path / "cache").find([WELCOME]) or []
    with wave.open(argument) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() == pytest.approx(8000, abs=100)
    assert len(everything_below(folder)) == 2


def test_an_older_recording_is_replaced(folder: Path, studio: Path, script: list[ScriptLine]) -> None:
    source = studio / f"{name_of(HELLO)}.wav"
    sizes = []
    for seconds, expected in ((0.5, False), (0.9, True)):
        source.write_bytes(wav([tone(seconds=seconds)]))
        [(_, replaced)] = put_in_place(check_files([source], script), folder)
        assert replaced is expected
        [content] = everything_below(folder).values()
        sizes.append(len(content))
    assert sizes[0] < sizes[1]


def test_every_bad_file_is_told_and_nothing_is_written(folder: Path, studio: Path, script: list[ScriptLine]) -> None:
    (studio / "zh-CN").mkdir()
    (studio / "en-US").mkdir()
    good = wav([tone(seconds=0.5)])
    for name, data in {
        f"{name_of(WELCOME)}.wav": good,
        f"en-US/{name_of(WELCOME)}.wav": good,
        f"zh-CN/{name_of(WELCOME)}.wav": good,
        "welcome.wav": good,
        f"{name_of(HELLO)[:-1]}0.wav": good,
        f"{name_of(HELLO)}.wav": wav([tone(seconds=30.0)]),
        f"en-US/{name_of(BYE)}.wav": wav([tone(seconds=0.06)]),
    }.items():
        (studio / name).write_bytes(data)
    files = find_files([studio])
    told: list[tuple[int, int]] = []
    with pytest.raises(RecordingsRefused) as refused:
        check_files(files, script, lambda done, total: told.append((done, total)))
    assert told == [(number, len(files)) for number in range(1, len(files) + 1)]
    found = {Path(issue.place.file).relative_to(studio).as_posix(): issue for issue in refused.value.issues}
    assert {name: issue.code for name, issue in found.items()} == {
        f"en-US/{name_of(WELCOME)}.wav": "wrong-language",
        f"zh-CN/{name_of(WELCOME)}.wav": "duplicate-recording",
        "welcome.wav": "unknown-recording",
        f"{name_of(HELLO)[:-1]}0.wav": "unknown-recording",
        f"{name_of(HELLO)}.wav": "bad-length",
        f"en-US/{name_of(BYE)}.wav": "bad-length",
    }
    assert f"did you mean '{name_of(HELLO)}'?" in found[f"{name_of(HELLO)[:-1]}0.wav"].message
    assert "too long for its text" in found[f"{name_of(HELLO)}.wav"].message
    assert everything_below(folder) == {}


def test_when_writing_breaks_off_everything_is_as_before(
    folder: Path, studio: Path, script: list[ScriptLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    for say, seconds in ((WELCOME, 0.6), (HELLO, 0.6)):
        (studio / f"{name_of(say)}.wav").write_bytes(wav([tone(seconds=seconds)]))
    put_in_place(check_files([studio / f"{name_of(HELLO)}.wav"], script), folder)
    before = everything_below(folder)
    (studio / f"{name_of(BYE)}.wav").write_bytes(wav([tone(seconds=0.8)]))
    files = [studio / f"{name_of(say)}.wav" for say in (HELLO, WELCOME, BYE)]
    recordings = check_files(files, script)
    really, renamed = Path.replace, []

    def full_disk(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            renamed.append(target)
            if len(renamed) == 3:
                raise OSError(28, "No space left on device", str(target))
        return really(self, target)

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(CtiError, match="No space left on device; nothing was changed") as refused:
        put_in_place(recordings, folder)
    assert refused.value.code == "unwritable-folder"
    assert len(renamed) == 3
    assert everything_below(folder) == before


def test_there_must_be_files(studio: Path) -> None:
    with pytest.raises(CtiError) as refused:
        find_files([studio])
    assert refused.value.code == "no-recordings"


def test_a_file_that_is_none_is_told(studio: Path, script: list[ScriptLine]) -> None:
    with pytest.raises(RecordingsRefused) as refused:
        check_files([studio / f"{name_of(HELLO)}.wav"], script)
    assert [issue.code for issue in refused.value.issues] == ["unreadable-file"]
