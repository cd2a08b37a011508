"""Renders texts to telephone WAV files (8 kHz, 16 bit, mono). Runs as a process of its own, one text after the other.

    python -I render_child.py < jobs > answers

A job is a line of JSON, ``{"text", "voice", "speed", "output", "once"}``; the answer to it is a line ``{"status",
"said"}``: 0 done, 2 espeak-ng is missing, 3 it refused (``said`` has its words), 4 nothing was spoken, 5 the file
cannot be written. It ends with its input.

The engine's hub never computes audio: espeak-ng speaks at 22,050 Hz and this process brings it down to 8 kHz with a
Kaiser-windowed sinc (pass band to 3.4 kHz, 60 dB down from 4 kHz). With ``once`` the rate is left as it is, for what
is played once: the switch can bring it down while playing.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import struct
import subprocess
import sys
import wave
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the engine knows this module too, and has no use for numpy: 40 ms of its start
    import numpy as np
    import numpy.typing as npt

RATE = 8_000
MISSING, REFUSED, SILENT, UNWRITTEN = 2, 3, 4, 5

_HALF = 56  # taps on each side up to 22,050 Hz; more above, as the transition is narrower there
_CUTOFF_HZ = 3_700.0
_BETA = 5.65  # Kaiser: about 60 dB
_BLOCK = 8_192  # output samples computed at once: bounds the memory
_QUIET = 40  # of 32768: what espeak-ng leaves as silence before and after the words
_KEEP_S = 0.03  # silence kept at both ends: joined words of a number sound fluent, and do not run into each other


def resample(samples: Sequence[int], rate: int, target: int = RATE) -> array[int]:
    """Band-limited; the same length in time, clipped to 16 bit."""
    if rate == target:
        return array("h", samples)
    import numpy as np

    common = math.gcd(rate, target)
    up, down = target // common, rate // common
    half = max(_HALF, math.ceil(_HALF * rate / 22_050))
    phases = _phases(rate, up, half)
    padded = np.pad(np.asarray(samples, dtype=np.float64), half)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    at, phase = np.divmod(np.arange(len(samples) * up // down) * down, up)
    found = [
        np.einsum("ij,ij->i", windows[at[first : first + _BLOCK] + 1], phases[phase[first : first + _BLOCK]])
        for first in range(0, len(at), _BLOCK)
    ]
    whole = np.clip(np.rint(np.concatenate(found)), -32768, 32767) if found else np.zeros(0)
    return array("h", whole.astype(np.int16).tobytes())


@lru_cache(maxsize=8)
def _phases(rate: int, up: int, half: int) -> npt.NDArray[np.float64]:
    """The filter's taps (columns) for each of the ``up`` places an output sample can have between two input samples."""
    cutoff = min(_CUTOFF_HZ, 0.46 * rate) / rate
    import numpy as np

    x = np.arange(1 - half, half + 1)[np.newaxis, :] - (np.arange(up) / up)[:, np.newaxis]
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (x / half) ** 2)))
    taps = np.sinc(2 * cutoff * x) * window
    scaled: npt.NDArray[np.float64] = taps / taps.sum(axis=1, keepdims=True)
    return scaled


def parse_wav(data: bytes) -> tuple[int, array[int]]:
    """(rate, samples) of a mono 16-bit WAV whose length fields may be wrong, as they are on a pipe."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV stream")
    at, rate = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, at + 8)
            if (kind, channels, bits) != (1, 1, 16):
                raise ValueError("not mono 16-bit PCM")
        if name == b"data":
            body = data[at + 8 : at + 8 + size]
            samples = array("h", body[: len(body) & ~1])
            if sys.byteorder == "big":
                samples.byteswap()
            return rate, samples
        at += 8 + size + (size & 1)
    raise ValueError("a WAV stream without data")


def trim(samples: array[int], rate: int) -> array[int]:
    """Without the silence at both ends, except a little. Empty if there is nothing but silence."""
    begin, end = _first_loud(samples), len(samples) - _first_loud(samples[::-1])
    if begin >= end:
        return array("h")
    keep = int(_KEEP_S * rate)
    return samples[max(0, begin - keep) : end + keep]


def _first_loud(samples: array[int]) -> int:
    return next((index for index, sample in enumerate(samples) if abs(sample) > _QUIET), len(samples))


def write_wav(path: str, samples: array[int], rate: int = RATE) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def render(text: str, voice: str, speed: int, output: str, once: bool) -> tuple[int, str]:
    """(status, what espeak-ng said)."""
    # The text goes through a pipe: no shell, no option can hide in it, and no process list shows it.
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-b", "1", "--stdin", "--stdout"]
    try:
        spoken = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    except FileNotFoundError:
        return MISSING, ""
    if spoken.returncode != 0:
        return REFUSED, spoken.stderr.decode("utf-8", "replace")[:300]
    if not spoken.stdout:
        return SILENT, ""
    rate, samples = parse_wav(spoken.stdout)
    audible = trim(samples, rate)
    if not audible:
        return SILENT, ""
    try:
        if once:
            write_wav(output, audible, rate)
        else:
            write_wav(output, resample(audible, rate))
    except OSError as error:
        return UNWRITTEN, str(error.strerror)
    return 0, ""


def main() -> int:
    with contextlib.suppress(OSError):  # the engine's real-time priority is for callers who wait
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    for line in sys.stdin.buffer:
        job: dict[str, Any] = json.loads(line)
        status, said = render(job["text"], job["voice"], job["speed"], job["output"], job["once"])
        sys.stdout.write(json.dumps({"status": status, "said": said}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
