"""The interface server's file: what it becomes, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.boss.configuration import OfficeRefused, load_office, parse_office
from cti.boss.guard.breaker import Window
from cti.boss.plans import FieldClass, OfficePlan
from cti.boss.way import Finding, TargetOptions
from cti.core.errors import ConfigError
from cti.flow.types import parse_type
from cti.validating import Section
from tests.boss.rig import ScriptedKind


class Wire(Section):
    host: str
    port: int = 9001


class Message(TargetOptions):
    message: str


class WireKind(ScriptedKind):
    """A way with options of its own and one thing that no schema can tell."""

    name = "wire"
    Backend = Wire
    Target = Message

    def prove_backend(self, backend: Any) -> Any:
        return (Finding(("port",), "bad-value", "port: 1 is taken"),) if backend.port == 1 else ()

    def prove_target(self, backend: Any, target: Any, carried: Any) -> Any:
        return () if target.message == "QRYBAL" else (Finding(("message",), "bad-option", "no such message"),)

    def service(self, target: Any) -> str:
        return str(target.message)


WAYS = {"wire": WireKind()}
GOOD = """\
security:
  classes: {msisdn: {mask: "3+4"}, secret: {mask: all, cache: never}}
subscriber:
  normalise: [strip_spaces, {strip_prefix: ["+86", "86"]}]
  kinds: [{kind: mobile, match: '^1[3-9]\\d{9}$'}, {kind: fixed, match: '^0\\d{9,11}$'}]
  attributes: subscriber.get
policies:
  query: {cache: {ttl_s: 60, sie_s: 3600}, retry: {attempts: 2}}
backends:
  crm: {way: wire, host: 127.0.0.1, rate: {per_s: 200, burst: 50}, breaker: {window: {calls: 50}}}
  old: {way: wire, host: 127.0.0.1, port: 9002, concurrency: {max: 2}}
lookups:
  balance.get:
    in: {msisdn: {type: subscriber, class: msisdn}, cycle: {type: text, required: false}}
    out: {balance: decimal, name: {class: secret}, as_of: "datetime?"}
    policy: query
    deadline_ms: 4000
    routes:
      - {when: "kind == 'fixed' and tier == 'vip'", to: {backend: old, message: QRYBAL}}
      - split: {percent: 10}
        to: {backend: crm, message: QRYBAL}
      - default: true
        to:
          - {backend: crm, message: QRYBAL, send: {NO: msisdn, CH: {const: IVR}}, take: {balance: "B[0]"},
             code: header.rc, good: ["0000"], errors: {"1001": not_found}}
          - {backend: old, message: QRYBAL}
  subscriber.get:
    in: {msisdn: {type: subscriber}}
    out: {tier: "enum[vip, standard]"}
    to: {backend: crm, message: QRYBAL}
requests:
  package.order:
    in: {msisdn: phone, name: text!}
    to: {backend: crm, message: QRYBAL, send: {NO: msisdn, KEY: key}, code: rc, errors: {NO: rejected}}
"""


def parsed(text: str = GOOD) -> OfficePlan:
    return parse_office(text, "interfaces.yaml", WAYS)


def findings(text: str) -> list[str]:
    with pytest.raises(OfficeRefused) as refused:
        parsed(text)
    lines = text.splitlines() or [""]
    return [f"{i.code} at {lines[i.place.line - 1][i.place.col - 1 :][:12].strip()}" for i in refused.value.issues]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_back_ends_have_their_way_and_their_guards() -> None:
    crm, old = (parsed().backends[name] for name in ("crm", "old"))
    assert (crm.options, crm.rate) == (Wire(host="127.0.0.1"), (200.0, 50.0))
    assert crm.breaker.window == Window(calls=50)
    assert (old.options, old.rate, old.concurrency.max) == (Wire(host="127.0.0.1", port=9002), None, 2)


def test_a_question_has_its_signature_classes_policy_and_routes() -> None:
    balance = parsed().lookups["balance.get"]
    spelled = {name: str(kind) for name, kind in {**balance.signature.inputs, **balance.signature.outputs}.items()}
    assert spelled == {
        "msisdn": "phone!",
        "cycle": "text?",
        "balance": "decimal",
        "name": "text!",
        "as_of": "datetime?",
    }
    assert balance.classes == {
        "msisdn": FieldClass("msisdn", 3, 4),
        "name": FieldClass("secret", whole=True, cached=False),
    }
    assert (balance.subscriber, balance.deadline_s, balance.policy.retry.attempts) == ("msisdn", 4.0, 2)
    first, second, last = balance.routes
    assert first.when is not None
    assert [(t.backend, t.service) for t in first.to] == [("old", "QRYBAL")]
    assert (second.split_pct, last.split_pct) == (10.0, None)
    target = last.to[0]
    assert [(s.name, s.source, s.constant) for s in target.mapped.send] == [("NO", "msisdn", None), ("CH", None, "IVR")]
    assert (target.mapped.good, target.mapped.errors) == (frozenset({"0000"}), {"1001": "not_found"})


def test_a_request_can_be_rejected_and_sends_its_key() -> None:
    plan = parsed().requests["package.order"]
    assert (plan.write, plan.deadline_s, plan.signature.outcomes) == (True, 10.0, ("rejected",))
    assert plan.classes["name"].whole
    assert plan.signature.inputs["name"] == parse_type("text!")


def test_the_flow_checker_knows_what_may_be_asked() -> None:
    catalog = parsed().catalog()
    assert sorted(catalog.lookups or ()) == ["balance.get", "subscriber.get"]
    assert sorted(catalog.requests or ()) == ["package.order"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("policies:", "polices:", ["unknown-option at polices:", "bad-option at query"]),  # there is no policy
        ('mask: "3+4"', "mask: 3-4", ["bad-value at 3-4}, secret"]),
        ("mask: all, cache: never", "mask: all, cash: never", ["unknown-option at cash: never}"]),
        ("'^0\\d{9,11}$'", "'^0(\\d'", ["bad-value at '^0(\\d'}]"]),
        (
            "attributes: subscriber.get",
            "attributes: subscriber.gt",
            ["unknown-source at subscriber.g", "undefined-variable at tier == 'vip"],
        ),
        ("retry: {attempts: 2}", "retry: {attempts: 99}", ["bad-value at 99}}"]),
        ("way: wire, host: 127.0.0.1, rate", "way: wyre, host: 127.0.0.1, rate", ["bad-option at wyre, host:"]),
        ("host: 127.0.0.1, port: 9002", "port: 9002", ["missing-option at {way: wire,"]),
        ("port: 9002", "port: 1", ["bad-value at 1, concurren"]),
        ("port: 9002", "prot: 9002", ["unknown-option at prot: 9002,"]),
        ("class: msisdn}", "class: msisdm}", ["bad-option at msisdm}, cyc"]),
        (
            "{balance: decimal, name",
            "{balance: decimel, name",
            ["bad-type at decimel, nam", 'bad-option at balance: "B['],
        ),
        ("policy: query", "policy: qery", ["bad-option at qery"]),
        ("deadline_ms: 4000", "deadline_ms: 0", ["bad-option at 0"]),
        ("kind == 'fixed' and tier == 'vip'", "kid == 'fixed'", ["undefined-variable at kid == 'fixe"]),
        ("kind == 'fixed' and tier == 'vip'", "kind + 1", ['type-mismatch at kind + 1", t']),
        ("{backend: old, message: QRYBAL}}", "{backend: odl, message: QRYBAL}}", ["bad-option at odl, message"]),
        (
            "message: QRYBAL, send: {NO: msisdn, CH",
            "message: QRYBIL, send: {NO: msisdn, CH",
            ["bad-option at QRYBIL, send"],
        ),
        ("send: {NO: msisdn, CH", "send: {NO: msisd, CH", ["bad-option at NO: msisd, C"]),
        ("CH: {const: IVR}", "CH: {constant: IVR}", ["bad-option at CH: {constan"]),
        ('take: {balance: "B[0]"}', 'take: {balanse: "B[0]"}', ['bad-option at balanse: "B[']),
        ('take: {balance: "B[0]"}', 'take: {balance: "B["}', ['bad-option at balance: "B[']),
        ('"1001": not_found', '"1001": not_fund', ['bad-option at "1001": not_']),
        ("code: header.rc, ", "", ['bad-option at errors: {"10']),
        ("balance.get:", "balance:", ["bad-name at balance:"]),
        ("package.order:", "balance.get:", ["duplicate-key at balance.get:"]),
        ("  balance.get:\n    in", "  x.y: 1\n  balance.get:\n    in", ["bad-option at 1"]),
        ("    to: {backend: crm, message: QRYBAL}\nrequests", "requests", ["missing-option at subscriber.g"]),
    ],
)
def test_every_mistake_has_its_place(old: str, new: str, found: list[str]) -> None:
    assert findings(changed(old, new)) == found


def test_a_secret_is_not_shown_again() -> None:
    with pytest.raises(OfficeRefused) as refused:
        parsed(changed("host: 127.0.0.1, port: 9002", "host: [geheim], port: geheimer"))
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "backends: [", "a: *x", "- 1", "lookups: 7"])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    assert findings(text)


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "interfaces.yaml"
    with pytest.raises(ConfigError, match="boss"):
        load_office(file, WAYS)
    file.write_text(GOOD, encoding="utf-8")
    assert sorted(load_office(file, WAYS).backends) == ["crm", "old"]


def test_a_subscriber_for_short_is_the_one_that_routes_go_by() -> None:
    short = parsed(changed("in: {msisdn: {type: subscriber}}", "in: {msisdn: subscriber}"))
    assert short.lookups["subscriber.get"].subscriber == "msisdn"
    assert (
        parsed(changed("in: {msisdn: {type: subscriber}}", "in: {msisdn: phone}")).lookups["subscriber.get"].subscriber
        is None
    )
