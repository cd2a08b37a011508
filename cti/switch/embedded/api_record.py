"""`uuid_record`: recordings of a call, with what they leave out."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from cti.switch.embedded import recording
from cti.switch.embedded.api import api
from cti.switch.embedded.api_uuid import NO_SESSION, separate
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.core import Core

USAGE = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
OK = "+OK Success\n"

#: Recordings that stand still, since when. A virtual call is silent: of a mask there is nothing to be heard.
_paused: WeakKeyDictionary[Channel, dict[str, float]] = WeakKeyDictionary()


@api("uuid_record")
def uuid_record(core: Core, argument: str) -> str:
    words = separate(argument)
    if len(words) < 3:
        return USAGE
    channel = core.find(words[0])
    if channel is None:
        return NO_SESSION
    action, path = words[1].lower(), words[2]
    match action:
        case "start":
            limit = float(words[3]) if len(words) > 3 and words[3].isdigit() else 0.0
            done = recording.start_session_recording(channel, path, limit)
            return OK if done else "-ERR Cannot record session!\n"
        case "stop":
            for one in list(channel.recordings) if path == "all" else [path]:
                _resume(channel, one)
            return OK if recording.stop_session_recording(channel, path) else "-ERR Cannot stop record session!\n"
        case "pause" | "resume":
            if path not in channel.recordings:
                return f"-ERR Cannot {action} recording session!\n"
            if action == "pause":
                _paused.setdefault(channel, {}).setdefault(path, core.clock.now())
            else:
                _resume(channel, path)
            return OK
        case "mask" | "unmask":
            return OK if path in channel.recordings else f"-ERR Cannot {action} recording session!\n"
    return USAGE


def _resume(channel: Channel, path: str) -> None:
    """What was left out does not count: the recording began that much later."""
    since = _paused.get(channel, {}).pop(path, None)
    if since is not None and path in channel.recordings:
        channel.recordings[path] += channel.core.clock.now() - since
