"""`cti backend differences`: what it prints of what the API says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cti.cli import differences, main

COUNTS: dict[str, Any] = {
    "lookup": "bill.get", "since": "2026-03-02T10:00:00Z", "same": 97, "different": 2, "fields": {"amount": 1},
    "outcomes": [{"usual": "ok", "new": "not_found", "count": 1}, {"usual": "ok", "new": "ok", "count": 98}],
    "failed": {"reset": 3}, "skipped": {"busy": 4},
}  # fmt: skip
QUIET = {**COUNTS, "lookup": "plan.get", "different": 0, "fields": {}, "outcomes": [], "failed": {}, "skipped": {}}
SAMPLE: dict[str, Any] = {
    "at": "2026-03-02T10:00:30Z", "usual": {"backend": "old", "outcome": "ok"},
    "new": {"backend": "crm", "outcome": "ok"}, "arguments": {"msisdn": "138****1234"},
    "fields": [{"name": "amount", "usual": "30.00", "new": "30.01"}], "masked": ["msisdn"],
}  # fmt: skip
PAGES = {
    "/v1/backends/differences": {"items": [COUNTS], "next": "bill.get"},
    "/v1/backends/differences?after=bill.get": {"items": [QUIET], "next": None},
    "/v1/backends/differences/bill.get": {"items": [SAMPLE], "next": None},
    "/v1/backends/differences/plan.get": {"items": [], "next": None},
}


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    file = tmp_path / "key"
    file.write_text("cti_k\n")
    monkeypatch.setattr(differences, "fetch", lambda url, path, key: PAGES[path] if key == "cti_k" else None)
    return ["--key-file", str(file)]


def test_counts_of_all_pages(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backend", "differences", *key]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "bill.get: 97 the same, 2 different, since 2026-03-02T10:00:00Z",
        "  amount differed: 1",
        "  ok, the new way not_found: 1",
        "  the new way failed, reset: 3",
        "  not asked, busy: 4",
        "plan.get: 97 the same, 0 different, since 2026-03-02T10:00:00Z",
    ]


def test_samples_of_one(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backend", "differences", "bill.get", *key]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "2026-03-02T10:00:30Z  old ok, crm ok  (msisdn=138****1234)",
        "  amount: 30.00 | 30.01",
    ]
    assert main(["backend", "differences", "plan.get", *key]) == 0


def test_as_json(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["backend", "differences", "bill.get", "--json", *key])
    assert json.loads(capsys.readouterr().out) == {"compared": [COUNTS], "samples": [SAMPLE]}


def test_without_a_key_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backend", "differences", "--key-file", str(tmp_path / "none")]) == 1
    assert "no-key" in capsys.readouterr().err
