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
PIECE = RATE // 2  # samples compared at once
SLIP = RATE // 2  # samples that a piece may come early or late
ALIKE = 0.7  # correlation above which a piece was heard
QUIET = 50.0  # root mean square of a pause


def read_wav(path: Path) -> Pcm:
    """A mono 16-bit WAV file as 8,000 samples a second."""
    with wave.open(str(path)) as file:
        assert file.getsampwidth() == 2, path
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())[:, 0]
        return resample(samples, file.getframerate())


def read_playback(argument: str) -> Pcm:
    """What a playback argument sounds like: a WAV file, a silence, or several of them joined (`file_string://`)."""
    parts = argument.removeprefix("file_string://").split("!")
    return np.concatenate([_silence(part) if part.startswith(SILENCE) else read_wav(Path(part)) for part in parts])


SILENCE = "silence_stream://"


def _silence(argument: str) -> Pcm:
    return np.zeros(int(argument.removeprefix(SILENCE)) * RATE // 1000, np.int16)


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


def share_of(pcm: Pcm, hertz: float) -> float:
    """How much of the energy is the tone (0 to 1), by a Fourier transform; silence has none of anything."""
    if loudness(pcm) < QUIET:
        return 0.0
    power = np.abs(np.fft.rfft(pcm.astype(np.float64) * np.hanning(len(pcm)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(pcm), 1 / RATE) - hertz) < 20
    return float(power[near].sum() / power.sum())


def heard_share(heard: Pcm, prompt: Pcm) -> float:
    """How much of ``prompt`` is in ``heard`` (0 to 1): the share of its half seconds that are found, in their order and
    about where they belong. A frame lost on a busy machine costs the half second it is in; silence, noise or another
    prompt gives 0."""
    a, b = _band(heard), _band(prompt)
    pieces = [(at, b[at : at + PIECE]) for at in range(0, max(1, len(b) - PIECE + 1), PIECE)]
    # Pauses of the speaker say nothing about what was heard.
    spoken = [(at, piece) for at, piece in pieces if len(piece) and float(np.mean(piece**2)) > QUIET**2]
    if not spoken or len(a) < PIECE:
        return 0.0
    scores = [(at, _correlate(a, piece)) for at, piece in spoken]
    best_at, best_score = max(scores, key=lambda item: float(item[1].max()))
    start = int(np.argmax(best_score)) - best_at
    found = 0
    for at, score in scores:
        near = score[max(0, start + at - SLIP) : max(0, start + at + SLIP)]
        found += bool(len(near)) and float(near.max()) > ALIKE
    return found / len(spoken)


def _correlate(a: Samples, piece: Samples) -> Samples:
    """The normalised cross-correlation (-1…1) of ``piece`` with ``a`` at every offset."""
    size = 1 << (len(a) + len(piece) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(a) - len(piece) + 1]
    energy = np.concatenate(([0.0], np.cumsum(a**2)))
    windows = energy[len(piece) :] - energy[: -len(piece)]
    scale = np.sqrt(np.maximum(windows, 0.0) * np.sum(piece**2))
    return np.divide(product, scale, out=np.zeros_like(product), where=scale > 1e3)


def _band(pcm: Pcm) -> Samples:
    if len(pcm) == 0:
        return np.zeros(0)
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    hertz = np.fft.rfftfreq(len(pcm), 1 / RATE)
    spectrum[(hertz < BAND_HZ[0]) | (hertz > BAND_HZ[1])] = 0
    return np.fft.irfft(spectrum, len(pcm))


def level(samples: npt.NDArray[np.int16], hertz: int) -> float:
    """Amplitude of one tone, as a share of full scale."""
    if not len(samples):
        return 0.0
    phase = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
    return float(abs(np.sum(samples.astype(np.float64) * phase)) * 2 / len(samples) / 32768)


def loudest(samples: npt.NDArray[np.int16], hertz: int) -> float:
    """The level in the tenth of a second where the tone is loudest."""
    step = RATE // 10
    return max((level(samples[at : at + step], hertz) for at in range(0, len(samples) - step, step)), default=0.0)
