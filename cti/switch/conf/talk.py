"""A short conversation with a switch: log in, ask, leave. For the command line; the engine has its own links."""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import Self

from cti.core.errors import DeadlineExceeded, SwitchUnavailable
from cti.esl.errors import EslError
from cti.esl.frame import Frame
from cti.esl.parser import FrameParser

CHUNK = 65536
WAITED_FOR = frozenset({"auth/request", "command/reply", "api/response"})


class Talk:
    """``timeout_s`` bounds each answer. Raises SwitchUnavailable (code switch-unreachable, switch-acl or
    switch-password, each with its remedy) and DeadlineExceeded."""

    def __init__(self, host: str, port: int, password: str, timeout_s: float = 5.0) -> None:
        self._where = f"{host}:{port}"
        self._timeout_s = timeout_s
        self._parser = FrameParser()
        self._frames: list[Frame] = []
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            raise SwitchUnavailable(
                f"nothing answers on {self._where} ({error.strerror or error})",
                code="switch-unreachable",
                remedy="start FreeSWITCH on the configuration that `cti switch config` wrote",
            ) from error
        try:
            self._log_in(password)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    @property
    def ports(self) -> tuple[int, int] | None:
        """The switch's and ours; None: the connection has ended."""
        try:
            return self._socket.getpeername()[1], self._socket.getsockname()[1]
        except OSError:
            return None

    def api(self, command: str) -> str:
        """The switch's answer as text, without the final newline."""
        return self.ask(f"api {command}\n\n".encode()).reply.rstrip("\n")

    def _log_in(self, password: str) -> None:
        frame = self._next()
        if frame.content_type == "text/rude-rejection":
            raise SwitchUnavailable(
                f"{self._where} refuses this address",
                code="switch-acl",
                remedy="start the switch on the configuration that `cti switch config` wrote",
            )
        if not self.ask(f"auth {password}\n\n".encode()).reply.startswith("+OK"):
            raise SwitchUnavailable(
                f"{self._where} refuses the password",
                code="switch-password",
                remedy="restart the switch on this configuration, or pass its own --to folder",
            )

    def ask(self, command: bytes) -> Frame:
        """One whole command; its answer."""
        try:
            self._socket.sendall(command)
        except OSError as error:
            raise self._lost() from error
        return self._next()

    def _next(self) -> Frame:
        until = time.monotonic() + self._timeout_s
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                if frame.content_type in WAITED_FOR or frame.content_type == "text/rude-rejection":
                    return frame
            left = until - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(f"no answer from {self._where} within {self._timeout_s:g} s")
            self._socket.settimeout(left)
            self._receive()

    def _receive(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
            if not data:
                raise self._lost()
            self._frames += self._parser.feed(data)
        except TimeoutError:
            return  # the caller looks at the clock
        except EslError as error:
            remedy = "is this port the event socket?"
            raise SwitchUnavailable(
                f"{self._where} speaks another protocol", code="switch-garbled", remedy=remedy
            ) from error
        except OSError as error:
            raise self._lost() from error

    def _lost(self) -> SwitchUnavailable:
        return SwitchUnavailable(
            f"{self._where} closed the connection", code="switch-lost", remedy="is it shutting down?"
        )
