"""A carrier: challenges and accepts a registration, answers OPTIONS and calls."""

from __future__ import annotations

import re
import threading
from hashlib import md5

from .sip import Message, tag
from .ua import Phone

NONCE = "0123456789abcdef"


class FakeCarrier(Phone):
    """`registered` is set by the first REGISTER with the right digest; `refused` counts the wrong ones."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.secret = user, password
        self.registered = threading.Event()
        self.probed = threading.Event()
        self.refused = 0
        super().__init__(user)

    def as_yaml(self, name: str) -> str:
        """The trunk for a settings file; called parties see +861012345678."""
        quoted = self.secret.replace("'", "''")
        return (
            f"  - name: {name}\n    address: 127.0.0.1\n    port: {self.port}\n    inbound_from: []\n    probe_s: 5\n"
            f"    codecs: [PCMU]\n    outgoing_number: '+{self.user}'\n    order: 20\n"
            f"    register: {{user: '{self.user}', password: '{quoted}', expires_s: 60}}\n"
        )

    def _asked(self, message: Message, where: tuple[str, int]) -> None:
        if message.method == "OPTIONS":
            self.probed.set()
        if message.method != "REGISTER":
            super()._asked(message, where)
            return
        given = dict(re.findall(r'(\w+)="([^"]*)"', message.get("Authorization")))
        if not given:
            self._challenge(message, where)
        elif given["response"] == self._expected(given, message):
            self._reply(message, 200, "OK", where, f"{message.get('To')};tag={tag()}")
            self.registered.set()
        else:
            self.refused += 1
            self._reply(message, 403, "Forbidden", where)

    def _challenge(self, message: Message, where: tuple[str, int]) -> None:
        headers = [*message.all("Via"), ("From", message.get("From")), ("To", f"{message.get('To')};tag={tag()}")]
        headers += [("Call-ID", message.get("Call-ID")), ("CSeq", message.get("CSeq"))]
        headers.append(("WWW-Authenticate", f'Digest realm="127.0.0.1", nonce="{NONCE}", algorithm=MD5'))
        self._send(Message("SIP/2.0 401 Unauthorized", headers), where)

    def _expected(self, given: dict[str, str], message: Message) -> str:
        first = md5(f"{self.user}:127.0.0.1:{self.secret}".encode()).hexdigest()
        second = md5(f"{message.method}:{given['uri']}".encode()).hexdigest()
        return md5(f"{first}:{NONCE}:{second}".encode()).hexdigest()
