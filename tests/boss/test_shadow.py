"""Shadow questions: what they compare and keep, and that nobody else notices them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import gevent
import pytest

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.guard.breaker import BreakerSettings, Window
from cti.boss.guard.bulkhead import ConcurrencySettings
from cti.boss.mapping import Mapped
from cti.boss.paths import FieldPath, parse_path
from cti.boss.plans import FieldClass, QuestionPlan
from cti.boss.policies import CacheSettings, PolicySettings, RetrySettings
from cti.boss.routing import Route, Shadow
from cti.boss.shadow_counts import SAMPLES_KEPT, Compared
from cti.boss.way import Question, WayError
from cti.flow.catalog import LookupSignature
from cti.validating import Section
from tests.boss.rig import SUBSCRIBER, Office, ScriptedKind, opened, question, target, until

RICH = LookupSignature.parse(
    {"msisdn": "phone"},
    {"balance": "decimal", "name": "text", "pin": "text?", "as_of": "datetime?"},
    ("not_found", "locked"),
)
CLASSES = {"name": FieldClass("name", 1, 0), "pin": FieldClass("pin", whole=True)}
LOST = WayError("error", "reset", sent=True)


def path(text: str) -> FieldPath:
    found = parse_path(text)
    assert isinstance(found, FieldPath)
    return found


def shadowed(percent: float = 100.0, *, signature: LookupSignature = RICH, **more: Any) -> QuestionPlan:
    """Answered by ``old``, shadowed by ``new``."""
    coded = Mapped(code=path("rc"), errors={"1": "not_found", "2": "locked"})
    options = {name: more.pop(name) for name in ("ignore", "tolerance", "at_once") if name in more}
    shadow = Shadow(target("new", coded, "QRYBAL~shadow"), percent, **options)
    routes = (*more.pop("before", ()), Route(None, (target("old", coded),), shadow=shadow))
    return question(routes=routes, signature=signature, classes=CLASSES, **more)


def said(balance: str = "12.50", name: str = "Wang Wei", pin: str = "4711", rc: str = "") -> dict[str, str]:
    return {"balance": balance, "name": name, "pin": pin, "rc": rc}


def _broken(_question: Question) -> dict[str, str]:
    raise KeyError(1)


def ask(office: Office, number: str = SUBSCRIBER["msisdn"]) -> str:
    return office.asking.ask("balance.get", {"msisdn": number}, 20.0).outcome


def counts(office: Office) -> Compared:
    until(lambda: not office.asking.shadows.running)
    return office.asking.shadows.report(office.plan)["balance.get"]


def test_the_same_answer_is_counted_and_nothing_of_it_kept() -> None:
    with opened(shadowed()) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        assert ask(office) == "ok"
        found = counts(office)
        assert (found.same, found.different, dict(found.outcomes)) == (1, 0, {("ok", "ok"): 1})
        assert not found.samples
        assert office.ways["new"].asked[0].fields == SUBSCRIBER


def test_a_difference_is_counted_by_field_and_kept_masked() -> None:
    with opened(shadowed()) as office:
        office.ways["old"].answer, office.ways["new"].answer = said(), said("12.49", "Li Lei", "0815")
        assert ask(office) == "ok"
        found = counts(office)
        assert (found.same, found.different) == (0, 1)
        assert dict(found.fields) == {"balance": 1, "name": 1, "pin": 1}
        (sample,) = found.samples
        assert (sample.usual, sample.new) == (("old", "ok"), ("new", "ok"))
        assert sample.arguments == {"msisdn": "138****0000"}  # it has no class, and whoever reads this serves nobody
        assert sample.fields == {
            "balance": ("12.50", "12.49"), "name": ("W*******", "L*****"), "pin": ("******", "******"),
        }  # fmt: skip
        assert sample.masked == ("msisdn", "name", "pin")
        assert not any(word in repr(found) for word in ("Wei", "4711", "0815", SUBSCRIBER["msisdn"]))


@pytest.mark.parametrize(
    ("options", "new", "differ"),
    [
        ({"tolerance": {"balance": Decimal("0.01")}}, said("12.49"), False),
        ({"tolerance": {"balance": Decimal("0.01")}}, said("12.48"), True),
        ({"ignore": frozenset({"name"})}, said(name="WANG WEI"), False),
        ({"ignore": frozenset({"name"})}, said("1", name="WANG WEI"), True),
        ({}, {**said(), "as_of": "2026-03-01T00:00:00+08:00"}, False),
        ({}, {**said(), "pin": None}, True),
        ({}, said("12.500"), False),
    ],
)
def test_what_may_differ_does_not(options: dict[str, Any], new: dict[str, str], *, differ: bool) -> None:
    with opened(shadowed(**options)) as office:
        office.ways["old"].answer, office.ways["new"].answer = said(), new
        ask(office)
        assert counts(office).different == int(differ)


def test_outcomes_are_compared_as_pairs() -> None:
    with opened(shadowed()) as office:
        for old, new in (("", "1"), ("1", "1"), ("1", "2"), ("2", "")):
            office.ways["old"].answer, office.ways["new"].answer = said(rc=old), said(rc=new)
            ask(office)
            counts(office)
        found = counts(office)
        assert dict(found.outcomes) == {
            ("ok", "not_found"): 1, ("not_found", "not_found"): 1, ("not_found", "locked"): 1, ("locked", "ok"): 1,
        }  # fmt: skip
        assert (found.same, found.different, dict(found.fields)) == (1, 3, {})
        assert not any(sample.fields for sample in found.samples)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (LOST, "reset"),
        ({"balance": "1"}, "unknown-code"),
        (said("x"), "bad-answer"),
        (_broken, "bug-KeyError"),
    ],
)
def test_a_new_way_that_fails_is_counted_and_asked_once(answer: Any, reason: str) -> None:
    policy = PolicySettings(retry=RetrySettings(attempts=3, budget_pct=100))
    with opened(shadowed(policy=policy)) as office:
        office.ways["old"].answer, office.ways["new"].answer = said(), answer
        assert ask(office) == "ok"
        assert dict(counts(office).failed) == {reason: 1}
        assert counts(office).compared == 0
        assert len(office.ways["new"].asked) == 1


def test_where_the_usual_way_has_no_answer_there_is_nothing_to_compare() -> None:
    with opened(shadowed()) as office:
        office.ways["old"].answer = LOST
        assert ask(office) == "error"
        assert counts(office).compared == 0
        assert not office.ways["new"].asked


def test_an_answer_that_was_kept_is_not_asked_of_the_new_way() -> None:
    with opened(shadowed(policy=PolicySettings(cache=CacheSettings(ttl_s=60)))) as office:
        office.ways["old"].answer, office.ways["new"].answer = said(), said("99")
        assert [ask(office) for _ in range(3)] == ["ok"] * 3
        counts(office)
        assert len(office.ways["new"].asked) == 1
        found = office.asking.ask("balance.get", SUBSCRIBER, 20.0)
        assert (found.values["balance"], found.backend) == (Decimal("12.50"), "old")  # and never answers itself


def test_the_answer_does_not_wait_for_a_new_way_that_hangs() -> None:
    with opened(shadowed(at_once=2)) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        office.ways["new"].gate.clear()
        assert [ask(office) for _ in range(5)] == ["ok"] * 5
        shadows = office.asking.shadows
        until(lambda: len(office.ways["new"].asked) == 2)
        assert shadows.running == 2
        assert dict(shadows.report(office.plan)["balance.get"].skipped) == {"at-once": 3}
        office.ways["new"].gate.set()
        assert counts(office).same == 2


def test_a_caller_goes_before_the_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    with opened(shadowed()) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        monkeypatch.setattr(office.backends["new"], "spare", lambda _now: order.append("shadow"))
        gevent.spawn(lambda: order.append(ask(office))).join()
        counts(office)
        assert order == ["ok", "shadow"]


def test_the_last_free_place_of_a_back_end_is_left_to_those_who_wait() -> None:
    busy = replace(question(target("new"), deadline_s=20.0), name="other.get")
    with opened(shadowed(), busy, concurrency=ConcurrencySettings(max=2)) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        office.ways["new"].gate.clear()
        waiting = gevent.spawn(office.asking.ask, "other.get", SUBSCRIBER, 20.0)
        until(lambda: office.ways["new"].asked)
        assert ask(office) == "ok"
        assert dict(counts(office).skipped) == {"busy": 1}
        office.ways["new"].gate.set()
        assert waiting.get(timeout=20).outcome == "ok"
        assert len(office.ways["new"].asked) == 1


def test_half_the_burst_of_a_rate_is_left_to_those_who_wait() -> None:
    with opened(shadowed(), rate=(0.001, 4.0)) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        for _ in range(4):
            assert ask(office) == "ok"
            counts(office)
        found = counts(office)
        assert (found.same, dict(found.skipped)) == (2, {"busy": 2})


def test_its_breaker_is_its_own() -> None:
    breaker = BreakerSettings(window=Window(calls=10), min_calls=3, open_s=60)
    live = replace(question(target("new")), name="other.get")
    with opened(shadowed(), live, breaker=breaker) as office:
        office.ways["old"].answer, office.ways["new"].answer = said(), LOST
        for _ in range(5):
            ask(office)
            counts(office)
        assert dict(counts(office).failed) == {"reset": 3, "breaker-open": 2}
        office.ways["new"].answer = said()
        assert office.asking.ask("other.get", SUBSCRIBER, 20.0).outcome == "ok"
        assert office.backends["new"].facts()["services"] == {"QRYBAL~shadow": "open", "QRYBAL": "closed"}


def test_a_share_of_the_questions_is_asked() -> None:
    with opened(shadowed(25.0)) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        drawn = iter([0.249, 0.25, 0.0, 0.9])
        office.asking.shadows._draw = lambda: next(drawn)
        for _ in range(4):
            ask(office)
            counts(office)
        assert counts(office).same == 2


def test_split_and_shadow_work_together() -> None:
    """A share of the subscribers is answered by the new way already; the others are by the old one, and shadowed."""
    taken = Route(None, (target("new", Mapped(code=path("rc"))),), split_pct=50.0)
    with opened(shadowed(before=(taken,))) as office:
        office.ways["old"].answer = office.ways["new"].answer = said()
        for number in range(20):
            ask(office, f"138{number:08d}")
            counts(office)
        old = len(office.ways["old"].asked)
        assert 0 < old < 20
        assert counts(office).same == old
        assert len(office.ways["new"].asked) == 20


def test_the_newest_samples_are_kept_and_all_is_forgotten_when_told() -> None:
    with opened(shadowed()) as office:
        office.ways["old"].answer = said()
        for balance in range(SAMPLES_KEPT + 5):
            office.ways["new"].answer = said(str(balance + 100))
            ask(office)
            counts(office)
        found = counts(office)
        assert found.different == SAMPLES_KEPT + 5
        assert [sample.number for sample in found.samples] == list(range(6, SAMPLES_KEPT + 6))
        assert found.samples[-1].fields["balance"] == ("12.50", str(SAMPLES_KEPT + 104))
        assert office.asking.shadows.clear("other.get") == 0
        assert office.asking.shadows.clear() == SAMPLES_KEPT + 5
        assert counts(office).compared == 0


def test_a_long_value_is_not_kept() -> None:
    with opened(shadowed(signature=LookupSignature.parse({"msisdn": "phone"}, {"bills": "list[text]"}))) as office:
        office.ways["old"].answer, office.ways["new"].answer = {"bills": ["x" * 600], "rc": ""}, {"bills": [], "rc": ""}
        ask(office)
        assert counts(office).samples[0].fields == {"bills": ("(604 bytes)", [])}


class Options(Section):
    """Of a back end in the file: none."""


class FileKind(ScriptedKind):
    Backend: type[Section] = Options


# ---- configuration -------------------------------------------------------------------------------------------------

FILE = """\
backends:
  old: {{way: scripted}}
  new: {{way: scripted{backend}}}
lookups:
  balance.get:
    in: {{msisdn: phone}}
    out: {{balance: decimal, name: text}}
    to: {{backend: old}}
    shadow: {shadow}
"""


def parsed(shadow: str, backend: str = "") -> Any:
    return parse_office(FILE.format(shadow=shadow, backend=backend), "x.yaml", {"scripted": FileKind()})


def test_a_shadow_is_read() -> None:
    plan = parsed("{to: {backend: new}, percent: 12.5, ignore: [name], tolerance: {balance: 0.01}, at_once: 2}")
    (route,) = plan.lookups["balance.get"].routes
    assert route.shadow is not None
    assert (route.shadow.to.backend, route.shadow.to.service) == ("new", "QRYBAL~shadow")
    assert (route.shadow.percent, route.shadow.ignore, route.shadow.at_once) == (12.5, {"name"}, 2)
    assert route.shadow.tolerance == {"balance": Decimal("0.01")}


@pytest.mark.parametrize(
    ("shadow", "backend", "told"),
    [
        ("{percent: 10}", "", "9:13"),
        ("{to: {backend: nwe}}", "", "did you mean 'new'"),
        ("{to: {backend: new}, percent: 101}", "", "percent"),
        ("{to: {backend: new}, percnt: 10}", "", "percnt"),
        ("{to: {backend: new}, ignore: [nmae]}", "", "did you mean 'name'"),
        ("{to: {backend: new}, tolerance: {balanse: 1}}", "", "did you mean 'balance'"),
        ("{to: {backend: new}, tolerance: {name: 1}}", "", "a tolerance is for int and decimal"),
        ("{to: {backend: new}, tolerance: {balance: -1}}", "", "greater than or equal to 0"),
        ("{to: [{backend: new}]}", "", "to"),
        ("{to: {backend: new}}", ", concurrency: {max: 1}", "concurrency.max is at least 2"),
        ("{to: {backend: new}}", ", rate: {per_s: 5}", "burst is at least 2"),
    ],
)
def test_mistakes_are_told(shadow: str, backend: str, told: str) -> None:
    with pytest.raises(OfficeRefused) as refused:
        parsed(shadow, backend)
    assert told in str(refused.value)


def test_a_request_has_no_shadow_and_routes_have_their_own() -> None:
    text = FILE.format(shadow="{to: {backend: new}}", backend="")
    wrong = (
        text.replace("lookups:", "requests:"),
        text.replace("    to: {backend: old}", "    routes: [{default: true, to: {backend: old}}]"),
    )
    for file, told in zip(wrong, ("only look-ups", "write it into the route"), strict=True):
        with pytest.raises(OfficeRefused) as refused:
            parse_office(file, "x.yaml", {"scripted": FileKind()})
        assert told in str(refused.value)
