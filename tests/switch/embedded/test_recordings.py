"""The embedded switch says what FreeSWITCH 1.10.12 said."""

from __future__ import annotations

import re

import pytest

from tests.switch.embedded.reading import Message, by_channel, events, line, replies
from tests.switch.embedded.replay import Situation, recorded, replay
from tests.switch.embedded.situations import situations

ALL = situations()


def said(situation: Situation, streams: dict[int, list[Message]]) -> dict[int, list[tuple[str, str]]]:
    """Replies per connection. An application's own socket says goodbye in its own way: not compared there."""
    found = {number: replies(stream) for number, stream in streams.items()}
    if situation.outbound:
        return {n: [one for one in lines if one[0] != "text/disconnect-notice"] for n, lines in found.items()}
    return found


def told(situation: Situation, stream: list[Message]) -> list[list[tuple[str, ...]]]:
    """Events per channel. On an application's socket the first PARK races and the end is held back: left out."""
    channels = [[line(event) for event in channel] for channel in by_channel(events(stream))]
    channels = [[one for one in lines if one[0] not in situation.races] for lines in channels]
    if situation.outbound or situation.held:
        late = [("CHANNEL_DESTROY",), ("CHANNEL_STATE", "CS_DESTROY")]
        channels = [[one for one in lines if one[:1] not in late and one[:2] not in late] for lines in channels]
        channels = [lines[1:] if lines[0][0] == "CHANNEL_PARK" else lines for lines in channels]
    return channels


@pytest.mark.parametrize("situation", [one for one in ALL if one.replies], ids=lambda situation: situation.file)
def test_replies(situation: Situation) -> None:
    assert said(situation, replay(situation)) == said(situation, recorded(situation))


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.file)
def test_order_of_events(situation: Situation) -> None:
    theirs, ours = recorded(situation), replay(situation)
    for number, stream in theirs.items():
        assert told(situation, ours[number]) == told(situation, stream)


LEFT_OUT = re.compile(
    r"variable_(sip_.*|rtp_.*|switch_[rm]_sdp|ep_codec_string|remote_.*|local_media_.*|advertised_media_ip"
    r"|video_media_flow|text_media_flow|originator_codec|proto_specific_hangup_cause|DP_MATCH|accountcode|user_context"
    r"|user_name|domain_name|acl_token|cti_trunk"
    r"|effective_caller_id_.*|transfer_fallback_extension|originat(ed_legs|e_causes)|last_bridge_proto_specific_hangup_cause|socket_host|dlg_req_swap_direction|hold_events|max_forwards)"
)
"""SIP, RTP and directory details of the recording machine: a client of ours may not rely on them."""


def key(event: dict[str, str]) -> tuple[str, ...]:
    """What makes an event of ours the twin of a recorded one: the same thing on the same leg of the same call."""
    return (*line(event), event.get("Call-Direction", ""), event.get("Caller-Destination-Number", ""))


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.file)
def test_headers_a_client_may_rely_on(situation: Situation) -> None:
    """Every header of every recorded event is there, but for `LEFT_OUT`."""
    theirs, ours = recorded(situation), replay(situation)
    missing: set[tuple[str, str]] = set()
    for number, stream in theirs.items():
        twins: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for event in events(ours[number]):
            twins.setdefault(key(event), []).append(event)
        for event in events(stream):
            if event.get("Application") == "socket" or not twins.get(key(event)):
                continue  # the order of events is the other test's
            twin = twins[key(event)].pop(0)
            missing |= {(event["Event-Name"], name) for name in event.keys() - twin.keys()}
    assert sorted(one for one in missing if not LEFT_OUT.fullmatch(one[1])) == []


def test_what_a_recogniser_said() -> None:
    """The bodies of DETECTED_SPEECH: JSON of mod_test, its grammar quoted as badly as it does."""
    (situation,) = [one for one in ALL if one.file == "in_detect_speech"]
    ours, theirs = (
        [message.body.partition("\n\n")[2] for message in streams[1] if "Speech-Type: " in message.body]
        for streams in (replay(situation), recorded(situation))
    )
    assert ours == theirs
    assert sum("no_input" in body for body in theirs) == 4
