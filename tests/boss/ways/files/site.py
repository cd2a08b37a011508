"""A folder that a server serves in one of the ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cti.boss.ways.files.transport import Transport, TransportOptions, open_transport
from tests.boss.ways.files.servers import FINGERPRINT, PASSWORD, USER, Ftp, Sftp
from tests.webhooks.receiver import authority

KINDS = ["local", "ftp", "ftps", "sftp"]


class Site:
    """A folder ``out``, served in one way; `start` again after `stop` on the same port."""

    def __init__(self, kind: str, home: Path, names: str = "utf-8") -> None:
        self.kind, self.names, self.home = kind, names, home
        self.folder = home / "served" / "out"
        self.folder.mkdir(parents=True)
        self.port, self.server = 0, None  # type: int, Any
        self.pem = home / "server.pem"
        if kind == "ftps":
            made = authority(home / "certificates", "localhost")
            self.ca = made.ca
            self.pem.write_bytes(made.cert.read_bytes() + made.key.read_bytes())
        self.opened: list[Transport] = []
        self.start()

    def start(self) -> None:
        served = self.folder.parent
        if self.kind in ("ftp", "ftps"):
            self.server = Ftp(served, self.pem if self.kind == "ftps" else None, self.names, self.port)
        elif self.kind == "sftp":
            self.server = Sftp(served, self.names, self.port)
        self.port = self.server.port if self.server is not None else 0

    def stop(self) -> None:
        if self.server is not None:
            self.server.close()

    @property
    def url(self) -> str:
        return str(self.folder) if self.kind == "local" else f"{self.kind}://{USER}@127.0.0.1:{self.port}/out"

    def options(self, **options: Any) -> dict[str, Any]:
        told: dict[str, Any] = {"password": PASSWORD, "names": self.names, "connect_s": 30, **options}
        if self.kind == "sftp" and not told.keys() & {"fingerprint", "known_hosts"}:
            told["fingerprint"] = FINGERPRINT
        if self.kind == "ftps":
            told.setdefault("ca_file", self.ca)
        return told

    def open(self, **options: Any) -> Transport:
        told = TransportOptions.model_validate(self.options(**options))
        self.opened.append(open_transport(self.url, told, self.home))
        return self.opened[-1]

    def close(self) -> None:
        for one in self.opened:
            one.close()
        self.stop()
