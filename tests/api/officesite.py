"""An interface server for the API's tests: one look-up, one back end that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cti.boss.configuration import parse_office
from cti.boss.server import InterfaceServer
from cti.boss.way import Question, Surroundings, TargetOptions, WayError
from cti.boss.writes import MemoryWriteLog, WriteLog
from cti.ports import Clock
from cti.store.sealing import Sealer
from cti.validating import Section

FILE = """
security:
  classes: {msisdn: {mask: "3+4"}, name: {mask: "1+0"}}
policies:
  query: {cache: {ttl_s: 60}}
backends:
  crm: {way: told}
lookups:
  balance.get:
    in: {msisdn: {type: phone, class: msisdn}}
    out: {balance: decimal, name: {class: name}, msisdn: {type: phone, class: msisdn}, pin: "text?!", due: "date?"}
    outcomes: [locked]
    policy: query
    to: {backend: crm, code: rc, errors: {LOCKED: locked}}
  bill.get:
    in: {msisdn: {type: phone, class: msisdn}, month: text}
    out: {amount: decimal, holder: {class: name}}
    to: {backend: crm}
    shadow: {to: {backend: crm, code: new_rc, good: [""], errors: {LOCKED: not_found},
                  take: {amount: new_amount, holder: new_holder}}, percent: 100}
requests:
  package.order:
    in: {msisdn: {type: phone, class: msisdn}, product: text}
    out: {balance: decimal, name: {class: name}}
    to: {backend: crm, code: rc, errors: {LOCKED: rejected}}
"""
ANSWER = {"balance": "12.50", "name": "Wang Wei", "msisdn": "13800001234", "pin": "4711", "due": "2026-03-01", "rc": ""}


class ToldWay:
    def __init__(self) -> None:
        self.answer: Mapping[str, Any] | WayError = ANSWER
        self.asked: list[Question] = []

    def ask(self, question: Question) -> Mapping[str, Any]:
        self.asked.append(question)
        if isinstance(self.answer, WayError):
            raise self.answer
        return self.answer

    def probe(self, deadline: float) -> None:
        pass

    def facts(self) -> Mapping[str, int | float | str]:
        return {"connections": 1}

    def close(self) -> None:
        pass


class Told(Section):
    pass


class ToldKind:
    name = "told"
    Backend = Told
    Target = TargetOptions

    def __init__(self, way: ToldWay) -> None:
        self._way = way

    def prove_backend(self, backend: Any) -> tuple[()]:
        return ()

    def prove_target(self, backend: Any, target: Any, carried: Any) -> tuple[()]:
        return ()

    def service(self, target: Any) -> str:
        return "QRYBAL"

    def open(self, backend: Any, around: Surroundings) -> ToldWay:
        return self._way


class OfficeSite:
    """``writes``: where the writes are noted, in memory unless said."""

    def __init__(self, clock: Clock, writes: WriteLog | None = None) -> None:
        self.way = ToldWay()
        plan = parse_office(FILE, "interfaces.yaml", {"told": ToldKind(self.way)})
        sealer = Sealer({"k1": b"k" * 32}, "k1", b"b" * 32)
        self.server = InterfaceServer(
            plan, clock, folder=Path("unused"), sealing=sealer, writes=writes or MemoryWriteLog()
        )
