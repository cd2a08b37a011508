"""What a session thread does: run through the channel's states, execute applications, read private events.

The functions here are generators (see `task`): ``yield t`` waits for the time ``t`` or for a change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cti.esl import expand, scoped
from cti.switch.embedded.causes import cause_from_text
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.dialplan import Extension, inline_extension
from cti.switch.embedded.ends import Message, true_word
from cti.switch.embedded.names import State
from cti.switch.embedded.report import report_variables
from cti.switch.embedded.task import FRAME_S, NEVER, Steps
from cti.switch.embedded.wire import Header

if TYPE_CHECKING:
    from cti.switch.embedded.core import Core

MAX_STACK = 32
LOOP_MIN_S = 0.5
LEAD_S = 0.2  # uuid_broadcast waits for five frames of sound, at most ten: our callers send none


def session_steps(channel: Channel) -> Steps[None]:
    """The whole life of a channel, from CS_NEW to CS_DESTROY."""
    if not channel.outbound:
        channel.set_running(State.NEW)
        channel.state = State.INIT
    channel.set_running(State.INIT)
    if channel.up():
        channel.state = State.ROUTING
    channel.fire("CHANNEL_CREATE")
    if channel.outbound:
        channel.fire("CHANNEL_ORIGINATE")
    while channel.state < State.HANGUP:
        yield from _run_state(channel)
    yield from _end(channel)


def _run_state(channel: Channel) -> Steps[None]:
    state = channel.state
    channel.transferring = False  # arrived, be it where it was sent or where a later command sent it instead
    channel.set_running(state)
    if state == State.ROUTING:
        _route(channel)
        return
    if state == State.EXECUTE:
        yield from _run_extension(channel)
    elif state == State.PARK:
        yield from park(channel)
        if channel.state == State.PARK and channel.running_state == State.PARK:
            channel.state = State.EXECUTE if channel.extension else State.HANGUP
            if channel.state == State.HANGUP:
                channel.state = State.PARK
                channel.hangup("NORMAL_CLEARING")
    elif state == State.CONSUME_MEDIA:
        yield from _consume(channel)
    elif state == State.EXCHANGE_MEDIA:
        yield from channel.core.bridging.exchange_media(channel)
    elif state == State.HIBERNATE:
        if channel.state == State.HIBERNATE:
            channel.state = State.RESET
    elif state == State.RESET:
        yield from channel.core.bridging.on_reset(channel)
    elif state == State.SOFT_EXECUTE:
        yield from channel.core.bridging.soft_execute(channel)


def _route(channel: Channel) -> None:
    if channel.outbound and channel.extension is None and not channel.core.is_transferred(channel):
        channel.state = State.CONSUME_MEDIA
        return
    profile = channel.profile
    extension: Extension | None
    if profile.dialplan.lower() == "inline":
        extension = inline_extension(profile.destination)
    else:
        extension = channel.core.dialplan(channel, profile.destination, profile.context)
    if not channel.up() or channel.transferring:
        return
    if extension is None:
        channel.hangup("NO_ROUTE_DESTINATION")
        return
    channel.extension = extension
    channel.flip_cid()
    channel.state = State.EXECUTE


def _run_extension(channel: Channel) -> Steps[None]:
    extension = channel.extension
    while extension is not None and extension.actions and channel.ready() and channel.extension is extension:
        application, argument = extension.actions.pop(0)
        ok = yield from execute(channel, application, argument)
        if not ok:
            break
    if channel.ready() and channel.state == State.EXECUTE:
        channel.hangup("NORMAL_CLEARING")


def _consume(channel: Channel) -> Steps[None]:
    while channel.state == State.CONSUME_MEDIA:
        yield NEVER
        if channel.answered:
            yield from parse_all_events(channel)


def _end(channel: Channel) -> Steps[None]:
    core = channel.core
    now = core.clock.now()
    channel.profile.times.hungup = now
    channel.profile_changed()
    channel.setvar("hangup_cause", channel.hangup_cause)
    if "digits_dialed" not in channel.variables:
        channel.setvar("digits_dialed", "none")
    channel.setvar("hangup_cause_q850", str(channel.q850))
    channel.set_running(State.HANGUP)
    core.stop_all_recordings(channel)
    core.stop_listening(channel)
    channel.set_callstate("HANGUP")
    core.channel_down(channel)
    channel.far.gone(channel.hangup_cause)
    channel.state = State.REPORTING
    report_variables(channel, now)
    channel.set_running(State.REPORTING)
    channel.fire("CHANNEL_HANGUP_COMPLETE", first=[("Hangup-Cause", channel.hangup_cause)])
    channel.changed()
    channel.state = State.DESTROY
    channel.fire("CHANNEL_DESTROY")
    channel.set_running(State.DESTROY)
    core.forget(channel)
    return
    yield NEVER


# ---- applications ---------------------------------------------------------------------------------------------------


def execute(channel: Channel, application: str, argument: str) -> Steps[bool]:
    """switch_core_session_execute_application. False ends the extension (unknown application, channel gone)."""
    core = channel.core
    app = core.applications.get(application.lower())
    if not channel.up():
        return False
    if app is None:
        channel.hangup("DESTINATION_OUT_OF_ORDER")
        return False
    if app.needs_media and not channel.has_media:
        if channel.outbound:
            return False
        channel.pre_answer()
    app_uuid = channel.variables.get("app_uuid")
    if app_uuid is None:
        app_uuid = core.new_uuid()
    channel.setvar("app_uuid", None)
    expanded, scope = argument, dict[str, str]()
    if not channel.is_true("app_disable_expand_variables"):
        expanded, scope = scoped(expand(argument, channel.getvar))
    channel.scopes.append(scope)
    channel.setvar("current_application_data", expanded)
    channel.setvar("current_application", app.name)
    channel.setvar("current_application_response", None)
    about: list[Header] = [("Application", app.name)]
    if expanded:
        about.append(("Application-Data", expanded))
    channel.fire("CHANNEL_EXECUTE", [*about, ("Application-UUID", app_uuid)])
    channel.brk = 0
    try:
        yield from app.run(channel, expanded)
    finally:
        channel.scopes.pop()
    response = channel.variables.get("current_application_response", "_none_")
    channel.fire(
        "CHANNEL_EXECUTE_COMPLETE", [*about, ("Application-Response", response), ("Application-UUID", app_uuid)]
    )
    return True


def parse_all_events(channel: Channel) -> Steps[None]:
    """Work through the private events; an application started here runs inside the one that called us."""
    if channel.stack > MAX_STACK:
        return
    channel.stack += 1
    try:
        while channel.private and not channel.event_lock:
            message = channel.private.popleft()
            ok = yield from parse_event(channel, message)
            channel.fire(message.event_name, lead=message.raw, body=message.body)
            if not ok:
                break
    finally:
        channel.stack -= 1


def parse_event(channel: Channel, message: Message) -> Steps[bool]:
    """switch_ivr_parse_event: execute or hangup; anything else is accepted and ignored. False for no command, and when
    a broadcast was stopped: what waits is looked at with the next frame then."""
    command = message.get("call-command").lower()
    if not command:
        return False
    locked = true_word(message.get("event-lock"))
    if locked:
        channel.event_lock = True
    if message.get("lead-frames") and channel.has_media:
        yield channel.core.clock.now() + LEAD_S
    if command == "execute":
        yield from _execute_message(channel, message)
    elif command == "hangup":
        cause = message.get("hangup-cause")
        channel.hangup(cause_from_text(cause) if cause else "NORMAL_CLEARING")
    if locked:
        channel.event_lock = False
    return not channel.brk


def _execute_message(channel: Channel, message: Message) -> Steps[None]:
    application = message.get("execute-app-name")
    if not application:
        return
    argument = message.get("execute-app-arg")
    if not argument and message.get("content-type").lower() == "text/plain":
        argument = message.body
    loops = _loops(message.get("loops"))
    channel.stop_broadcast = False
    outermost = not channel.broadcast
    channel.broadcast = True
    done = 0
    while loops < 0 or done < loops:
        done += 1
        started = channel.core.clock.now()
        if message.get("event-uuid"):
            channel.setvar("app_uuid", message.get("event-uuid"))
        channel.setvar("current_loop", str(done))
        channel.setvar("total_loops", str(loops))
        ok = yield from execute(channel, application, argument)
        took = channel.core.clock.now() - started
        if not ok or not channel.ready() or channel.stop_broadcast or took < LOOP_MIN_S:
            break
    channel.setvar("current_loop", None)
    channel.setvar("total_loops", None)
    if outermost:
        channel.broadcast = False
    if channel.stop_broadcast:
        channel.broadcast = False
        channel.brk = max(channel.brk, 1)


def _loops(text: str) -> int:
    if not text:
        return 1
    try:
        return int(text)
    except ValueError:
        return 0


def take_digit(channel: Channel) -> str:
    """Dequeue one digit and tell about it (DTMF event), as the switch does when somebody looks; empty: none."""
    if not channel.dtmf:
        return ""
    digit, duration, source = channel.dtmf.popleft()
    dialed = channel.variables.get("digits_dialed", "")
    channel.setvar("digits_dialed", (dialed + digit)[-1024:])
    channel.fire("DTMF", [("DTMF-Digit", digit), ("DTMF-Duration", str(duration)), ("DTMF-Source", source)])
    return digit


def park(channel: Channel) -> Steps[None]:
    """switch_ivr_park: stay until hung up, transferred or unparked; run what is sent meanwhile."""
    if channel.controlled:
        return
    expires, cause = NEVER, "NORMAL_CLEARING"
    timeout = channel.getvar("park_timeout")
    if timeout:
        seconds, _, cause_text = timeout.partition(":")
        if cause_text:
            cause = cause_from_text(cause_text)
        if seconds.strip().isdigit():
            expires = math.floor(channel.core.clock.now()) + int(seconds)
        channel.setvar("park_timeout", None)
        channel.setvar("park_after_bridge", None)
    channel.controlled = channel.parked = True
    channel.fire("CHANNEL_PARK")
    while channel.ready() and channel.parked:
        waits = channel.dtmf or (channel.private and not channel.event_lock)
        yield channel.core.clock.now() + FRAME_S if waits else expires
        if channel.core.clock.now() >= expires:
            channel.hangup(cause)
            break
        # What was sent before it was taken elsewhere is still executed here, where a playback comes to nothing; later
        # it would be inside of the bridge.
        yield from parse_all_events(channel)
        if not channel.ready():
            break
        take_digit(channel)
        while channel.detected and channel.ready():
            channel.core.tell_detected(channel, *channel.detected.popleft())
    channel.controlled = channel.parked = False
    channel.fire("CHANNEL_UNPARK")


def start_extension(channel: Channel, extension: Extension) -> None:
    channel.extension = extension
    channel.flip_cid()
    channel.state = State.EXECUTE
    channel.changed()


def note_transfer(channel: Channel, what: str) -> None:
    """Caller-Transfer-Source and the variables of the same content."""
    source = f"{int(channel.core.clock.now())}:{channel.core.new_uuid()}:{what}"
    channel.profile.transfer_source = source
    channel.setvar("transfer_source", source)
    channel.setvar("transfer_history", source)


def transfer(channel: Channel, number: str, dialplan: str, context: str) -> None:
    """switch_ivr_session_transfer: whatever runs is left, and the dialplan is asked again.

    ``inline`` is the dialplan that takes ``app:argument,app:argument`` for a number.
    """
    core: Core = channel.core
    if not channel.up():
        return
    profile = channel.profile
    note_transfer(channel, f"bl_xfer:{number}/{context}/{dialplan}")
    profile.rdnis = profile.destination
    profile.destination, profile.dialplan, profile.context = number, dialplan, context
    profile.times.transferred = core.clock.now()
    profile.index += 1
    channel.profile_changed()
    channel.setvar("park_after_bridge", None)
    channel.setvar("transfer_after_bridge", None)
    core.mark_transferred(channel)
    channel.transferring = True
    channel.extension = None
    channel.state = State.ROUTING
    channel.changed()
