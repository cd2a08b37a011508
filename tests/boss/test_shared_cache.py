"""``cache: {store: database}``: what one engine was told answers the other's callers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cti.boss.caching import MemoryCache
from cti.boss.configuration import parse_office
from cti.boss.guard.bulkhead import Priority
from cti.boss.server import InterfaceServer
from cti.boss.writes import MemoryWriteLog
from cti.store.sealing import Sealer
from cti.validating import Section
from tests.boss.rig import SUBSCRIBER, ScriptedKind, TestClock

FILE = """\
policies: {shared: {cache: {ttl_s: 60, store: database}}, own: {cache: {ttl_s: 60}}}
backends: {crm: {way: scripted}}
lookups:
  balance.get: {in: {msisdn: phone}, out: {balance: decimal}, policy: POLICY, to: {backend: crm}}
"""


class Options(Section):
    """Of a back end in the file: none."""


class FileKind(ScriptedKind):
    Backend: type[Section] = Options


def engine(shared: MemoryCache, policy: str = "shared", out: str = "balance: decimal") -> InterfaceServer:
    text = FILE.replace("POLICY", policy).replace("balance: decimal", out)
    plan = parse_office(text, "x.yaml", {"scripted": FileKind()})
    sealer = Sealer({"k1": b"k" * 32}, "k1", b"b" * 32)
    return InterfaceServer(
        plan, TestClock(), folder=Path("unused"), sealing=sealer, writes=MemoryWriteLog(), shared=shared
    )


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[InterfaceServer, InterfaceServer]]:
    shared = MemoryCache()
    first, second = request.param
    both = engine(shared, **first), engine(shared, **second)
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize(
    ("servers", "how"),
    [
        (({}, {}), "fresh"),
        (({"policy": "own"}, {"policy": "own"}), "asked"),
        (({}, {"out": "balance: 'decimal?'"}), "asked"),  # another signature: entries would not fit it
    ],
    indirect=["servers"],
)
def test_an_answer_is_shared_where_the_policy_says_so(
    servers: tuple[InterfaceServer, InterfaceServer], how: str
) -> None:
    first, second = (one.find("balance.get", SUBSCRIBER, Priority.IVR) for one in servers)
    assert (first.how, second.how) == ("asked", how)
    assert second.values == {"balance": Decimal("12.50")}
