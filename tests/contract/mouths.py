"""Callers who speak and are silent, and the recogniser that hears them: mod_test's, on either switch."""

from __future__ import annotations

import gevent

from .embedded_rig import EmbeddedCaller
from .rig import Caller, Rig

#: A loud square wave of 500 Hz, one frame of 20 ms in PCMU; and digital silence.
VOICE, SILENCE = (b"\x8f" * 8 + b"\x0f" * 8) * 10, b"\xff" * 160


def hush(caller: Caller) -> None:
    """Be silent from now on: a virtual caller is."""
    if not isinstance(caller, EmbeddedCaller):
        _media(caller).voice = SILENCE


def speak(caller: Caller, seconds: float) -> None:
    """Make a sound for a while; returns at once."""
    if isinstance(caller, EmbeddedCaller):
        caller._caller.say("something", 1.0, seconds)
    else:
        _media(caller).voice = VOICE
        gevent.spawn_later(seconds, hush, caller)


def _media(caller: Caller):  # type: ignore[no-untyped-def]
    from .real_rig import RealCaller

    assert isinstance(caller, RealCaller)
    return caller._dialog.media


def find_recogniser(rig: Rig) -> str | None:
    """Its name as an engine; None where the switch cannot load it."""
    from tests.real.esl import Tap

    with Tap(rig.host, rig.port, rig.password, "HEARTBEAT") as tap:
        if tap.api("module_exists mod_test") != "true":
            tap.api("load mod_test")
        return "test" if tap.api("module_exists mod_test") == "true" else None
