"""What flows may ask stands in the interface server's file: the checker knows it, and says where a flow is wrong."""

from __future__ import annotations

import pytest

from cti.boss import WAYS
from cti.boss.configuration import parse_office
from cti.flow import load_flow

INTERFACES = """
backends:
  db: {way: sql, url: "sqlite:///boss.db"}
lookups:
  balance.get:
    in: {msisdn: phone}
    out: {balance: decimal}
    outcomes: [locked]
    to: {backend: db, sql: SELECT balance FROM s WHERE msisdn = :msisdn, code: outcome, errors: {locked: locked}}
requests:
  fault.file:
    in: {number: phone}
    out: {ticket: text}
    to:
      backend: db
      write: INSERT INTO fault (key, number) VALUES (:key, :number)
      read: SELECT ticket FROM fault WHERE key = :key
"""
CATALOG = parse_office(INTERFACES, "interfaces.yaml", WAYS).catalog()
FLOW = """\
flow: asks
start: ask
languages: {default: en-US}
inputs:
  caller: phone
vars:
  amount: decimal = 0
nodes:
  ask:
    type: lookup
    ask: balance.get
    with: {msisdn: =caller}
    save: {amount: =result.balance}
    to: {ok: tell, locked: bye, else: bye}
  tell: {type: play, say: {en-US: "You have ${money(amount)}."}, next: file}
  file:
    type: request
    ask: fault.file
    with: {number: =caller}
    to: {done: bye, else: bye}
  bye: {type: end}
"""


def found(old: str = "", new: str = "") -> list[tuple[int, str]]:
    assert old in FLOW
    loaded = load_flow(FLOW.replace(old, new, 1), "asks.yaml", catalog=CATALOG)
    return [(issue.place.line, issue.code) for issue in loaded.errors]


def test_a_flow_that_asks_what_there_is_has_nothing_against_it() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("old", "new", "issues"),
    [
        ("balance.get", "balanse.get", [(11, "unknown-source")]),
        ("fault.file", "fault.report", [(18, "unknown-source")]),
        ("result.balance", "result.name", [(13, "undefined-variable")]),
        ("locked: bye", "lockt: bye", [(14, "unknown-exit")]),
        ("locked: bye, else: bye", "not_found: bye, timeout: bye, error: bye, throttled: bye", [(9, "missing-exit")]),
        ("{msisdn: =caller}", "{number: =caller}", [(9, "missing-option"), (12, "unknown-option")]),
        ("{msisdn: =caller}", "{msisdn: =amount}", [(12, "type-mismatch")]),
    ],
)
def test_what_the_file_does_not_have_is_an_error_at_its_line(old: str, new: str, issues: list[tuple[int, str]]) -> None:
    assert found(old, new) == issues
