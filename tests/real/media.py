"""The audio side of the test phone: RTP (RFC 3550) with PCMU, digits as RFC 2833 events."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import deque

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

FRAME_S = 0.02
FRAME = 160  # samples at 8,000 a second
SILENCE = b"\xff" * FRAME  # PCMU
EVENTS = 101  # payload type of RFC 2833 digits
CODES = {digit: code for code, digit in enumerate("0123456789*#ABCD")}


def ulaw_table() -> npt.NDArray[np.int16]:
    """G.711 μ-law, byte → sample."""
    values = ~np.arange(256, dtype=np.uint8)
    magnitude = (((values & 0x0F).astype(np.int32) << 3) + 0x84) << ((values & 0x70) >> 4)
    return np.where(values & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


ULAW = ulaw_table()


def tone_frame(hertz: int) -> bytes:
    """A frame of PCMU that joins itself without a click: ``hertz`` is a multiple of 50."""
    wave = 8000 * np.sin(2 * np.pi * hertz * np.arange(FRAME) / 8000)
    distance = np.abs(ULAW[None, :].astype(np.int32) - wave[:, None].astype(np.int32))
    return bytes(np.argmin(distance, axis=1).astype(np.uint8))


class Media:
    """Sends a frame each 20 ms (silence, or the digits queued), keeps every frame received.

    Runs on one thread of its own between `start` and `stop`.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._target: tuple[str, int] | None = None
        self.voice = SILENCE  # the frame that is sent, again and again, while no digit is
        self._packets: deque[bytes] = deque()  # digit packets to be sent in the place of silence
        self._received: list[tuple[int, bytes]] = []
        self._pressed: dict[int, str] = {}  # time stamp -> digit that the far side sent
        self._got = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._sequence = random.randrange(1 << 15)
        self._time = random.randrange(1 << 30)
        self._ssrc = random.randrange(1 << 32)

    def start(self, address: str, port: int) -> None:
        self._target = (address, port)
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2)
        self._socket.close()

    def press(self, digits: str, *, frames: int = 5, gap: int = 4) -> None:
        """Queue ``digits``: each lasts ``frames`` frames of 20 ms, then ``gap`` frames of silence."""
        for digit in digits:
            for index in range(frames + 3):  # the end is sent three times, RFC 2833 2.5.1.4
                ended = index >= frames
                duration = FRAME * (min(index, frames - 1) + 1)
                self._packets.append(struct.pack("!BBH", CODES[digit], 0x8A if ended else 0x0A, duration))
            self._packets.extend([b""] * gap)

    def _run(self) -> None:
        due = time.monotonic()
        event_time = 0
        while not self._stop.is_set():
            left = due - time.monotonic()
            if left > 0:
                self._socket.settimeout(left)
                with contextlib.suppress(TimeoutError, OSError):
                    self._keep(self._socket.recv(2048))
                continue
            due += FRAME_S
            packet = self._packets.popleft() if self._packets else b""
            fresh = bool(packet) and struct.unpack("!H", packet[2:])[0] == FRAME and not packet[1] & 0x80
            event_time = self._time if fresh else event_time
            self._send(packet, event_time, fresh)

    def _send(self, event: bytes, event_time: int, fresh: bool) -> None:
        kind = (EVENTS | (0x80 if fresh else 0)) if event else 0
        stamp = event_time if event else self._time
        header = struct.pack("!BBHII", 0x80, kind, self._sequence & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc)
        self._sequence += 1
        self._time += FRAME
        if self._target is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(header + (event or self.voice), self._target)

    @property
    def pressed(self) -> str:
        """Digits that came, RFC 2833."""
        return "".join(self._pressed.values())

    def _keep(self, packet: bytes) -> None:
        if len(packet) >= 16 and packet[1] & 0x7F == EVENTS and packet[12] < len(CODES):
            (stamp,) = struct.unpack("!I", packet[4:8])
            self._pressed[stamp] = list(CODES)[packet[12]]
        if len(packet) > 12 and packet[1] & 0x7F == 0:
            (stamp,) = struct.unpack("!I", packet[4:8])
            with self._got:
                self._received.append((stamp, packet[12:]))
                self._got.notify_all()

    @property
    def frames(self) -> int:
        """PCMU frames received so far."""
        return len(self._received)

    def wait_audio(self, seconds: float, timeout_s: float) -> None:
        """Until ``seconds`` of audio have come. Raises TimeoutError with what has come instead."""
        wanted = round(seconds / FRAME_S)
        with self._got:
            if not self._got.wait_for(lambda: len(self._received) >= wanted, timeout_s):
                raise TimeoutError(f"{len(self._received)} audio frames in {timeout_s} s, wanted {wanted}")

    def pcm(self) -> Pcm:
        """What was heard, 8,000 samples a second, put together by time stamp; frames that never came are silent."""
        with self._got:
            received = list(self._received)
        if not received:
            return np.zeros(0, np.int16)
        pieces: list[Pcm] = []
        expected = received[0][0]
        for stamp, payload in received:
            gap = (stamp - expected) & 0xFFFFFFFF
            if 0 < gap < 8000 * 60:
                pieces.append(np.zeros(gap, np.int16))
            pieces.append(ULAW[np.frombuffer(payload, np.uint8)])
            expected = stamp + len(payload)
        return np.concatenate(pieces)
