"""Did the caller hear what was to be heard? Normalised cross-correlation of received audio with a prompt."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .media import Pcm

RATE = 8000
Samples = npt.NDArray[np.float64]
#: Telephone band: what both a prompt and its copy through G.711 keep.
BAND_HZ = (300.0, 3400.0)


def read_wav(path: Path) -> Pcm:
    """A mono 16-bit WAV file as 8,000 samples a second."""
    with wave.open(str(path)) as file:
        assert file.getsampwidth() == 2, path
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())[:, 0]
        return resample(samples, file.getframerate())


def resample(samples: Pcm, rate: int) -> Pcm:
    """Band-limited, by cutting the spectrum."""
    if rate == RATE:
        return samples
    spectrum = np.fft.rfft(samples.astype(np.float64))
    length = round(len(samples) * RATE / rate)
    keep = length // 2 + 1
    cut = spectrum[:keep] if keep <= len(spectrum) else np.pad(spectrum, (0, keep - len(spectrum)))
    out = np.fft.irfft(cut, length) * (length / len(samples))
    return np.clip(np.round(out), -32768, 32767).astype(np.int16)


def loudness(pcm: Pcm) -> float:
    """Root mean square; digital silence through PCMU stays below 10."""
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2))) if len(pcm) else 0.0


def similarity(heard: Pcm, prompt: Pcm) -> tuple[float, float]:
    """(best correlation -1…1, its offset in seconds) of ``prompt`` anywhere in ``heard``.

    The prompt must be there as a whole: its energy is compared with that of an equally long piece of what was heard.
    """
    a, b = _band(heard), _band(prompt)
    if len(b) == 0 or len(a) < len(b):
        return 0.0, 0.0
    size = 1 << (len(a) + len(b) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)[: len(a) - len(b) + 1]
    energy = np.concatenate(([0.0], np.cumsum(a**2)))
    windows = energy[len(b) :] - energy[: -len(b)]
    scale = np.sqrt(np.maximum(windows, 0.0) * np.sum(b**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(scale > 1e3, product / scale, 0.0)
    best = int(np.argmax(score))
    return float(score[best]), best / RATE


def _band(pcm: Pcm) -> Samples:
    if len(pcm) == 0:
        return np.zeros(0)
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    hertz = np.fft.rfftfreq(len(pcm), 1 / RATE)
    spectrum[(hertz < BAND_HZ[0]) | (hertz > BAND_HZ[1])] = 0
    return np.fft.irfft(spectrum, len(pcm))
