"""Recording: the `record` application (the caller alone) and session recordings, with real files of silence.

A virtual caller makes no sound: the file that appears is silence of the right length, so that whatever handles
recordings afterwards finds a WAV file where it expects one.
"""

from __future__ import annotations

import math

from cti.switch.embedded import session
from cti.switch.embedded.apps import app, quick
from cti.switch.embedded.apps_play import Status, terminator_check
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.files import RATE, wav_size
from cti.switch.embedded.task import FRAME_S, Steps

SILENCE_UNIT_S = 1.0  # the real switch scales hits by the sample rate: one hit is about a second


def start_session_recording(channel: Channel, path: str, limit_s: float) -> bool:
    """switch_ivr_record_session: RECORD_START and MEDIA_BUG_START; False where the path cannot be written."""
    if path in channel.recordings:
        return True
    if not channel.has_media or not channel.core.files.can_write(path, make_folder=True):
        return False
    clock = channel.core.clock
    channel.recordings[path] = clock.now()
    channel.core.files.write_silence(path, 0.0)
    channel.fire("RECORD_START", [("Record-File-Path", path)])
    channel.fire("MEDIA_BUG_START", [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", path)])
    if limit_s > 0:
        started = channel.recordings[path]

        def at_limit() -> None:
            if channel.recordings.get(path) == started:
                stop_session_recording(channel, path)

        clock.call_at(started + limit_s, at_limit)
    return True


def stop_session_recording(channel: Channel, path: str) -> bool:
    """RECORD_STOP and MEDIA_BUG_STOP; ``all`` stops every one; False when there is none."""
    paths = list(channel.recordings) if path == "all" else [path] if path in channel.recordings else []
    for one in paths:
        length = channel.core.clock.now() - channel.recordings.pop(one)
        written = channel.core.files.write_silence(one, length)
        channel.setvar("record_seconds", str(int(length)))
        channel.setvar("record_ms", str(int(length * 1000)))
        channel.setvar("record_samples", str(int(length * RATE)))
        channel.setvar("record_file_size", str(wav_size(length)))
        cause = _completion_cause(channel) if written else "uri-failure"
        channel.setvar("record_completion_cause", cause)
        channel.fire("RECORD_STOP", [("Record-File-Path", one), ("Record-Completion-Cause", cause)])
        channel.fire("MEDIA_BUG_STOP", [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", one)])
    return bool(paths)


def _completion_cause(channel: Channel) -> str:
    """1.10.12 (switch_ivr_async.c, record_callback): a command, a limit and a hang-up are told apart only by whether
    the channel is up. Without silence detection it takes everything for speech."""
    return "success-maxtime" if channel.up() else "success-silence"


@quick("record_session")
def record_session(channel: Channel, argument: str) -> None:
    path, _, limit = argument.partition("+")
    start_session_recording(channel, path.strip(), float(limit) if limit.strip().isdigit() else 0.0)


@quick("stop_record_session")
def stop_record_session(channel: Channel, argument: str) -> None:
    stop_session_recording(channel, argument.strip())


def _uint(words: list[str], index: int) -> int:
    text = words[index].lstrip("+") if index < len(words) else ""
    return int(text) if text.isdigit() else 0


@app("record", needs_media=True)
def record(channel: Channel, argument: str) -> Steps[None]:
    """``path [limit_s [threshold [silence_hits]]]``: ends by limit, silence, terminator key, break or hang-up.

    A path that cannot be written hangs the caller up with DESTINATION_OUT_OF_ORDER, as the real switch does.
    """
    words = argument.split()
    if not words:
        return
    channel.setvar("playback_terminator_used", None)
    status = Status.FALSE
    if channel.core.files.can_write(words[0]):
        status = yield from _record(channel, words[0], _uint(words, 1), _uint(words, 2), _uint(words, 3))
    if not channel.ready() or status is Status.FALSE:
        channel.hangup("DESTINATION_OUT_OF_ORDER")


def _record(channel: Channel, path: str, limit_s: int, threshold: int, hits: int) -> Steps[Status]:
    clock = channel.core.clock
    started = clock.now()
    until = math.floor(started) + limit_s + 1 if limit_s else started + 24 * 3600.0  # "more than limit" whole seconds
    speaking_s = getattr(channel.far, "speaking_s", 0.0)
    quiet_at = started + speaking_s + (hits or 3) * SILENCE_UNIT_S if threshold else until
    channel.setvar("silence_hits_exhausted", "false")
    channel.fire("RECORD_START", [("Record-File-Path", path)])
    is_end = terminator_check(channel)
    status = Status.SUCCESS
    while status is Status.SUCCESS:
        now = clock.now()
        if not channel.ready():
            status = Status.FALSE
        elif channel.brk:
            channel.brk = 0
            status = Status.BREAK
        elif now >= until - 1e-4:
            break
        elif now >= quiet_at - 1e-4:
            channel.setvar("silence_hits_exhausted", "true")
            break
        else:
            yield now + FRAME_S if channel.dtmf else min(until, quiet_at)
            if channel.ready():
                yield from session.parse_all_events(channel)
            if channel.ready() and channel.dtmf and is_end(session.take_digit(channel)):
                status = Status.BREAK
    length = clock.now() - started
    channel.core.files.write_silence(path, length)
    channel.setvar("record_seconds", str(int(length)))
    channel.setvar("record_ms", str(int(length * 1000)))
    channel.setvar("record_samples", str(int(length * RATE)))
    for name in ("record_file_size", "record_record_file_size"):
        channel.setvar(name, str(wav_size(length)))
    channel.fire("RECORD_STOP", [("Record-File-Path", path)])
    return Status.BREAK if status is Status.FALSE and not channel.ready() else status
