"""Just enough SIP (RFC 3261) for a test phone: messages in and out, digest authentication (RFC 2617, MD5)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import md5


@dataclass
class Message:
    """``start``: the first line; ``headers`` in order, names as sent; ``body`` decoded as UTF-8."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return cls(start, pairs, body)

    def encode(self) -> bytes:
        body = self.body.encode()
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[tuple[str, str]]:
        return [(key, value) for key, value in self.headers if key.lower() == name.lower()]

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self) -> str:
        return self.start.split(" ", 1)[0] if self.is_request else self.get("CSeq").split()[-1]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def cseq(self) -> int:
        return int(self.get("CSeq").split()[0])


def branch() -> str:
    return f"z9hG4bK{uuid.uuid4().hex}"


def tag() -> str:
    return uuid.uuid4().hex[:10]


def answer_to(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """The Authorization value for a WWW- or Proxy-Authenticate ``challenge``."""
    given = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}
    realm, nonce, qop = given["realm"], given["nonce"], given.get("qop", "")
    first = md5(f"{user}:{realm}:{password}".encode()).hexdigest()
    second = md5(f"{method}:{uri}".encode()).hexdigest()
    value = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5'
    if "auth" in qop.split(","):
        client = tag()
        response = md5(f"{first}:{nonce}:00000001:{client}:auth:{second}".encode()).hexdigest()
        return f'{value}, response="{response}", qop=auth, nc=00000001, cnonce="{client}"'
    response = md5(f"{first}:{nonce}:{second}".encode()).hexdigest()
    return f'{value}, response="{response}"'


def sdp(port: int, payloads: tuple[int, ...] = (0, 8), events: int = 101, more: Sequence[str] = ()) -> str:
    """An offer or answer for ``payloads`` (0 PCMU, 8 PCMA) and RFC 2833 events on loopback ``port``; ``more``: lines of
    other media."""
    names = {0: "PCMU/8000", 8: "PCMA/8000"}
    listed = " ".join(str(payload) for payload in (*payloads, events))
    lines = ["v=0", "o=phone 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines.append(f"m=audio {port} RTP/AVP {listed}")
    lines += [f"a=rtpmap:{payload} {names[payload]}" for payload in payloads]
    lines += [f"a=rtpmap:{events} telephone-event/8000", f"a=fmtp:{events} 0-16", "a=ptime:20", "a=sendrecv", *more]
    return "\r\n".join(lines) + "\r\n"


def audio_target(body: str) -> tuple[str, int, tuple[int, ...]]:
    """Where the far side wants its audio: address, port, payload types in its order."""
    address = re.search(r"^c=IN IP4 (\S+)", body, re.MULTILINE)
    media = re.search(r"^m=audio (\d+) RTP/AVP ([\d ]+)", body, re.MULTILINE)
    if address is None or media is None:
        raise ValueError(f"no audio in {body!r}")
    return address.group(1), int(media.group(1)), tuple(int(number) for number in media.group(2).split())
