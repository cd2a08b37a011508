"""What a caller hears: the parts of a prompt, playing them, and listening to an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence between the pieces of a text, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """Text to be spoken. ``fixed`` text is known at load and rendered ahead; other text is rendered for the call.

    ``pieces``: the same text as it is put together from pieces, nearly all of them fixed. Whoever plays files plays
    those one after the other; whoever speaks or shows texts takes ``text``.
    """

    text: str
    language: str
    fixed: bool = True
    sensitive: bool = False
    pieces: tuple[Say | Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Sound:
    """A prompt file; ``file`` is relative to the prompts folder (no drive, no `..`)."""

    file: str


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone in teletone script as mod_tone_stream reads it, e.g. ``%(200,0,500)``."""

    spec: str


AudioPart = Say | Sound | Tone


@dataclass(frozen=True, slots=True)
class Play:
    """``keys``: those that stop it, so that the switch may do so itself; `StopPlay` comes all the same."""

    ref: int
    parts: tuple[AudioPart, ...]
    keys: str = ""


@dataclass(frozen=True, slots=True)
class StopPlay:
    """Barge-in or leaving the node: stop what plays. `PlayEnded(ref)` still comes and is then ignored."""

    ref: int


@dataclass(frozen=True, slots=True)
class PlayVideo:
    """Play a video file, relative to the prompts folder. Ends with `VideoEnded(ref)`."""

    ref: int
    file: str


@dataclass(frozen=True, slots=True)
class StopVideo:
    ref: int


@dataclass(frozen=True, slots=True)
class Listen:
    """Recognise what the caller says from now on. Ends with `Heard(ref)`.

    ``expects``: the type of the answer as flows spell it, or yes_no; ``words``: the answers that there are, if they
    are known. Silence ends it after ``silence_s``, and speech lasts no longer than ``longest_s``.
    """

    ref: int
    expects: str
    language: str
    words: tuple[str, ...] = ()
    silence_s: float = 5.0
    longest_s: float = 10.0


@dataclass(frozen=True, slots=True)
class StopListen:
    """A key was pressed, or the flow went on. A `Heard(ref)` that still comes is ignored."""

    ref: int
