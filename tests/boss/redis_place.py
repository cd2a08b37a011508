"""A Redis of the test's own, on a port of this machine, that can be killed and started again; with TLS or without."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

PASSWORD = "only-for-tests"


class RedisPlace:
    def __init__(self, folder: Path, tls: tuple[Path, Path] | None = None) -> None:
        """``tls``: certificate and its key."""
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("no redis-server: apt-get install redis-server, or name its folder in PATH")
        self._program, self._folder, self._tls = program, folder, tls
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        (folder / "redis.password").write_text(PASSWORD)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis{'s' if self._tls else ''}://127.0.0.1:{self.port}/1"

    def start(self) -> None:
        ports = ["--port", str(self.port)]
        if self._tls is not None:
            cert, key = map(str, self._tls)
            ports = ["--port", "0", "--tls-port", str(self.port), "--tls-cert-file", cert, "--tls-key-file", key]
            ports += ["--tls-auth-clients", "no", "--tls-ca-cert-file", cert]
        self.process = subprocess.Popen(
            [self._program, *ports, "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD],
            cwd=self._folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
