"""The Tuxedo way: calls of XATMI services, each on a thread of a worker process."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Mapping
from datetime import date
from datetime import time as daytime
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent

from cti.boss.codecs import BodyOptions, Codec, CodecError, make_codec
from cti.boss.paths import MISSING, FieldPath, parse_path
from cti.boss.way import OUTCOME, Question, Surroundings, WayError
from cti.boss.ways.secrets import secret_of
from cti.boss.ways.tuxedo.addresses import refused_addresses
from cti.boss.ways.tuxedo.options import TuxedoBackend, TuxedoTarget
from cti.boss.ways.tuxedo.process import Told, WorkerProcess
from cti.config import from_environment
from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.core.targets import NOT_ALLOWED
from cti.files import read_file

#: xatmi.h; what a client may get. (outcome, reason, may the service have been called?)
TPE: Mapping[int, tuple[Any, str, bool]] = {
    1: ("error", "tpeabort", True),
    2: ("error", "bad-descriptor", True),
    3: ("throttled", "would-block", False),
    4: ("error", "bad-call", False),
    5: ("throttled", "limit", False),
    6: ("error", "no-service", False),
    7: ("error", "os", True),
    8: ("error", "not-permitted", False),
    9: ("error", "protocol", True),
    10: ("error", "service-broke", True),
    12: ("error", "system", True),
    13: ("timeout", "tpetime", True),
    14: ("error", "transaction", True),
    15: ("error", "signal", True),
    17: ("error", "buffer-type", False),
    18: ("error", "answer-type", True),
}
TPENOENT, TPESVCFAIL = 6, 11
#: What is kept of the environment of the platform: what every program needs, and none of its secrets.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH")
LOOK_S, RENEWING_S = 0.5, 0.02
_TYPES = {"fml": "FML32", "string": "STRING", "carray": "CARRAY", "json": "JSON"}


class TuxedoWay:
    """Implements `cti.boss.way.Way`. Raises ConfigError for secrets and files that cannot be read."""

    def __init__(self, options: TuxedoBackend, around: Surroundings) -> None:
        self._options = options
        environment = _environment(options, around.folder)
        for why in refused_addresses(environment, around.targets):
            raise ConfigError(why, code=NOT_ALLOWED, remedy="list it at security.targets by what stands in WSNADDR")
        password = secret_of(options.password, options.password_file, around.folder, "the domain's password")
        asked = {
            "module": options.module, "threads": options.workers.threads,
            "user": options.user or "", "password": password or "",
        }  # fmt: skip
        self._workers = [WorkerProcess(around.name, asked, environment) for _ in range(options.workers.processes)]
        self._codecs: dict[int, tuple[TuxedoTarget, Codec, Codec]] = {}  # by target: a service may have several
        self._ended = 0
        self._watching = gevent.spawn(self._watch)

    def ask(self, question: Question) -> Mapping[str, Any]:
        target: TuxedoTarget = question.target
        message = self._message(target, question)
        told = self._call(message, question.deadline)
        return self._answer(target, told)

    def probe(self, deadline: float) -> None:
        """A client joins the domain; and calls the service of ``probe``, where there is one."""
        service = self._options.probe or ""
        message = {"service": service, "type": "NULL", "data": None, "seconds": _seconds(deadline)}
        while not any(worker.up for worker in self._workers) and time.monotonic() < deadline:
            gevent.sleep(0.02)
        found = _failure(self._call(message, deadline))
        if found is not None:
            raise found

    def facts(self) -> Mapping[str, int | float | str]:
        modules = sorted({worker.module for worker in self._workers if worker.up})
        trouble = sorted({worker.trouble for worker in self._workers if worker.trouble})
        return {
            "module": ", ".join(modules) or "none",
            "workers": sum(worker.up for worker in self._workers),
            "calls": sum(worker.busy for worker in self._workers),
            "starts": sum(worker.starts for worker in self._workers),
            "ended_for_hanging": self._ended,
            **({"trouble": ", ".join(trouble)} if trouble else {}),
        }

    def close(self) -> None:
        self._watching.kill()
        for worker in self._workers:
            worker.close()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _call(self, message: Mapping[str, Any], deadline: float) -> Told:
        """By the process that has the least to do. Raises WayError."""
        while not any(one.up for one in self._workers) and any(one.renewing for one in self._workers):
            if time.monotonic() >= deadline:
                break
            gevent.sleep(RENEWING_S)
        if time.monotonic() >= deadline:
            raise WayError("timeout", "deadline", sent=False)
        free = [worker for worker in self._workers if worker.up] or self._workers
        worker = min(free, key=lambda one: one.busy)
        if worker.busy >= self._options.workers.threads:
            raise WayError("throttled", "no-thread", sent=False)
        told = worker.call(message, deadline)
        if told["errno"] == TPENOENT:
            worker.missing(str(message["service"]))
        elif told["stage"] == "called":
            worker.found(str(message["service"]))
        return told

    def _message(self, target: TuxedoTarget, question: Question) -> dict[str, Any]:
        """Raises WayError."""
        fields = {name: value for name, value in question.fields.items() if value is not None}
        data: Any
        if target.buffer == "fml":
            data = {name: [_plain(value)] for name, value in fields.items()}
        else:
            try:
                body = self._codec(target)[0].encode(fields)
                data = {"$b": base64.b64encode(body).decode()} if target.buffer == "carray" else body.decode("utf-8")
            except (CodecError, UnicodeError) as error:
                raise WayError("rejected", getattr(error, "reason", "bad-value"), sent=False) from None
        seconds = _seconds(question.deadline)
        return {"service": target.service, "type": _TYPES[target.buffer], "data": data, "seconds": seconds}

    def _answer(self, target: TuxedoTarget, told: Told) -> Mapping[str, Any]:
        """Raises WayError. A service that ended with TPFAIL has answered, where the target says what its code means."""
        failure = _failure(told)
        failed = told["errno"] == TPESVCFAIL
        if failure is not None and not failed:
            raise failure
        try:
            fields = self._fields(target, told["data"])
        except CodecError as error:
            raise WayError("error", error.reason, sent=True) from None
        found = {**fields, "urcode": told["urcode"], "svcfail": failed}
        code = _code(target, found)
        if failed and code not in target.errors:
            raise WayError("error", "service-failed", sent=True)
        if code is None and target.code is not None:
            return {**found, OUTCOME: "ok"}  # a service that succeeded needs no code
        return found

    def _fields(self, target: TuxedoTarget, data: Any) -> Mapping[str, Any]:
        """Raises CodecError."""
        if target.buffer != "fml":
            if isinstance(data, dict) and set(data) == {"$b"}:
                raw = base64.b64decode(data["$b"])
            elif isinstance(data, str):
                raw = data.encode()
            else:
                raw = b""
            return self._codec(target)[1].decode(raw)
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise CodecError("bad-body")
        return data

    def _codec(self, target: TuxedoTarget) -> tuple[Codec, Codec]:
        if id(target) not in self._codecs:
            options = target.body or BodyOptions(codec="json")
            body, reply = make_codec(options, "utf-8"), make_codec(target.reply or options, "utf-8")
            self._codecs[id(target)] = target, body, reply  # the target, too: else its id could be another's
        return self._codecs[id(target)][1:]

    def _watch(self) -> None:
        """A thread that hangs in the library cannot be ended but with its process."""
        while True:
            gevent.sleep(LOOK_S)
            for worker in self._workers:
                if worker.overdue(time.monotonic()) > self._options.hang_s:
                    self._ended += 1
                    worker.kill()


def _failure(told: Told) -> WayError | None:
    """None: it went well."""
    number, stage = told["errno"], told["stage"]
    if number == 0 and not told.get("what"):
        return None
    if stage == "join":
        return WayError("error", f"join-{TPE[number][1]}" if number in TPE else "join", sent=False)
    if stage == "made":
        return WayError("rejected", "bad-field", sent=False)
    if number == TPESVCFAIL:
        return WayError("error", "service-failed", sent=True)
    if number in TPE:
        outcome, reason, sent = TPE[number]
        return WayError(outcome, reason, sent=sent)
    return WayError("error", told.get("what") or f"tpe-{number}", sent=True)


def _code(target: TuxedoTarget, found: Mapping[str, Any]) -> str | None:
    """None: the answer has none, or the target names none."""
    path = parse_path(target.code) if target.code is not None else ""
    code = path.find(found) if isinstance(path, FieldPath) else MISSING
    return None if code is MISSING else str(code).strip()


def _seconds(deadline: float) -> int:
    """Of the library's own time limit: whole ones, and none before our deadline."""
    return max(1, math.ceil(deadline - time.monotonic()))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | daytime) else value


def _environment(options: TuxedoBackend, folder: Path) -> dict[str, str]:
    found = {name: os.environ[name] for name in KEPT if name in os.environ}
    if options.environment_file is not None:
        file = folder / options.environment_file
        raw = read_file(file, what="the environment of an XATMI client", remedy="name another file at environment_file")
        for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
            text = line.strip().removeprefix("export ").strip()
            if text and not text.startswith("#"):
                name, assign, value = text.partition("=")
                if not assign or not name.isidentifier():
                    raise ConfigError(
                        "this is no line NAME=VALUE", place=Place(str(file), number, 1), code="bad-environment"
                    )
                found[name] = value.strip().strip("\"'")
    return {**found, **{name: from_environment(value) for name, value in options.environment.items()}}
