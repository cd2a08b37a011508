"""What every kind of prompts shares: texts made safe to speak, sound files kept inside their folder, tones checked."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

from cti.core.errors import CtiError

MAX_TEXT = 2_000
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_TONE = re.compile(r"[0-9A-Za-z%(),.;=+*<>\- ]{1,500}")
_SOUND = re.compile(r"[^\x00-\x1f!${}\\:*?\"<>|]{1,200}")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def unavailable(message: str, remedy: str = "") -> CtiError:
    return CtiError(message, code="prompt-unavailable", remedy=remedy)


def spoken_text(text: str) -> str:
    """One line without control or invisible characters, blanks folded. Raises CtiError when it is too long.

    The same text however it is wrapped in YAML is the same prompt.
    """
    if len(text) > MAX_TEXT:
        raise unavailable(f"a prompt of {len(text)} characters; at most {MAX_TEXT} are spoken", "split it into parts")
    visible = "".join(" " if unicodedata.category(char) in _INVISIBLE else char for char in text)
    return " ".join(unicodedata.normalize("NFC", visible).split())


def checked_language(language: str) -> str:
    if not _LANGUAGE.fullmatch(language):
        raise unavailable("a prompt's language is not a language tag such as zh-CN")
    return language


def prompt_name(language: str, text: str) -> str:
    """The file name of a prompt: a hash, so that no foreign text ever stands in a path.

    Recordings carry the same name: ``recorded/<language>/<name>.wav`` replaces what would be rendered.
    """
    return hashlib.sha256(f"{language}\n{spoken_text(text)}".encode()).hexdigest()[:32]


def recorded_file(folder: Path, language: str, text: str) -> Path:
    """Where a studio's recording of ``text`` stands below the prompts folder. Raises CtiError for a bad language."""
    return folder / "recorded" / checked_language(language) / f"{prompt_name(language, text)}.wav"


def tone_argument(spec: str) -> str:
    """Playback argument of a tone in teletone script. Raises CtiError for what is not one."""
    if not _TONE.fullmatch(spec):
        raise unavailable("a tone has characters that teletone script does not know", "write it like %(200,100,440)")
    return f"tone_stream://{spec}"


def sound_file(folder: Path, name: str) -> Path:
    """The file of a sound inside ``folder``, symbolic links followed. Raises CtiError: outside, or not there."""
    relative = Path(name)
    if not _SOUND.fullmatch(name) or relative.is_absolute() or ".." in relative.parts or name.startswith("-"):
        raise unavailable(f"'{name[:60]!a}' is no file of the prompts folder", "write a path relative to that folder")
    try:
        found = (folder / relative).resolve(strict=True)
        inside = found.is_relative_to(folder.resolve(strict=True)) and found.is_file()
    except (OSError, RuntimeError) as error:
        raise unavailable(f"the sound '{name}' is not in the prompts folder") from error
    if not inside:
        raise unavailable(f"the sound '{name}' is not a file of the prompts folder")
    return found
