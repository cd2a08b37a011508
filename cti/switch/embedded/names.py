"""Names that the switch knows: events (switch_event.c), channel states, and where 1.10.12 fires each event from."""

from __future__ import annotations

from enum import IntEnum


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EVENT_NAMES = words(
    """CUSTOM CLONE CHANNEL_CREATE CHANNEL_DESTROY CHANNEL_STATE CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_HANGUP
    CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_BRIDGE
    CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_OUTGOING CHANNEL_PARK CHANNEL_UNPARK
    CHANNEL_APPLICATION CHANNEL_ORIGINATE CHANNEL_UUID API LOG INBOUND_CHAN OUTBOUND_CHAN STARTUP SHUTDOWN
    PUBLISH UNPUBLISH TALK NOTALK SESSION_CRASH MODULE_LOAD MODULE_UNLOAD DTMF MESSAGE PRESENCE_IN NOTIFY_IN
    PRESENCE_OUT PRESENCE_PROBE MESSAGE_WAITING MESSAGE_QUERY ROSTER CODEC BACKGROUND_JOB DETECTED_SPEECH
    DETECTED_TONE PRIVATE_COMMAND HEARTBEAT TRAP ADD_SCHEDULE DEL_SCHEDULE EXE_SCHEDULE RE_SCHEDULE RELOADXML
    NOTIFY PHONE_FEATURE PHONE_FEATURE_SUBSCRIBE SEND_MESSAGE RECV_MESSAGE REQUEST_PARAMS CHANNEL_DATA GENERAL
    COMMAND SESSION_HEARTBEAT CLIENT_DISCONNECTED SERVER_DISCONNECTED SEND_INFO RECV_INFO RECV_RTCP_MESSAGE
    SEND_RTCP_MESSAGE CALL_SECURE NAT RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP CALL_UPDATE FAILURE
    SOCKET_DATA MEDIA_BUG_START MEDIA_BUG_STOP CONFERENCE_DATA_QUERY CONFERENCE_DATA CALL_SETUP_REQ
    CALL_SETUP_RESULT CALL_DETAIL DEVICE_STATE TEXT SHUTDOWN_REQUESTED ALL"""
)
_KNOWN = frozenset(EVENT_NAMES)


def event_name(word: str) -> str | None:
    """The event a client means by ``word`` (any case, ``SWITCH_EVENT_`` allowed), None when there is none."""
    name = word.upper().removeprefix("SWITCH_EVENT_")
    return name if name in _KNOWN else None


class State(IntEnum):
    """Channel states; the number is what Channel-State-Number shows."""

    NEW = 0
    INIT = 1
    ROUTING = 2
    SOFT_EXECUTE = 3
    EXECUTE = 4
    EXCHANGE_MEDIA = 5
    PARK = 6
    CONSUME_MEDIA = 7
    HIBERNATE = 8
    RESET = 9
    HANGUP = 10
    REPORTING = 11
    DESTROY = 12
    NONE = 13


CALLSTATE_NUMBERS = {
    "DOWN": 0,
    "DIALING": 1,
    "RINGING": 2,
    "EARLY": 3,
    "ACTIVE": 4,
    "HELD": 5,
    "RING_WAIT": 6,
    "HANGUP": 7,
    "UNHELD": 8,
}

WITH_VARIABLES = frozenset(
    words(
        """CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_ANSWER CHANNEL_PARK CHANNEL_UNPARK CHANNEL_BRIDGE
        CHANNEL_UNBRIDGE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DATA
        CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_DESTROY SESSION_HEARTBEAT API RECORD_START RECORD_STOP
        PLAYBACK_START PLAYBACK_STOP CALL_UPDATE MEDIA_BUG_START MEDIA_BUG_STOP CHANNEL_HOLD CHANNEL_UNHOLD TEXT
        CUSTOM"""
    )
)
"""Events that carry ``variable_*`` headers (switch_channel_event_set_extended_data). All others, DTMF and
CHANNEL_STATE among them, carry them only after the application ``verbose_events``."""

Source = tuple[str, str, int]

_CHANNEL = "switch_channel.c"
_SESSION = "switch_core_session.c"
_MACHINE = "switch_core_state_machine.c"
_BRIDGE = "switch_ivr_bridge.c"
SOURCES: dict[str, Source] = {
    "API": ("switch_loadable_module.c", "switch_api_execute", 2954),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1572),
    "CALL_UPDATE": ("mod_sofia.c", "sofia_receive_message", 2100),
    "CHANNEL_ANSWER": (_CHANNEL, "switch_channel_perform_mark_answered", 3846),
    "CHANNEL_BRIDGE": (_BRIDGE, "switch_ivr_multi_threaded_bridge", 1689),
    "CHANNEL_CALLSTATE": (_CHANNEL, "switch_channel_perform_set_callstate", 301),
    "CHANNEL_CREATE": (_MACHINE, "switch_core_session_run", 626),
    "CHANNEL_DATA": ("mod_commands.c", "uuid_dump_function", 6468),
    "CHANNEL_DESTROY": (_SESSION, "switch_core_session_perform_destroy", 1584),
    "CHANNEL_EXECUTE": (_SESSION, "switch_core_session_exec", 2944),
    "CHANNEL_EXECUTE_COMPLETE": (_SESSION, "switch_core_session_exec", 2967),
    "CHANNEL_HANGUP": (_CHANNEL, "switch_channel_perform_hangup", 3445),
    "CHANNEL_HANGUP_COMPLETE": (_MACHINE, "switch_core_session_reporting_state", 943),
    "CHANNEL_HOLD": ("switch_ivr.c", "switch_ivr_hold", 1558),
    "CHANNEL_ORIGINATE": (_MACHINE, "switch_core_session_run", 632),
    "CHANNEL_OUTGOING": (_SESSION, "switch_core_session_outgoing_channel", 768),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_PROGRESS": (_CHANNEL, "switch_channel_perform_mark_ring_ready_value", 3505),
    "CHANNEL_PROGRESS_MEDIA": (_CHANNEL, "switch_channel_perform_mark_pre_answered", 3560),
    "CHANNEL_STATE": (_CHANNEL, "switch_channel_perform_set_running_state", 2408),
    "CHANNEL_UNBRIDGE": (_BRIDGE, "switch_ivr_multi_threaded_bridge", 1879),
    "CHANNEL_UNHOLD": ("switch_ivr.c", "switch_ivr_unhold", 1638),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "COMMAND": ("switch_ivr_async.c", "switch_ivr_broadcast", 4869),
    "DETECTED_SPEECH": ("switch_ivr_async.c", "speech_thread", 5070),
    "DTMF": (_CHANNEL, "switch_channel_dequeue_dtmf", 677),
    "HEARTBEAT": ("switch_core.c", "send_heartbeat", 95),
    "MEDIA_BUG_START": ("switch_core_media_bug.c", "switch_core_media_bug_add", 1014),
    "MEDIA_BUG_STOP": ("switch_core_media_bug.c", "switch_core_media_bug_destroy", 84),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1646),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2020),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", 804),
    "RECORD_START": ("switch_ivr_async.c", "record_callback", 1481),
    "RECORD_STOP": ("switch_ivr_async.c", "send_record_stop_event", 1240),
    "SHUTDOWN": ("switch_core.c", "switch_core_destroy", 3023),
}
SENT_BY_CLIENT: Source = ("mod_event_socket.c", "parse_command", 2275)
FLIP_CID: Source = (_CHANNEL, "switch_channel_flip_cid", 3277)
SOFT_EXECUTE: Source = (_BRIDGE, "uuid_bridge_on_soft_execute", 1236)
OWN: Source = ("cti", "embedded_switch", 0)
