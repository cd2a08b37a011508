"""API commands that call out, and what listens on a call."""

from __future__ import annotations

from cti.switch.embedded import session
from cti.switch.embedded.api import NO_CHANNEL, Reply, api
from cti.switch.embedded.api_uuid import separate
from cti.switch.embedded.core import Core
from cti.switch.embedded.originate import make_order, originate
from cti.switch.embedded.task import Steps

ORIGINATE_USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>]"
    " [<timeout_sec>]\n"
)


@api("originate")
def originate_command(core: Core, argument: str) -> Reply:
    words = [word if word.lower() != "undef" else "" for word in separate(argument)]
    if not argument or not 2 <= len(words) <= 7:
        return ORIGINATE_USAGE
    return _originate(core, words + [""] * (7 - len(words)))


def _originate(core: Core, words: list[str]) -> Steps[str]:
    url, target, dialplan, context, cid_name, cid_number, timeout = words
    order = make_order(url, None, timeout_s=int(timeout) if timeout.isdigit() else 0, cid=(cid_name, cid_number))
    outcome = yield from originate(core, order)
    if outcome.peer is None:
        return f"-ERR {outcome.cause}\n"
    channel = outcome.peer
    if target.startswith("&") and len(target) > 1:
        name, _, rest = target[1:].partition("(")
        core.run_on(channel, name, rest.partition(")")[0] if rest else "")
    else:
        session.transfer(channel, target, dialplan or "XML", context or "default")
    return f"+OK {channel.uuid}\n"


@api("uuid_buglist")
def uuid_buglist(core: Core, argument: str) -> str:
    channel = core.find(argument)
    if channel is None:
        return NO_CHANNEL
    bugs = "".join(
        " <media-bug>\n  <function>session_record</function>\n"
        f"  <target>{path}</target>\n  <thread-locked>0</thread-locked>\n </media-bug>\n"
        for path in channel.recordings
    )
    return f"<media-bugs>\n{bugs}</media-bugs>\n"
