"""The embedded switch says what FreeSWITCH 1.10.12 said."""

from __future__ import annotations

import pytest

from tests.switch.embedded.reading import by_channel, events, line, replies
from tests.switch.embedded.replay import Situation, recorded, replay
from tests.switch.embedded.situations import situations

ALL = situations()


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.file)
def test_replies(situation: Situation) -> None:
    theirs, ours = recorded(situation), replay(situation)
    assert {n: replies(stream) for n, stream in ours.items()} == {n: replies(stream) for n, stream in theirs.items()}


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.file)
def test_order_of_events(situation: Situation) -> None:
    theirs, ours = recorded(situation), replay(situation)
    for number, stream in theirs.items():
        expected = [[line(event) for event in channel] for channel in by_channel(events(stream))]
        actual = [[line(event) for event in channel] for channel in by_channel(events(ours[number]))]
        assert actual == expected
