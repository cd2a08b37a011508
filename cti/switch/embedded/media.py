"""What a playback argument is and how long it lasts, without playing anything."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

CJK_S = 0.2
OTHER_S = 0.06
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_TONE = re.compile(r"%\(\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,[^)]*)?\)")
_LOOPS = re.compile(r"(?:;|^)loops=(-?\d+)")
_FOREVER_S = 24 * 3600.0
MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to be heard. ``kind``: say, file, tone, silence."""

    kind: str
    text: str
    duration_s: float


def text_duration(text: str) -> float:
    """Speaking time: 0.2 s for a CJK character, 0.06 s for any other; at least 0.2 s."""
    wide = len(CJK.findall(text))
    return max(0.2, wide * CJK_S + (len(text) - wide) * OTHER_S)


def open_media(argument: str, sound_dir: str = "") -> list[Piece] | None:
    """The pieces of a playback argument in order; None where the switch would say FILE NOT FOUND.

    ``{params}`` in front are skipped. ``say:engine:voice:text`` speaks, ``file_string://a!b`` joins, ``tone_stream://``
    and ``silence_stream://`` are generated, everything else is a file: a WAV header tells its length, raw and unknown
    formats count as 8 kHz mu-law (8,000 bytes per second).
    """
    argument = re.sub(r"^\{[^}]*\}", "", argument)
    if argument.startswith("file_string://"):
        pieces: list[Piece] = []
        for part in _split(argument.removeprefix("file_string://")):
            pieces += open_media(part, sound_dir) or []  # what cannot be opened is passed over
        return pieces or None
    if argument.startswith("say:"):
        text = argument.split(":", 3)[3] if argument.count(":") >= 3 else argument[4:]
        return [Piece("say", text[:MAX_TEXT], text_duration(text))]
    if argument.startswith("tone_stream://"):
        return [Piece("tone", argument, _tone_duration(argument.removeprefix("tone_stream://")))]
    if argument.startswith("silence_stream://"):
        return _silence(argument)
    if argument.startswith("local_stream://"):
        return [Piece("file", argument, _FOREVER_S)]
    return _file(argument, sound_dir)


def _split(joined: str) -> list[str]:
    """Split at ``!``; a part that cannot be a file belongs to the spoken text before it (text may hold ``!``)."""
    parts: list[str] = []
    for part in joined.split("!"):
        is_media = (
            "://" in part or part.startswith(("say:", "/")) or os.path.splitext(part)[1] in {".wav", ".ul", ".raw"}
        )
        if parts and parts[-1].startswith("say:") and not is_media:
            parts[-1] += "!" + part
        else:
            parts.append(part)
    return [part for part in parts if part]


def _tone_duration(script: str) -> float:
    """TGML: each ``%(on,off,freq…)`` lasts on+off milliseconds, ``loops=n`` repeats, -1 for ever."""
    once = sum(float(on) + float(off) for on, off in _TONE.findall(script)) / 1000.0
    if not once:
        once = 0.1
    loops = _LOOPS.search(script)
    count = int(loops.group(1)) if loops else 1
    return _FOREVER_S if count < 0 else once * max(1, count)


def _silence(argument: str) -> list[Piece] | None:
    ms = argument.removeprefix("silence_stream://").split(",")[0]
    try:
        value = int(ms)
    except ValueError:
        return None
    return [Piece("silence", argument, _FOREVER_S if value < 0 else value / 1000.0)]


def _file(path: str, sound_dir: str) -> list[Piece] | None:
    if "\0" in path or len(path) > 4096:
        return None
    full = path if path.startswith("/") or not sound_dir else os.path.join(sound_dir, path)
    try:
        if not os.path.isfile(full):
            return None
        return [Piece("file", path, max(0.02, _wav_duration(full)))]
    except OSError:
        return None


def _wav_duration(path: str) -> float:
    """Length by the RIFF header; a file without one counts as 8 kHz mu-law."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return size / 8000.0
    rate, offset = 16000, 12
    while offset + 8 <= len(head):
        name, length = head[offset : offset + 4], struct.unpack_from("<I", head, offset + 4)[0]
        if name == b"fmt " and offset + 20 <= len(head):
            rate = struct.unpack_from("<I", head, offset + 16)[0] or rate
        if name == b"data":
            return float(min(length, size - offset - 8)) / rate
        offset += 8 + length + (length & 1)
    return size / rate
