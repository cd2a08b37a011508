"""The table of applications, and those that need no media loop of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cti.esl import expand
from cti.switch.embedded import session
from cti.switch.embedded.causes import cause_from_text
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.task import NEVER, Steps

Run = Callable[[Channel, str], Steps[None]]


@dataclass(frozen=True, slots=True)
class App:
    """``needs_media``: a channel without any is pre-answered first."""

    name: str
    run: Run
    needs_media: bool = False


APPLICATIONS: dict[str, App] = {}


def app(name: str, *, needs_media: bool = False) -> Callable[[Run], Run]:
    """Register a generator function as an application."""

    def register(run: Run) -> Run:
        APPLICATIONS[name] = App(name, run, needs_media)
        return run

    return register


def quick(name: str) -> Callable[[Callable[[Channel, str], None]], Callable[[Channel, str], None]]:
    """Register a plain function: an application that takes no time."""

    def register(function: Callable[[Channel, str], None]) -> Callable[[Channel, str], None]:
        def run(channel: Channel, argument: str) -> Steps[None]:
            function(channel, argument)
            return
            yield NEVER

        APPLICATIONS[name] = App(name, run)
        return function

    return register


@quick("answer")
def answer(channel: Channel, argument: str) -> None:
    channel.answer()


@quick("pre_answer")
def pre_answer(channel: Channel, argument: str) -> None:
    channel.pre_answer()


@quick("ring_ready")
def ring_ready(channel: Channel, argument: str) -> None:
    channel.mark_ringing()


@app("park")
def park(channel: Channel, argument: str) -> Steps[None]:
    yield from session.park(channel)


@quick("set")
def set_(channel: Channel, argument: str) -> None:
    name, equals, value = argument.partition("=")
    if name and equals:
        channel.setvar(name, expand(value, channel.getvar))  # `set` expands by itself, once more
    elif name:
        channel.setvar(name, None)


@quick("unset")
def unset(channel: Channel, argument: str) -> None:
    if argument:
        channel.setvar(argument, None)


@quick("multiset")
def multiset(channel: Channel, argument: str) -> None:
    delimiter = " "
    if argument.startswith("^^") and len(argument) > 2:
        delimiter, argument = argument[2], argument[3:]
    for pair in argument.split(delimiter):
        if pair:
            set_(channel, pair)


@quick("multiunset")
def multiunset(channel: Channel, argument: str) -> None:
    delimiter = " "
    if argument.startswith("^^") and len(argument) > 2:
        delimiter, argument = argument[2], argument[3:]
    for name in argument.split(delimiter):
        unset(channel, name)


@quick("export")
def export(channel: Channel, argument: str) -> None:
    """Set here and on every leg originated from here (``nolocal:`` there only)."""
    name, _, value = argument.partition("=")
    local = not name.startswith("nolocal:")
    plain = name.removeprefix("nolocal:")
    if not plain:
        return
    channel.setvar(plain if local else name, value)
    names = [exported for exported in channel.variables.get("export_vars", "").split(",") if exported]
    if name not in names:
        channel.setvar("export_vars", ",".join([*names, name]))


@quick("set_global")
def set_global(channel: Channel, argument: str) -> None:
    name, _, value = argument.partition("=")
    if name:
        channel.core.set_global(name, value)


@quick("verbose_events")
def verbose_events(channel: Channel, argument: str) -> None:
    channel.verbose = True


@quick("hangup")
def hangup(channel: Channel, argument: str) -> None:
    channel.hangup(cause_from_text(argument) if argument else "NORMAL_CLEARING")


@quick("respond")
def respond(channel: Channel, argument: str) -> None:
    """A final SIP answer to a call that was not answered yet ends it with the cause of that number."""
    code = argument.split(" ")[0]
    causes = {"486": "USER_BUSY", "404": "UNALLOCATED_NUMBER", "403": "CALL_REJECTED", "480": "NO_USER_RESPONSE"}
    if not channel.answered and code.isdigit() and int(code) >= 300:
        channel.hangup(causes.get(code, "NORMAL_CLEARING"))


@quick("eval")
def evaluate(channel: Channel, argument: str) -> None:
    """Nothing: what is wanted are the events about it."""


@quick("log")
def log(channel: Channel, argument: str) -> None:
    level, _, text = argument.partition(" ")
    channel.core.log(level, text, channel.uuid)


@quick("transfer")
def transfer(channel: Channel, argument: str) -> None:
    words = argument.split()
    if not words:
        return
    if words[0] in {"-bleg", "-both"}:
        leg, words = words[0], words[1:]
        partner = channel.core.channels.get(channel.variables.get("bridge_to", ""))
        if not words:
            return
        if partner is not None:
            session.transfer(partner, words[0], *_where(channel, words))
        if leg == "-bleg":
            return
    session.transfer(channel, words[0], *_where(channel, words))


def _where(channel: Channel, words: list[str]) -> tuple[str, str]:
    dialplan = words[1] if len(words) > 1 else channel.profile.dialplan or "XML"
    context = words[2] if len(words) > 2 else channel.profile.context or "default"
    return dialplan, context


@quick("sched_hangup")
def sched_hangup(channel: Channel, argument: str) -> None:
    words = argument.split()
    if words:
        cause = cause_from_text(words[1]) if len(words) > 1 else "ALLOTTED_TIMEOUT"
        channel.core.tasks.add(
            channel.core.tasks.when(words[0]), channel.uuid, lambda: channel.hangup(cause), "sched_hangup"
        )


@app("sleep")
def sleep(channel: Channel, argument: str) -> Steps[None]:
    """Milliseconds. Private events run inside; a digit or a break ends it (``sleep_eat_digits`` takes digits)."""
    try:
        ms = int(argument)
    except ValueError:
        return
    until = channel.core.clock.now() + ms / 1000.0
    eat = channel.is_true("sleep_eat_digits")
    while channel.ready():
        if channel.brk:
            channel.brk = 0
            break
        if channel.core.clock.now() >= until - 1e-4:
            break
        yield until if not channel.dtmf else channel.core.clock.now()
        if not channel.ready():
            break
        yield from session.parse_all_events(channel)
        if channel.dtmf and not eat:
            break
        if channel.dtmf:
            session.take_digit(channel)


@quick("hold")
def hold(channel: Channel, argument: str) -> None:
    channel.core.bridging.hold(channel, True)


@quick("unhold")
def unhold(channel: Channel, argument: str) -> None:
    channel.core.bridging.hold(channel, False)


@quick("flush_dtmf")
def flush_dtmf(channel: Channel, argument: str) -> None:
    channel.dtmf.clear()


@quick("break")
def break_(channel: Channel, argument: str) -> None:
    channel.brk = 1


@quick("sched_transfer")
def sched_transfer(channel: Channel, argument: str) -> None:
    words = argument.split()
    if len(words) > 1:
        where = _where(channel, words[1:])
        channel.core.tasks.add(
            channel.core.tasks.when(words[0]),
            channel.uuid,
            lambda: session.transfer(channel, words[1], *where),
            "sched_transfer",
        )


@app("wait_for_silence", needs_media=True)
def wait_for_silence(channel: Channel, argument: str) -> Steps[None]:
    """``<threshold> <hits> <listen hits> <timeout ms>``: a virtual caller is silent, so it ends at once."""
    words = argument.split()
    hits = int(words[1]) if len(words) > 1 and words[1].isdigit() else 50
    until = channel.core.clock.now() + min(hits, 500) * 0.02
    while channel.ready() and math.isfinite(until) and channel.core.clock.now() < until - 1e-4:
        yield until
        yield from session.parse_all_events(channel)
