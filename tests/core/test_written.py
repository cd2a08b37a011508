"""What people write, as it is shown; and how many short messages it takes."""

from __future__ import annotations

import pytest

from cti.core.masking import mask_text
from cti.core.sms import parts_of


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("call 138 0000 1234!", "call 138******1234!"),
        ("+8613800001234", "+86*******1234"),
        ("card 6222-0212-3456-7890", "card 622************7890"),
        ("paid 88.50 in 2026", "paid 88.50 in 2026"),
        ("PIN 471100", "PIN 471100"),
        ("wang.li@example.com, please", "******@example.com, please"),
        ("", ""),
    ],
)
def test_numbers_and_addresses_are_masked_in_what_people_write(written: str, shown: str) -> None:
    assert mask_text(written) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1), ("x" * 160, 1), ("x" * 161, 2), ("x" * 306, 2), ("x" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("好" * 70, 1), ("好" * 71, 2), ("好" * 134, 2), ("好" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2),
    ],
)  # fmt: skip
def test_short_messages_that_a_text_takes(text: str, parts: int) -> None:
    assert parts_of(text) == parts
