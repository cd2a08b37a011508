"""One worker process: an XATMI client on plain threads, told what to call over a socket.

Run by its path and by nobody else: no import of the platform, no gevent, since the C library blocks threads, keeps a
context (and its descriptors) for each, and may end the process. Messages are a length (4 bytes, big-endian) and JSON;
bytes in it are ``{"$b": base64}``.

    to us:    {"id": 1, "service": "QRY_BAL", "type": "FML32", "data": {"MSISDN": ["138…"]}, "seconds": 4}
    from us:  {"module": "tuxedo"}, once; then {"id": 1, "errno": 0, "urcode": 0, "data": …, "stage": "called"}

``errno``: of xatmi.h (the same numbers in Tuxedo and Enduro/X); -1: not one of XATMI, with ``what``. ``stage``: join
(the domain did not let us in: nothing was called), made (the tables do not know a field: nothing was called), called
(whatever came then, the service may have run).
"""

import base64
import contextlib
import importlib
import json
import os
import queue
import socket
import struct
import sys
import threading
from typing import Any

TPEINVAL, TPENOENT, TPESVCFAIL, TPESYSTEM, TPETIME = 4, 6, 11, 12, 13
#: After these the context is made anew.
LOST = (9, TPESYSTEM, TPETIME)  # TPEPROTO, TPESYSTEM, TPETIME
MODULES = ("tuxedowsc", "tuxedo", "endurox")


class Client:
    """The calls of either module, alike. Used by one thread at a time, after its own `join`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._module: Any = importlib.import_module(name)
        self._errors = tuple(
            kind
            for kind in (getattr(self._module, word, None) for word in ("XatmiException", "AtmiException"))
            if isinstance(kind, type)
        )

    def join(self, user: str, password: str) -> None:
        """A context for this thread. Enduro/X makes one for each thread by itself, and its tpinit takes no user; with
        Tuxedo all threads share one unless it is told, and the tpterm of one would end the calls of the others."""
        if self.name == "endurox":
            self._module.tpinit()
            return
        known = {"usrname": user, "passwd": password} if user or password else {}
        self._module.tpinit(flags=self._module.TPMULTICONTEXTS, **known)

    def leave(self) -> None:
        self._module.tpterm()

    def check(self, kind: str, data: Any) -> None:
        """Raises what the module raises for a field that its tables do not know. Asked before the call, since tpcall
        raises the same errors for a buffer that it cannot make, and for an answer that it cannot read."""
        if kind == "FML32":
            look_up = self._module.Bfldid if self.name == "endurox" else self._module.Fldid32
            for name in data:
                look_up(name)

    def call(self, service: str, kind: str, data: Any, seconds: int) -> tuple[int, int, Any]:
        """(tperrno, tpurcode, what came). Raises what the module raises."""
        block = getattr(self._module, "tpsblktime", None)
        if block is not None and seconds > 0:
            block(seconds, getattr(self._module, "TPBLK_NEXT", 1))
        if self.name == "endurox":
            names = {"FML32": "UBF"}
            sent: Any = {"buftype": names.get(kind, kind), "data": data} if kind != "NULL" else {}
            told = self._module.tpcall(service, sent)
        else:
            told = self._module.tpcall(service, {} if kind == "NULL" else data)  # it has no buffer without a type
        return int(told[0]), int(told[1]), plain(told[2])

    def code_of(self, error: BaseException) -> int | None:
        """The TPE number; None: it is no error of XATMI."""
        if isinstance(error, self._errors):
            return int(getattr(error, "code", 0) or 0) or TPESYSTEM
        return None


def plain(told: Any) -> Any:
    """Copied out of the buffer, in the thread that got it."""
    if isinstance(told, str):
        told.encode()  # Tuxedo's module tells bytes that are no text as surrogates. Raises UnicodeError
    if isinstance(told, dict) and "buftype" in told:
        told = told.get("data")
    if hasattr(told, "to_dict"):
        told = told.to_dict()
    if hasattr(told, "items") and not isinstance(told, dict):
        told = dict(told.items())
    if isinstance(told, dict):
        return {str(name): plain(value) for name, value in told.items()}
    if isinstance(told, (list, tuple)):
        return [plain(value) for value in told]
    return told


def packed(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, (bytes, bytearray)):
        return {"$b": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, dict):
        return {name: packed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [packed(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$b"}:
            return base64.b64decode(value["$b"])
        return {name: unpacked(one) for name, one in value.items()}
    return [unpacked(one) for one in value] if isinstance(value, list) else value


class Worker:
    def __init__(self, sock: socket.socket, client: Client, user: str, password: str) -> None:
        self._sock, self._client, self._user, self._password = sock, client, user, password
        self._jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._writing = threading.Lock()

    def run(self, threads: int) -> None:
        for _ in range(threads):
            threading.Thread(target=self._serve, daemon=True).start()
        self._send({"module": self._client.name})
        while (job := _read(self._sock)) is not None:
            self._jobs.put(job)
        os._exit(0)  # whoever used us is gone; a thread that hangs in the library must not keep us

    def _serve(self) -> None:
        joined = False
        while True:
            job = self._jobs.get()
            told: dict[str, Any] = {"id": job["id"], "errno": -1, "urcode": 0, "data": None, "stage": "join"}
            try:
                if not joined:
                    self._client.join(self._user, self._password)
                    joined = True
                if job.get("service"):
                    told["stage"] = "made"
                    data = unpacked(job["data"])
                    self._client.check(job["type"], data)
                    told["stage"] = "called"
                    told["errno"], told["urcode"], data = self._client.call(
                        job["service"], job["type"], data, job["seconds"]
                    )
                    told["data"] = packed(data)
                else:
                    told["errno"] = 0
            except UnicodeError:
                told["what"] = "bad-encoding"  # a text of the answer: the service has run
            except Exception as error:  # noqa: BLE001 - every error has to be told, or somebody waits for it
                code = self._client.code_of(error)
                told["errno"] = -1 if code is None else code
                told["what"] = f"client-{type(error).__name__}"
            if told["errno"] in LOST and joined:
                joined = False
                with contextlib.suppress(Exception):  # it is gone already
                    self._client.leave()
            self._send(told)

    def _send(self, told: dict[str, Any]) -> None:
        raw = json.dumps(told).encode()
        with self._writing:
            try:
                self._sock.sendall(struct.pack("!I", len(raw)) + raw)
            except OSError:
                os._exit(0)


def _read(sock: socket.socket) -> Any:
    head = _exactly(sock, 4)
    body = None if head is None else _exactly(sock, struct.unpack("!I", head)[0])
    return None if body is None else json.loads(body)


def _exactly(sock: socket.socket, count: int) -> "bytes | None":
    parts = b""
    while len(parts) < count:
        part = sock.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return parts


def main() -> None:
    """Argument: the descriptor of the socket. Its first message is for us: module, threads, user, password."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(True)  # it was made by gevent
    asked = _read(sock)
    if asked is None:
        return
    wanted = MODULES if asked["module"] == "auto" else (asked["module"],)
    for name in wanted:
        try:
            client = Client(name)
        except ImportError as error:
            trouble = f"{name}: {error}"
            continue
        Worker(sock, client, asked["user"], asked["password"]).run(asked["threads"])
    raw = json.dumps({"module": None, "what": trouble[:200]}).encode()
    sock.sendall(struct.pack("!I", len(raw)) + raw)


if __name__ == "__main__":
    main()
