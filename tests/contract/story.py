"""Events as lines that can be compared: the name, and the headers on which `cti.switch` builds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cti.esl import Event

Line = tuple[str, ...]

#: By event name. Uuids are replaced by the names of the legs; what is missing is `-`.
RELIED = {
    "CHANNEL_PARK": ("Channel-Presence-Data", "Call-Direction", "Answer-State"),
    "CHANNEL_ANSWER": ("Channel-Presence-Data", "Answer-State"),
    "CHANNEL_BRIDGE": ("Other-Leg-Unique-ID", "Other-Leg-Destination-Number", "variable_bridge_to"),
    "CHANNEL_HANGUP": ("Hangup-Cause",),
    "CHANNEL_HANGUP_COMPLETE": ("Hangup-Cause", "variable_hangup_cause"),
    "CHANNEL_EXECUTE_COMPLETE": ("Application", "Application-UUID", "Application-Response"),
    "RECORD_STOP": ("Record-Completion-Cause",),
    "DTMF": ("DTMF-Digit", "DTMF-Source", "Channel-Presence-Data"),
}
SHORT = {"CHANNEL_EXECUTE_COMPLETE": "COMPLETE", "CHANNEL_HANGUP_COMPLETE": "GONE"}
OWN = {"bridge": ("variable_originate_disposition",), "record": ("variable_silence_hits_exhausted",)}

#: What the switch calls an execution that nobody named.
OWN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def line(event: Event, names: Mapping[str, str]) -> Line:
    headers = RELIED[event.name]
    if event.name == "CHANNEL_EXECUTE_COMPLETE":
        headers += OWN.get(event.get("Application", ""), ())
    values = [
        OWN_ID.sub("-", event.get(header) or "-") if header == "Application-UUID" else event.get(header) or "-"
        for header in headers
    ]
    return (SHORT.get(event.name, event.name.removeprefix("CHANNEL_")), *(names.get(value, value) for value in values))
