"""The embedded switch: a FreeSWITCH event-socket server with virtual calls, callers and phones, in Python.

    switch = EmbeddedSwitch(SwitchConfig(password="secret"))
    port = switch.start()
    caller = switch.call("+8613800001234", "95001", script=[Hear("balance"), Keys("1")])

It is held to recorded conversations of FreeSWITCH 1.10.12; docs/embedded-switch.md says what it covers.
"""

from cti.switch.embedded.caller import VirtualCaller
from cti.switch.embedded.core import Core, SwitchConfig
from cti.switch.embedded.dialplan import Extension, PlatformDialplan
from cti.switch.embedded.ends import Heard
from cti.switch.embedded.phones import (
    ANSWERS,
    BUSY,
    NO_ANSWER,
    REJECTS,
    UNREGISTERED,
    PhoneBehaviour,
    VirtualPhone,
    demo_phones,
)
from cti.switch.embedded.script import HangUp, Hear, Keys, Quiet, Say, Wait, parse_script
from cti.switch.embedded.server import EmbeddedSwitch, run

__all__ = [
    "ANSWERS",
    "BUSY",
    "NO_ANSWER",
    "REJECTS",
    "UNREGISTERED",
    "Core",
    "EmbeddedSwitch",
    "Extension",
    "HangUp",
    "Hear",
    "Heard",
    "Keys",
    "PhoneBehaviour",
    "PlatformDialplan",
    "Quiet",
    "Say",
    "SwitchConfig",
    "VirtualCaller",
    "VirtualPhone",
    "Wait",
    "demo_phones",
    "parse_script",
    "run",
]
