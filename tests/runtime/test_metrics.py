"""Every metric that dashboard and alarm rules ask for is in a scrape of an engine, and a scrape names nobody."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from gevent.socket import create_connection
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text as sql
from sqlalchemy.exc import OperationalError

from tests.runtime.platform import Platform
from tests.runtime.rules import NAME, OPERATIONS, expressions

NUMBER = "13812345678"
#: What has no value before something happened: a failure, a call that was answered by an agent, a switch's HEARTBEAT, a
#: feed.
NOT_YET = {
    "cti_backend_failures_total",
    "cti_feed_waiting_batches",
    "cti_queue_service_level_ratio",
    "cti_switch_idle_ratio",
}


def scrape(platform: Platform) -> str:
    with create_connection(("127.0.0.1", platform.application.api_port)) as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        found = b""
        while part := sock.recv(65536):
            found += part
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200"
    return body.decode()


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(text: str, name: str, **labels: str) -> float:
    return next(number for has, number in samples(text)[name] if labels.items() <= has.items())


def panels() -> list[str]:
    dashboard = json.loads((OPERATIONS / "dashboard.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_what_an_operator_watches_is_told_of_calls_that_are_up(platform: Platform) -> None:
    platform.phone("1001", answer_after=None)
    waiting = platform.call("queue", number=NUMBER, name="Lao Wang")
    platform.until(lambda: value(scrape(platform), "cti_queue_waiting", queue="service") == 1.0, "somebody waits")
    over = platform.call("balance", number=NUMBER)
    platform.over(over)
    text = scrape(platform)
    found = samples(text)
    shown = [*panels(), *expressions(cluster=False)]
    asked = {name for expression in shown for name in NAME.findall(expression)}
    assert asked - (found.keys() | _declared(text)) == set()
    assert asked - found.keys() <= NOT_YET
    assert value(text, "cti_calls_active") == 1.0
    assert value(text, "cti_call_setup_seconds_count") >= 1.0
    assert value(text, "cti_contacts", medium="voice", state="reserved") == 1.0
    assert value(text, "cti_store_write_seconds_count") > 0
    assert value(text, "cti_database_statement_seconds_count") > 0
    for private in (NUMBER, "Wang", "1001", "138"):
        assert not any(private in text_of for labels in _labels(found) for text_of in labels), private
    waiting.hangup()
    platform.until(
        lambda: value(scrape(platform), "cti_queue_entries_total", queue="service", outcome="abandoned") == 1.0,
        "the caller who left is counted",
    )


def test_a_scrape_is_as_long_after_many_callers_as_after_one(platform: Platform) -> None:
    platform.over(platform.call("balance", number="13900000000"))
    before = _series(scrape(platform))
    for last in range(1, 6):
        platform.over(platform.call("balance", number=f"1390000000{last}"))
    assert {name for name, _ in _series(scrape(platform)) - before} <= NOT_YET


def test_a_database_that_fails_is_counted(platform: Platform) -> None:
    store = platform.application.store
    with pytest.raises(OperationalError), store._engine.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(sql("select * from nowhere"))
    assert value(scrape(platform), "cti_database_errors_total", kind="OperationalError") == 1.0


def test_lateness_of_the_event_loop_is_counted(platform: Platform) -> None:
    platform.until(lambda: value(scrape(platform), "cti_event_loop_late_seconds_count") >= 2.0, "two looks")


def test_every_rule_says_what_it_means_and_what_to_do() -> None:
    rules = yaml.safe_load((OPERATIONS / "alarms.yaml").read_text("utf-8"))
    page = (OPERATIONS.parent / "operations.md").read_text("utf-8")
    names = []
    for group in rules["groups"]:
        for rule in group["rules"]:
            names.append(rule["alert"])
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"].keys() >= {"summary", "runbook"}
            assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
            assert f"### {rule['alert']}\n" in page
    assert len(set(names)) == len(names)


def test_promtool_accepts_rules_and_dashboard(tmp_path: Path) -> None:
    """The panels' expressions as rules, since promtool reads no dashboards."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    rules = [{"record": f"panel:{number}", "expr": told} for number, told in enumerate(panels())]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    for file in (OPERATIONS / "alarms.yaml", tmp_path / "panels.yaml"):
        subprocess.run([promtool, "check", "rules", str(file)], check=True)


def _labels(found: dict[str, list[tuple[dict[str, str], float]]]) -> list[Any]:
    return [labels.values() for several in found.values() for labels, _ in several]


def _series(text: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {(name, tuple(sorted(labels.items()))) for name, several in samples(text).items() for labels, _ in several}


def _declared(text: str) -> set[str]:
    """Names of samples that there may be, by the types."""
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
