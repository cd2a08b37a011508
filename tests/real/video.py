"""The video side of the test phone: receives RTP (RFC 3550) of H.264 (RFC 6184) or VP8 (RFC 7741), and keeps it."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass

#: Offered as dynamic payload types.
CODECS = {
    "H264": (96, "H264/90000", "profile-level-id=42e01f;packetization-mode=1"),
    "VP8": (97, "VP8/90000", ""),
}
FSV_VERSION = 4202
IDR, FU_A = 5, 28  # H.264: a picture that needs no other; a piece of a NAL unit


@dataclass(frozen=True)
class Packet:
    """``stamp``: 90,000 a second, the same for every packet of a picture; ``last``: the marker bit."""

    payload_type: int
    last: bool
    stamp: int
    payload: bytes


class Video:
    """Listens from the start; ``codec`` is the only one that it takes. ``flow``: `sendonly` for a phone that shows
    nothing of what it gets."""

    def __init__(self, codec: str, flow: str = "sendrecv") -> None:
        self.codec, self._flow = codec, flow
        self.payload_type, self._name, self._format = CODECS[codec]
        self.packets: list[Packet] = []
        self._got = threading.Condition()
        self._closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def offer(self) -> list[str]:
        """Lines for the end of an SDP."""
        lines = [f"m=video {self.port} RTP/AVP {self.payload_type}", f"a=rtpmap:{self.payload_type} {self._name}"]
        lines += [f"a=fmtp:{self.payload_type} {self._format}"] if self._format else []
        return [*lines, "a=rtcp-fb:* nack pli", f"a={self._flow}"]

    def close(self) -> None:
        self._closed = True
        self._thread.join(2)
        self._socket.close()

    def wait_packets(self, count: int, timeout_s: float) -> None:
        """Until ``count`` packets of the agreed payload type have come. Raises TimeoutError with what came instead."""
        with self._got:
            if not self._got.wait_for(lambda: len(self.packets) >= count, timeout_s):
                raise TimeoutError(f"{len(self.packets)} video packets in {timeout_s} s, wanted {count}")

    def _listen(self) -> None:
        while not self._closed:
            try:
                data = self._socket.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                return
            if len(data) <= 12 or data[1] & 0x7F != self.payload_type:
                continue  # RTCP, or something that was not agreed on
            (stamp,) = struct.unpack("!I", data[4:8])
            with self._got:
                self.packets.append(Packet(data[1] & 0x7F, bool(data[1] & 0x80), stamp, data[12:]))
                self._got.notify_all()


def picture_sizes(packets: list[Packet]) -> list[int]:
    """Bytes of each picture, in the order of time."""
    sizes: dict[int, int] = {}
    for packet in packets:
        sizes[packet.stamp] = sizes.get(packet.stamp, 0) + len(packet.payload)
    return list(sizes.values())


def has_idr(packets: list[Packet]) -> bool:
    """Is there an H.264 picture, or the beginning of one, from which a decoder can start?"""
    kinds = [packet.payload[0] & 0x1F for packet in packets]
    pieces = [packet.payload[1] & 0x1F for packet in packets if packet.payload[0] & 0x1F == FU_A]
    return IDR in (*kinds, *pieces)


def as_fsv(packets: list[Packet], codec: str) -> bytes:
    """The packets as a file of mod_fsv (mod_fsv.c, struct file_header): they stand between frames of 20 ms of silence,
    by whose time they are played."""
    parts = [struct.pack("<i32s128sII4xqi4x", FSV_VERSION, codec.encode(), b"", 8000, 20, 0, 1)]
    silence = struct.pack("<I", 320) + bytes(320)
    told = 0
    for number, packet in enumerate(packets):
        elapsed = packet.stamp - packets[0].stamp
        while told < elapsed:
            parts.append(silence)
            told += 1800
        kind = packet.payload_type | (0x80 if packet.last else 0)
        rtp = struct.pack("!BBHII", 0x80, kind, number, elapsed, 1) + packet.payload
        parts += [struct.pack("<I", len(rtp) | 1 << 31), rtp]
    return b"".join(parts)
