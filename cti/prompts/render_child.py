"""Renders one text to a telephone WAV (8 kHz, 16 bit, mono). Runs as a process of its own, standard library only.

    python -I -S render_child.py VOICE SPEED OUTPUT [as-spoken] < text

The engine's hub never computes audio: espeak-ng speaks at 22,050 Hz and this process brings it down to 8 kHz with a
Kaiser-windowed sinc (pass band to 3.4 kHz, 60 dB down from 4 kHz), about 0.03 s per second of speech in pure Python.
With `as-spoken` the rate is left as it is, for what is played once: bringing it down takes four fifths of the time
(118 of 150 ms for a sentence; 10 calls a second were too many for two cores), and the switch can do it while playing.
Exit status: 0 done, 2 espeak-ng is missing, 3 it refused (its words on stderr), 4 nothing was spoken.
"""

from __future__ import annotations

import math
import os
import resource
import struct
import subprocess
import sys
import wave
from array import array
from collections.abc import Sequence
from operator import mul

RATE = 8_000
MISSING, REFUSED, SILENT = 2, 3, 4
AS_SPOKEN = "as-spoken"

_HALF = 56  # taps on each side up to 22,050 Hz; more above, as the transition is narrower there
_CUTOFF_HZ = 3_700.0
_BETA = 5.65  # Kaiser: about 60 dB
_QUIET = 40  # of 32768: what espeak-ng leaves as silence before and after the words
_KEEP_S = 0.03  # silence kept at both ends: joined words of a number sound fluent, and do not run into each other


def resample(samples: Sequence[int], rate: int, target: int = RATE) -> array[int]:
    """Band-limited; the same length in time, clipped to 16 bit."""
    if rate == target:
        return array("h", samples)
    common = math.gcd(rate, target)
    up, down = target // common, rate // common
    half = max(_HALF, math.ceil(_HALF * rate / 22_050))
    phases = _phases(rate, up, half)
    padded = [0.0] * half + [float(sample) for sample in samples] + [0.0] * half
    out = array("h")
    for index in range(len(samples) * up // down):
        at, phase = divmod(index * down, up)
        value = sum(map(mul, phases[phase], padded[at + 1 : at + 1 + 2 * half]))
        out.append(max(-32768, min(32767, round(value))))
    return out


def _phases(rate: int, up: int, half: int) -> list[list[float]]:
    """The filter's taps for each of the ``up`` places an output sample can have between two input samples."""
    cutoff = min(_CUTOFF_HZ, 0.46 * rate) / rate
    phases: list[list[float]] = []
    for phase in range(up):
        if phase > up // 2:  # the mirror image of an earlier one
            phases.append(phases[up - phase][::-1])
            continue
        taps = []
        for tap in range(1 - half, half + 1):
            x = tap - phase / up
            angle = 2 * math.pi * cutoff * x
            sinc = 2 * cutoff if x == 0 else math.sin(angle) / (math.pi * x)
            taps.append(sinc * _bessel(_BETA * math.sqrt(max(0.0, 1 - (x / half) ** 2))))
        gain = sum(taps)
        phases.append([tap / gain for tap in taps])
    return phases


def _bessel(x: float) -> float:
    """Modified Bessel function of order 0, by its series, to 9 places."""
    total = term = k = 1.0
    square = x * x / 4
    while term > 1e-9 * total:
        term *= square / (k * k)
        total += term
        k += 1
    return total


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


def main(voice: str, speed: str, output: str, quality: str = "") -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))
    # The text goes through a pipe: no shell, no option can hide in it, and no process list shows it.
    command = ["espeak-ng", "-v", voice, "-s", speed, "-b", "1", "--stdin", "--stdout"]
    try:
        spoken = subprocess.run(command, input=sys.stdin.buffer.read(), capture_output=True, check=False)
    except FileNotFoundError:
        return MISSING
    if spoken.returncode != 0:
        sys.stderr.write(spoken.stderr.decode("utf-8", "replace")[:300])
        return REFUSED
    if not spoken.stdout:
        return SILENT
    rate, samples = parse_wav(spoken.stdout)
    audible = trim(samples, rate)
    if not audible:
        return SILENT
    if quality == AS_SPOKEN:
        write_wav(output, audible, rate)
    else:
        write_wav(output, resample(audible, rate))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
