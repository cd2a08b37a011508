"""The table of API commands, and the small ones (mod_commands.c of 1.10.12; replies word for word)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from urllib.parse import quote, unquote

from cti.esl import expand
from cti.switch.embedded.causes import cause_from_text
from cti.switch.embedded.core import VERSION, Core, uptime_words
from cti.switch.embedded.ends import true_word
from cti.switch.embedded.names import words
from cti.switch.embedded.task import Steps
from cti.switch.embedded.wire import Block

Reply = str | Generator[float, None, str]
Api = Callable[[Core, str], Reply]
"""A command gets its argument ("" for none) and answers at once, or is a generator that takes time."""

COMMANDS: dict[str, Api] = {}
NO_CHANNEL = "-ERR No such channel!\n"


def api(*names: str) -> Callable[[Api], Api]:
    def register(function: Api) -> Api:
        for name in names:
            COMMANDS[name] = function
        return function

    return register


def call(core: Core, name: str, argument: str) -> Reply:
    """Run a command; an unknown one is answered as the switch does. The API event is `announce`'s."""
    function = COMMANDS.get(name.lower())
    if function is None:
        return f"-ERR {name} Command not found!\n"
    return function(core, argument)


def announce(core: Core, name: str, argument: str) -> None:
    """The API event that every executed command leaves, fired after it."""
    if name.lower() in COMMANDS:
        headers = [("API-Command", name)] + ([("API-Command-Argument", argument)] if argument else [])
        core.bus.fire("API", lambda: [Block(headers)])


# ---- about the switch ----------------------------------------------------------------------------------------------


@api("status")
def status(core: Core, argument: str) -> str:
    count = len(core.channels)
    return (
        f"UP {uptime_words(core.uptime_s())}\n"
        f"FreeSWITCH (Version {VERSION}  64bit) is ready\n"
        f"{core.session_count} session(s) since startup\n"
        f"{count} session(s) - peak {core.peak}, last 5min {core.peak} \n"
        f"{core.rate()} session(s) per Sec out of max {core.config.sessions_per_second}, "
        f"peak {core.peak_rate}, last 5min {core.peak_rate} \n"
        f"{core.max_sessions} session(s) max\n"
        "min idle cpu 0.00/90.00\n"
        "Current Stack Size/Max 240K/240K\n"
    )


@api("version")
def version(core: Core, argument: str) -> str:
    return f"{VERSION}\n" if argument == "short" else f"FreeSWITCH Version {VERSION}~64bit ( 64bit)\n"


@api("hostname")
def hostname(core: Core, argument: str) -> str:
    return core.config.hostname


@api("switchname")
def switchname(core: Core, argument: str) -> str:
    return core.config.hostname


@api("uptime")
def uptime(core: Core, argument: str) -> str:
    units = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "h": 3600.0, "d": 86400.0}
    names = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "minutes": "m", "hours": "h", "days": "d"}
    unit = units.get(names.get(argument, argument))
    if unit is None:
        return "-USAGE: [us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]\n"
    return f"{int(core.uptime_s() / unit)}\n"


@api("echo")
def echo(core: Core, argument: str) -> str:
    return argument


@api("msleep")
def msleep(core: Core, argument: str) -> Steps[str]:
    ms = int(argument) if argument.isdigit() else 0
    if ms:
        until = core.clock.now() + min(ms, 3_600_000) / 1000.0
        while core.clock.now() < until - 1e-6:
            yield until
    return "+OK"


@api("create_uuid")
def create_uuid(core: Core, argument: str) -> str:
    return core.new_uuid()


@api("strepoch")
def strepoch(core: Core, argument: str) -> str:
    if not argument:
        return str(int(core.clock.now()))
    try:
        return str(int(time.mktime(time.strptime(argument, "%Y-%m-%d %H:%M:%S"))))
    except (ValueError, OverflowError):
        return "-ERR no reply\n"


@api("strftime")
def strftime(core: Core, argument: str) -> str:
    return time.strftime(argument or "%Y-%m-%d %T", time.localtime(core.clock.now()))


@api("url_encode")
def url_encode(core: Core, argument: str) -> str:
    return quote(argument, safe="/,()!$'*-._~")


@api("url_decode")
def url_decode(core: Core, argument: str) -> str:
    return unquote(argument)


@api("cond")
def cond(core: Core, argument: str) -> str:
    """``a == b ? yes : no`` with ``== != < > <= >=``."""
    match = re.fullmatch(r"\s*(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*\?\s*(.*?)\s*:\s*(.*?)\s*", argument, re.DOTALL)
    if match is None:
        return "-ERR"
    left, operator, right, yes, no = match.groups()
    truth = _compare(left, operator, right)
    return yes if truth else no


def _compare(left: str, operator: str, right: str) -> bool:
    a: float | str
    b: float | str
    try:
        a, b = float(left), float(right)
    except ValueError:
        a, b = left, right
    if operator == "==":
        return a == b
    if operator == "!=":
        return a != b
    if isinstance(a, str) or isinstance(b, str):
        return {"<": str(a) < str(b), ">": str(a) > str(b)}.get(operator, operator == "<=" and str(a) <= str(b))
    return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[operator]


@api("module_exists")
def module_exists(core: Core, argument: str) -> str:
    return "true" if argument in MODULES else "false"


MODULES = words(
    """mod_commands mod_console mod_dialplan_xml mod_dptools mod_event_socket mod_logfile mod_native_file mod_sndfile
    mod_sofia mod_spandsp mod_tone_stream"""
)


@api("reloadxml")
def reloadxml(core: Core, argument: str) -> str:
    return "+OK [Success]\n"


# ---- globals -------------------------------------------------------------------------------------------------------


@api("global_getvar")
def global_getvar(core: Core, argument: str) -> str:
    if not argument:
        return "".join(f"{name}={value}\n" for name, value in core.globals.items())
    return core.globals.get(argument, "")


@api("global_setvar")
def global_setvar(core: Core, argument: str) -> str:
    parts = argument.split("=", 2)
    if not parts[0].strip():
        return "-USAGE: <var>=<value> [=<value2>]\n"
    name, value = parts[0].strip(), parts[1].strip() if len(parts) > 1 else ""
    if len(parts) > 2 and parts[2] and core.globals.get(name) != parts[2].strip():
        return "+OK"
    core.set_global(name, value)
    return "+OK"


@api("eval", "expand")
def eval_(core: Core, argument: str) -> Reply:
    """Variables of the switch or, after ``uuid:<uuid>``, of a channel. ``expand`` runs the command it yields."""
    lookup: Callable[[str], str | None] = core.globals.get
    match = re.match(r"uuid:(\S+) ", argument)
    if match is not None:
        channel = core.find(match.group(1))
        argument = argument[match.end() :]
        lookup = channel.getvar if channel is not None else lambda name: None
    text = expand(argument, lookup)
    name, _, rest = text.partition(" ")
    return call(core, name, rest) if name in {"echo"} else text


# ---- everybody -----------------------------------------------------------------------------------------------------


@api("hupall")
def hupall(core: Core, argument: str) -> str:
    asked = argument.split()
    cause = cause_from_text(asked[0]) if asked else "MANAGER_REQUEST"
    pairs = list(zip(asked[1::2], asked[2::2], strict=False))
    core.hangup_all(cause, lambda channel: all(channel.getvar(name) == value for name, value in pairs))
    if not pairs:
        return f"+OK hangup all channels with cause {cause}\n"
    name, value = pairs[0]
    dots = "" if len(pairs) == 1 else "..."
    return f"+OK hangup all channels matching [{name}]=[{value}]{dots} with cause: {cause}\n"


FSCTL_USAGE = (
    "[api_expansion [on|off]|recover|send_sighup|hupall|pause [inbound|outbound]|resume [inbound|outbound]|"
    "shutdown [cancel|elegant|asap|now|restart]|sps|sps_peak_reset|sync_clock|sync_clock_when_idle|reclaim_mem|"
    "max_sessions|min_dtmf_duration [num]|max_dtmf_duration [num]|default_dtmf_duration [num]|min_idle_cpu|"
    "loglevel [level]|debug_level [level]|mdns_resolve [enable|disable]]"
)


@api("fsctl")
def fsctl(core: Core, argument: str) -> str:
    verb, *rest = argument.lower().split() or [""]
    if not verb:
        return f"-USAGE: {FSCTL_USAGE}\n"
    if verb == "hupall":
        core.hangup_all("MANAGER_REQUEST")
        return "+OK\n"
    if verb in {"pause", "resume"}:
        if "outbound" not in rest:
            core.paused_inbound = verb == "pause"
        if "inbound" not in rest:
            core.paused_outbound = verb == "pause"
        return "+OK\n"
    if verb == "shutdown":
        return _shutdown(core, rest)
    if verb == "max_sessions":
        if rest and rest[0].isdigit():
            core.max_sessions = int(rest[0])
        return f"+OK max sessions: {core.max_sessions}\n"
    answers = {
        "sps": f"+OK sessions per second: {core.config.sessions_per_second}\n",
        "loglevel": "+OK log level: DISABLE [-1]\n",
        "pause_check": "true" if core.paused_inbound and core.paused_outbound else "false",
        "ready_check": "true" if not core.shutting_down else "false",
        "shutdown_check": "true" if core.shutting_down else "false",
        "api_expansion": "+OK api_expansion is off \n",
        "verbose_events": f"+OK verbose_events is {'on' if rest and true_word(rest[0]) else 'off'} \n",
    }
    return answers.get(verb, f"-ERR Invalid command\nUSAGE: fsctl {FSCTL_USAGE}\n")


def _shutdown(core: Core, options: list[str]) -> str:
    if "cancel" in options:
        core.shutting_down = False
        return "+OK\n"
    core.shutting_down = True

    def stop() -> None:
        if core.on_shutdown is not None:
            core.on_shutdown()

    if "elegant" in options or "asap" in options:

        def when_empty() -> None:
            if not core.shutting_down:
                return
            if core.channels:
                core.clock.call_at(core.clock.now() + 0.1, when_empty)
            else:
                stop()

        when_empty()
    else:
        core.hangup_all("SYSTEM_SHUTDOWN")
        core.clock.call_at(core.clock.now() + 0.1, stop)
    return "+OK\n"
