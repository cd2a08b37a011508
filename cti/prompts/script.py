"""The studio's script: every fixed text of the flows with the name of its file, and which of them are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cti.core.commands import Say
from cti.prompts.parts import prompt_name, recorded_file, spoken_text


class State(StrEnum):
    """RECORDED by a studio, RENDERED ahead by text-to-speech, or MISSING: rendered when it is first needed."""

    RECORDED = "recorded"
    RENDERED = "rendered"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """``file`` is what the studio calls it: ``zh-CN/<name>.wav``."""

    language: str
    name: str
    state: State
    text: str

    @property
    def file(self) -> str:
        return f"{self.language}/{self.name}.wav"


def make_script(
    says: Iterable[Say], folder: Path, is_rendered: Callable[[Say], bool] | None = None
) -> list[ScriptLine]:
    """Each fixed text once, in the order of the flows. ``is_rendered`` None: not known, so not told."""
    lines: dict[tuple[str, str], ScriptLine] = {}
    for say in says:
        text = spoken_text(say.text)
        if not say.fixed or (say.language, text) in lines:
            continue
        if recorded_file(folder, say.language, text).is_file():
            state = State.RECORDED
        else:
            state = State.RENDERED if is_rendered is not None and is_rendered(say) else State.MISSING
        lines[say.language, text] = ScriptLine(say.language, prompt_name(say.language, text), state, text)
    return list(lines.values())


def find_unused(lines: Iterable[ScriptLine], folder: Path) -> list[str]:
    """Recordings whose text no flow says any more, as ``zh-CN/<name>.wav``."""
    wanted = {line.file for line in lines}
    there = (file.relative_to(folder / "recorded").as_posix() for file in (folder / "recorded").glob("*/*.wav"))
    return sorted(file for file in there if file not in wanted)
