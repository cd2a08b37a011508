"""The G.711 tables, against the values that the recommendation lists and against an encoder by its decision values."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cti.prompts.g711 import ALAW, ULAW, decode

#: ITU-T G.711 table 2a/2b (μ-law), on its scale of 14 bits: code word as sent, quantised value.
ULAW_LISTED = {
    0x80: 8031,
    0x8F: 4191,
    0x9F: 2079,
    0xAF: 1023,
    0xBF: 495,
    0xCF: 231,
    0xDF: 99,
    0xEF: 33,
    0xFE: 2,
    0xFF: 0,
}
#: Table 1a/1b (A-law), on its scale of 13 bits: code word before the even bits are inverted, quantised value.
ALAW_LISTED = {0xFF: 4032, 0xF0: 2112, 0xE0: 1056, 0xD0: 528, 0xC0: 264, 0xB0: 132, 0xA0: 66, 0x90: 33, 0x80: 1}


@pytest.mark.parametrize(("code", "value"), ULAW_LISTED.items(), ids=str)
def test_ulaw_as_listed(code: int, value: int) -> None:
    assert (ULAW[code], ULAW[code & 0x7F]) == (4 * value, -4 * value)


@pytest.mark.parametrize(("code", "value"), ALAW_LISTED.items(), ids=str)
def test_alaw_as_listed(code: int, value: int) -> None:
    assert (ALAW[code ^ 0x55], ALAW[(code & 0x7F) ^ 0x55]) == (8 * value, -8 * value)


@pytest.mark.parametrize(("table", "smallest", "widest"), [(ALAW, 16, 1024), (ULAW, 8, 1024)], ids=["A-law", "μ-law"])
def test_the_steps_grow_from_the_middle_outwards(table: tuple[int, ...], smallest: int, widest: int) -> None:
    values = sorted({value for value in table if value > 0})
    steps = [above - below for below, above in pairwise(values)]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (smallest, widest)
    assert sorted(table) == sorted(-value for value in table)


def test_a_byte_is_a_sample() -> None:
    assert list(decode(b"\xd5\x55\xaa\x2a", ALAW)) == [8, -8, 32256, -32256]
    assert list(decode(b"\xff\x7f\x80\x00", ULAW)) == [0, 0, 32124, -32124]
