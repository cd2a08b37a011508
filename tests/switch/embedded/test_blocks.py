"""Blocks of headers: whatever is shared between them, each gives and writes its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cti.esl import encode_value
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.event import Event
from cti.switch.embedded.headers import basic_block
from cti.switch.embedded.wire import LINES_MOST, Block, Header

from .test_facts import parked

NAMES = st.sampled_from(["a", "A", "bc", "Bc", "BC", "d-e", "D-E", "f", "g", "h"])
HEADERS = st.lists(st.tuples(NAMES, st.text(max_size=5)), max_size=12)


def found(headers: list[Header], name: str) -> str | None:
    return next((value for one, value in headers if one.lower() == name.lower()), None)


def written(headers: list[Header]) -> bytes:
    return b"".join([b"%s: %s\n" % (name.encode(), encode_value(value)) for name, value in headers])


@given(st.lists(HEADERS, max_size=4), NAMES)
def test_the_first_of_a_name_is_found_in_any_case(blocks: list[list[Header]], name: str) -> None:
    event = Event("X", "", [Block(headers) for headers in blocks], "")
    assert event.get(name) == found([header for headers in blocks for header in headers], name)


def variables(channel: Channel) -> list[Header]:
    return [(f"variable_{name}", value) for name, value in channel.variables.items()]


@given(st.lists(st.tuples(NAMES, st.sampled_from(["", "1", "2", "a b"])), max_size=30))
def test_a_channels_variables_are_as_they_are_now(changes: list[tuple[str, str]]) -> None:
    _, _, channel = parked()
    for name, value in changes:
        channel.setvar(name, value)
        block, now = channel.variable_block(), variables(channel)
        assert list(block.headers) == now
        assert block.get(f"variable_{name}".lower()) == found(now, f"variable_{name}")
        assert block.plain() == written(now)


def test_lines_of_ever_new_values_are_not_kept_for_ever() -> None:
    _, _, channel = parked()
    for number in range(2 * LINES_MOST):
        channel.setvar("n", str(number))
        assert channel.variable_block().plain().count(f"variable_n: {number}\n".encode()) == 1
        assert len(channel.lines) <= LINES_MOST + 200


def test_the_first_headers_of_a_channel_change_with_it() -> None:
    _, _, channel = parked()
    seen = []
    for change in (lambda: None, lambda: channel.setvar("presence_id", "1@x"), lambda: channel.hangup("USER_BUSY")):
        change()
        block = basic_block(channel)
        seen.append([block.get(name) for name in ("channel-presence-id", "hangup-cause", "unique-id")])
        assert [block.get(name.lower()) for name, _ in block.headers] == [value for _, value in block.headers]
        assert block.plain() == written(list(block.headers))
    assert seen == [
        [None, None, channel.uuid],
        ["1@x", None, channel.uuid],
        ["1@x", "USER_BUSY", channel.uuid],
    ]
