"""`TextPrompts`: for a switch that speaks texts itself, as the embedded one does. Nothing is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cti.core.commands import AudioPart, Say, Tone
from cti.prompts.parts import checked_language, sound_file, spoken_text, tone_argument


class TextPrompts:
    """Implements `cti.ports.Prompts`: a text becomes ``say:cti:<language>:<text>``."""

    def __init__(self, folder: Path) -> None:
        """``folder`` holds the sound files that flows name."""
        self._folder = folder

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        return self.locate(parts, 0.0)

    def locate(self, parts: Sequence[AudioPart], deadline_s: float, *, call_id: str = "") -> list[str]:
        """Raises CtiError (prompt-unavailable)."""
        return [self._argument(part, alone=len(parts) == 1) for part in parts]

    def discard_call(self, call_id: str) -> None:
        """Nothing is kept for a call."""

    def _argument(self, part: AudioPart, alone: bool) -> str:
        if isinstance(part, Say):
            text = spoken_text(part.text)
            if not alone:
                text = text.replace("!", "！")  # an ASCII one separates the files of file_string://
            return f"say:cti:{checked_language(part.language)}:{text}"
        if isinstance(part, Tone):
            return tone_argument(part.spec)
        return str(sound_file(self._folder, part.file))
