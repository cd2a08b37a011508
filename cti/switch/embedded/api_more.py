"""API commands of the scheduler, of lists (`show`), and of SIP, as far as a client of ours needs them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from cti.switch.embedded import session
from cti.switch.embedded.api import COMMANDS, MODULES, NO_CHANNEL, api, call
from cti.switch.embedded.api_uuid import separate
from cti.switch.embedded.causes import cause_from_text
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.core import Core
from cti.switch.embedded.names import words
from cti.switch.embedded.task import Task
from cti.switch.embedded.wire import Header

# ---- scheduler -----------------------------------------------------------------------------------------------------


@api("sched_api")
def sched_api(core: Core, argument: str) -> str:
    when, _, rest = argument.partition(" ")
    group, blank, command = rest.partition(" ")
    if not group or not blank:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    command = command.removesuffix("&")

    def run() -> None:
        name, _, arg = command.partition(" ")
        reply = call(core, name, arg)
        if not isinstance(reply, str):
            Task(core.clock, reply).start()

    repeat = int(when[1:]) if when.startswith("@") and when[1:].isdigit() else 0
    task_id = core.tasks.add(core.tasks.when(when), group, run, "sched_api_function", repeat_s=repeat)
    return f"+OK Added: {task_id}\n"


@api("sched_del", "unsched_api")
def sched_del(core: Core, argument: str) -> str:
    if argument.isdigit():
        count = core.tasks.delete_id(int(argument)) if len(argument) < 12 else 0
    else:
        count = core.tasks.delete_group(argument)
    return f"+OK Deleted: {count}\n"


@api("sched_hangup")
def sched_hangup(core: Core, argument: str) -> str:
    words = argument.split()
    if not words:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    channel = core.find(words[1]) if len(words) > 1 else None
    if channel is None:
        return NO_CHANNEL
    cause = cause_from_text(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    if words[0] in {"+0", "0"}:
        channel.hangup(cause)
    else:
        core.tasks.add(core.tasks.when(words[0]), channel.uuid, lambda: channel.hangup(cause), "sch_hangup_callback")
    return "+OK\n"


@api("sched_transfer")
def sched_transfer(core: Core, argument: str) -> str:
    words = argument.split()
    if not 2 <= len(words) <= 5:
        return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
    channel = core.find(words[1])
    if channel is None:
        return NO_CHANNEL
    number, dialplan, context = [*words[2:5], "", "", ""][:3]

    def run() -> None:
        profile = channel.profile
        session.transfer(channel, number, dialplan or profile.dialplan or "XML", context or profile.context)

    core.tasks.add(core.tasks.when(words[0]), channel.uuid, run, "sch_transfer_callback")
    return "+OK\n"


# ---- show ----------------------------------------------------------------------------------------------------------

Row = list[Header]
SHOW_USAGE = (
    "-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|"
    "calls|"
    "detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|say|interfaces|"
    "interface_types|tasks|limits|status\n"
)
_CALL_COLUMNS = words(
    """uuid direction created created_epoch name state cid_name cid_num ip_addr dest presence_id presence_data
    accountcode callstate callee_name callee_num callee_direction call_uuid hostname sent_callee_name
    sent_callee_num"""
)
_B_COLUMNS = [name for name in _CALL_COLUMNS if name not in {"call_uuid", "hostname"}]
_DETAIL = words(
    """uuid direction created created_epoch name state cid_name cid_num ip_addr dest application application_data
    dialplan context read_codec read_rate read_bit_rate write_codec write_rate write_bit_rate secure hostname
    presence_id presence_data accountcode callstate callee_name callee_num callee_direction call_uuid
    sent_callee_name sent_callee_num"""
)
_INITIAL = words("""initial_cid_name initial_cid_num initial_ip_addr initial_dest initial_dialplan initial_context""")


def _columns(channel: Channel) -> dict[str, str]:
    profile, created = channel.profile, int(channel.profile.times.created)
    application = channel.variables.get("current_application", "")
    media = channel.has_media
    call_uuid = channel.variables.get("call_uuid", channel.uuid)
    sent = channel.partner != ""
    row = {
        "uuid": channel.uuid,
        "direction": "outbound" if channel.outbound else "inbound",
        "created": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created)),
        "created_epoch": str(created),
        "name": channel.name,
        "state": f"CS_{channel.running_state.name}",
        "cid_name": profile.name,
        "cid_num": profile.number,
        "ip_addr": profile.network,
        "dest": profile.destination,
        "application": application,
        "application_data": channel.variables.get("current_application_data", ""),
        "dialplan": profile.dialplan,
        "context": profile.context,
        "presence_id": channel.variables.get("presence_id", ""),
        "accountcode": channel.variables.get("accountcode", ""),
        "callstate": channel.callstate,
        "callee_name": profile.callee_name if sent or channel.outbound else "",
        "callee_num": profile.callee_number if sent or channel.outbound else "",
        "callee_direction": "SEND" if sent else "",
        "call_uuid": call_uuid if call_uuid != channel.uuid or sent else "",
        "hostname": channel.core.config.hostname,
        "sent_callee_name": channel.variables.get("last_sent_callee_id_name", "") if sent else "",
        "sent_callee_num": channel.variables.get("last_sent_callee_id_number", "") if sent else "",
        "initial_cid_name": profile.name,
        "initial_cid_num": profile.number,
        "initial_ip_addr": profile.network,
        "initial_dest": profile.destination,
        "initial_dialplan": profile.dialplan,
        "initial_context": profile.context,
    }
    for side in ("read", "write"):
        row |= {f"{side}_codec": "PCMU", f"{side}_rate": "8000", f"{side}_bit_rate": "64000"} if media else {}
    return row


def _channels(core: Core) -> list[Row]:
    names = [*_DETAIL, *_INITIAL]
    rows = []
    for channel in core.channels.values():
        columns = _columns(channel)
        rows.append([(name, columns.get(name, "")) for name in names])
    return rows


def _pairs(core: Core, bridged_only: bool, names: Sequence[str], b_names: Sequence[str]) -> list[Row]:
    rows = []
    for channel in core.channels.values():
        partner = core.channels.get(channel.partner)
        if partner is not None and not channel.originator:
            continue
        if partner is None and bridged_only:
            continue
        columns = _columns(channel)
        other = _columns(partner) if partner is not None else {}
        row = [(name, columns.get(name, "")) for name in names]
        row += [(f"b_{name}", other.get(name, "")) for name in b_names]
        bridged = str(int(channel.profile.times.bridged)) if partner is not None else ""
        rows.append([*row, ("call_created_epoch", bridged)])
    return rows


def _registrations(core: Core) -> list[Row]:
    expires = str(int(core.started) + 3600)
    return [
        [
            ("reg_user", phone.extension),
            ("realm", core.directory.domain),
            ("token", f"{phone.extension}@{core.directory.domain}"),
            ("url", f"sofia/internal/sip:{phone.contact}"),
            ("expires", expires),
            ("network_ip", core.directory.domain),
            ("network_port", phone.contact.rpartition(":")[2]),
            ("network_proto", "udp"),
            ("hostname", core.config.hostname),
            ("metadata", ""),
        ]
        for phone in core.directory.phones.values()
        if phone.behaviour.registered
    ]


def _tasks(core: Core) -> list[Row]:
    return [
        [
            ("task_id", str(task.id)),
            ("task_desc", task.description),
            ("task_group", task.group),
            ("task_runtime", str(int(task.due))),
            ("task_sql_manager", "0"),
            ("hostname", core.config.hostname),
        ]
        for task in core.tasks.tasks.values()
    ]


def _interfaces(kind: str, names: list[str], module: str) -> list[Row]:
    return [[("type", kind), ("name", name), ("ikey", module)] for name in sorted(names)]


LISTS: dict[str, Callable[[Core], list[Row]]] = {
    "channels": _channels,
    "calls": lambda core: _pairs(core, False, _CALL_COLUMNS, _B_COLUMNS),
    "bridged_calls": lambda core: _pairs(core, True, _CALL_COLUMNS, _B_COLUMNS),
    "detailed_calls": lambda core: _pairs(core, False, _DETAIL, _DETAIL),
    "detailed_bridged_calls": lambda core: _pairs(core, True, _DETAIL, _DETAIL),
    "registrations": _registrations,
    "tasks": _tasks,
    "application": lambda core: _interfaces("application", list(core.applications), "mod_dptools"),
    "api": lambda core: _interfaces("api", list(COMMANDS), "mod_commands"),
    "modules": lambda core: [[("type", "generic"), ("name", name), ("ikey", name)] for name in MODULES],
    "timer": lambda core: _interfaces("timer", ["soft"], "CORE_SOFTTIMER_MODULE"),
}


@api("show")
def show(core: Core, argument: str) -> str:
    """``show <list> [count] [like <text>] [as json|xml]``."""
    asked = separate(argument)
    make = LISTS.get(asked[0].lower()) if asked else None
    if make is None:
        return SHOW_USAGE
    rows = make(core)
    lower = [word.lower() for word in asked]
    fmt = lower[lower.index("as") + 1] if "as" in lower[:-1] else ""
    if "like" in lower[:-1]:
        text = asked[lower.index("like") + 1].lower()
        rows = [row for row in rows if any(text in value.lower() for _, value in row)]
    return _format(rows, fmt, "count" in lower[1:])


def _format(rows: list[Row], fmt: str, count_only: bool) -> str:
    if fmt == "json":
        if not rows:
            return '{"row_count": 0}\n'
        kept = [] if count_only else [dict(row) for row in rows]
        return json.dumps({"row_count": len(rows), "rows": kept}, separators=(",", ":"), ensure_ascii=False)
    if fmt == "xml":
        return _xml(rows, count_only)
    if not rows or count_only:
        return f"\n{len(rows)} total.\n"
    head = ",".join(name for name, _ in rows[0])
    body = "".join(",".join(value for _, value in row) + "\n" for row in rows)
    return f"{head}\n{body}\n{len(rows)} total.\n"


def _xml(rows: list[Row], count_only: bool) -> str:
    if not rows or count_only:
        return f'<result row_count="{len(rows)}"></result>\n'
    text = f'<result row_count="{len(rows)}">\n'
    for number, row in enumerate(rows, 1):
        cells = "".join(f"    <{name}>{_escape(value)}</{name}>\n" for name, value in row)
        text += f'  <row row_id="{number}">\n{cells}  </row>\n'
    return text + "</result>\n"


def _escape(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# ---- SIP -----------------------------------------------------------------------------------------------------------


@api("sofia_contact")
def sofia_contact(core: Core, argument: str) -> str:
    phone = core.directory.find_user(argument.rpartition("/")[2])
    if phone is None or not phone.behaviour.registered:
        return "error/user_not_registered"
    return f"sofia/internal/sip:{phone.contact}"


@api("user_exists")
def user_exists(core: Core, argument: str) -> str:
    words = argument.split()
    return "true" if len(words) > 1 and words[0] == "id" and core.directory.find_user(words[1]) else "false"


@api("sofia")
def sofia(core: Core, argument: str) -> str:
    """``status``, ``xmlstatus``, ``status gateway <name>``, ``status profile internal`` in short."""
    words = argument.split()
    line = "=" * 97
    url = f"sip:mod_sofia@{core.directory.domain}:5060"
    running = f"RUNNING ({len(core.channels)})"
    if words[:2] == ["status", "gateway"] and len(words) > 2:
        up = core.directory.gateways.get(words[2])
        if up is None:
            return "Invalid Gateway!\n"
        return f"{line}\nName    \t{words[2]}\nState   \tNOREG\nStatus  \t{'UP' if up else 'DOWN'}\n{line}\n"
    if words[:1] == ["xmlstatus"]:
        return (
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<profiles>\n<alias>\n'
            f"<name>{core.directory.domain}</name>\n<type>alias</type>\n<data>internal</data>\n<state>ALIASED</state>\n"
            f"</alias>\n<profile>\n<name>internal</name>\n<type>profile</type>\n<data>{url}</data>\n"
            f"<state>{running}</state>\n</profile>\n</profiles>\n"
        )
    if words[:1] != ["status"]:
        return "-ERR Unknown command!\n"
    rows = [(core.directory.domain, "alias", "internal", "ALIASED"), ("internal", "profile", url, running)]
    rows += [
        (f"trunks::{name}", "gateway", f"sip:{name}", "NOREG" if up else "DOWN")
        for name, up in core.directory.gateways.items()
    ]
    body = "".join(f"{name:>25}\t{kind:>7}\t{data:>42}\t{state}\n" for name, kind, data, state in rows)
    return f"{'Name':>25}\t{'Type':>7}\t{'Data':>42}\tState\n{line}\n{body}{line}\n1 profile 1 alias\n"
