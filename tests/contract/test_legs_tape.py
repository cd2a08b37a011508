"""Recordings of a talk: what is said in a pause is not in them, what is said behind a mask is silence."""

from __future__ import annotations

import wave
from pathlib import Path
from uuid import uuid4

import numpy as np

from .legs_desk import LegsDesk, Person
from .rig import wait_for
from .tap import Tap

RATE = 8000
LOUD, QUIET = 200.0, 50.0  # root mean square
SAID_S, UNSAID_S = 1.0, 2.0
SLACK_S = 0.45


def recorded(legs: LegsDesk, tap: Tap, hush: str) -> np.ndarray:
    """A second of a talk, two seconds of which are paused or masked, another second. The caller's track."""
    caller, agent = legs.caller(), legs.agent()
    legs.talk(caller, agent)
    assert legs.talk_heard(caller, agent)  # from now on both hum
    path = Path(legs.rig.folder) / f"{uuid4()}.wav"
    since = len(tap.events)
    legs.driver.start_recording(caller.leg, str(path))
    tap.wait("RECORD_START", caller.leg, after=since)
    quieten = legs.driver.pause_recording if hush == "pause" else legs.driver.mask_recording
    legs.desk.settle(SAID_S)
    quieten(caller.leg, True)
    legs.desk.settle(UNSAID_S)
    quieten(caller.leg, False)
    legs.desk.settle(SAID_S)
    return _stopped(legs, tap, caller, path)


def _stopped(legs: LegsDesk, tap: Tap, of: Person, path: Path) -> np.ndarray:
    since = len(tap.events)
    legs.driver.stop_recording(of.leg)
    tap.wait("RECORD_STOP", of.leg, after=since)
    wait_for(path.exists, "the file")
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return samples[:: file.getnchannels()]


def _loudness(samples: np.ndarray, begin_s: float, end_s: float) -> float:
    part = samples[round(begin_s * RATE) : round(end_s * RATE)].astype(np.float64)
    return float(np.sqrt(np.mean(part**2)))


def test_a_pause_is_not_in_the_recording(legs: LegsDesk, tap: Tap) -> None:
    samples = recorded(legs, tap, "pause")
    assert abs(len(samples) / RATE - 2 * SAID_S) < SLACK_S


def test_a_mask_is_silence_in_the_recording(legs: LegsDesk, tap: Tap) -> None:
    samples = recorded(legs, tap, "mask")
    assert abs(len(samples) / RATE - (2 * SAID_S + UNSAID_S)) < SLACK_S
    assert _loudness(samples, SAID_S + SLACK_S, SAID_S + UNSAID_S - SLACK_S) < QUIET
    if legs.rig.voices:
        assert _loudness(samples, 0.1, SAID_S - SLACK_S) > LOUD
