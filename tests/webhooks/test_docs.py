"""What docs/webhooks.md shows works as it stands there."""

from __future__ import annotations

import hmac
import re
from pathlib import Path
from typing import Any

import pytest

from cti.core.webhooks import Key, message

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
OURS, OLD, OTHERS = (f"whsec_{letter * 40}" for letter in "ABC")


@pytest.fixture
def shown() -> dict[str, Any]:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found


def test_the_example_verifies_what_is_sent(shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    verified = shown["verified"]
    monkeypatch.setattr(shown["time"], "time", lambda: 1_000_200.0)
    sent = message("e-1", '{"a": 1}', [Key("k2", OURS), Key("k1", OLD)], 1_000_000.0)
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert verified(headers, sent.body, OURS)
    assert verified(headers, sent.body, OLD)
    assert not verified(headers, sent.body, OTHERS)
    assert not verified(headers, sent.body + b" ", OURS)
    assert not verified({**headers, "webhook-id": "e-2"}, sent.body, OURS)
    assert not verified({**headers, "webhook-signature": ""}, sent.body, OURS)
    monkeypatch.setattr(shown["time"], "time", lambda: 1_000_301.0)
    assert not verified(headers, sent.body, OURS)


def test_the_example_compares_in_constant_time(shown: dict[str, Any]) -> None:
    assert shown["hmac"].compare_digest is hmac.compare_digest
    assert "compare_digest" in shown["verified"].__code__.co_names or any(
        "compare_digest" in getattr(const, "co_names", ()) for const in shown["verified"].__code__.co_consts
    )
