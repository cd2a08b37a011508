"""The files under `local/`: the only part of a switch's configuration that differs from site to site. Pure text.

Every value is escaped for XML here; `$` too, because the switch expands `$${name}` before it reads the XML.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cti.switch.conf.directorycheck import DIRECTORY_MODULE
from cti.switch.conf.pair_settings import PAIR_MODULE
from cti.switch.conf.settings import AUTO, SwitchSettings, Trunk

#: Resolved by the switch itself, at its start.
OWN_ADDRESS = "$${local_ip_v4}"
OPTIONAL_MODULES = ("mod_spandsp",)
#: Loaded only where they are known to be there: no usual build has them, and a caller with video is rare.
VIDEO_MODULES = ("mod_av", "mod_fsv")

#: What a trunk's calls carry for the `fax` node; without it spandsp.conf holds (offer and accept). The engine allows
#: T.38 on the channel while a fax runs; `refuse_t38` stands above that (switch_core_media_negotiate_sdp).
T38: Mapping[str, Mapping[str, str]] = {
    "offer": {},
    "accept": {"fax_enable_t38_request": "false"},
    "refuse": {"fax_enable_t38_request": "false", "refuse_t38": "true"},
}


#: The switch drops each line that names a command of its preprocessor, even within a value (switch_xml.c, preprocess).
COMMAND = re.compile(r"(?i)(x)-(pre-process)")


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once and kept: the event socket's password and one per phone; and the key for the API."""

    event_socket: str
    phones: Mapping[str, str] = field(default_factory=dict)
    directory: tuple[str, str] | None = None  # the id and the secret of the API key


@dataclass(frozen=True, slots=True)
class Facts:
    """What rendering found out about the machine. ``apology``: a playback argument, None: the built-in tone."""

    prompts: str
    recordings: str
    apology: str | None = None
    absent_modules: frozenset[str] = frozenset()
    video_modules: tuple[str, ...] = ()


def escape(text: str) -> str:
    """For an XML attribute in double quotes, past the switch's own preprocessor (line based, `$${…}`, `"`)."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"), ("$", "&#36;")):
        text = text.replace(char, entity)
    return COMMAND.sub(r"\1&#45;\2", text)


def local_files(settings: SwitchSettings, secrets: Secrets, facts: Facts) -> dict[str, str]:
    """File name (below `local/`) → text."""
    return {
        "vars.xml": _include(_variables(settings, facts)),
        "modules.xml": _include(_modules(settings, facts)),
        "event_socket.xml": _include(_event_socket(settings, secrets)),
        "phones.xml": _include(_phones(secrets)),
        "gateways.xml": gateways(settings),
        "databases.xml": _include(_databases(settings)),
        "core_db.xml": _include(_core_db(settings)),
        "xml_curl.xml": _include(_xml_curl(settings, secrets)),
        "trunk_addresses.xml": address_users(settings),
    }


def gateways(settings: SwitchSettings) -> str:
    """Raises ConfigError when the password of a trunk cannot be had."""
    return _include(line for trunk in settings.trunks_in_order() for line in _gateway(trunk))


def address_users(settings: SwitchSettings) -> str:
    return _include(line for trunk in settings.trunks for line in _addresses(trunk))


def emergency_bridge(settings: SwitchSettings) -> str:
    """The hunt group as a dial string: `,` rings together, `|` one after the other."""
    separator = "," if settings.emergency.ring == "together" else "|"
    return separator.join(f"user/{phone}@{settings.sip.domain}" for phone in settings.emergency.phones)


def _own(address: str) -> str:
    return OWN_ADDRESS if address == AUTO else address


def _include(lines: Iterator[str]) -> str:
    head = "<!-- Written by `cti switch config`; change the settings file instead. -->"
    return "\n".join(["<include>", f"  {head}", *(f"  {line}" for line in lines), "</include>", ""])


def _variables(settings: SwitchSettings, facts: Facts) -> Iterator[str]:
    sip = settings.sip
    values: dict[str, object] = {
        "cti_switch_name": settings.name,
        "cti_sip_address": _own(sip.address),
        "cti_advertised_address": _own(sip.advertised or sip.address),
        "cti_phones_port": sip.phones_port,
        "cti_trunks_port": sip.trunks_port,
        "cti_domain": settings.sip.domain,
        # `%`: where it is registered here; else the one who knows is asked.
        "cti_phone_at": "@" if sip.phones_through else "%",
        "cti_phone_via": f";fs_path=sip:{sip.phones_through}" if sip.phones_through else "",
        "cti_codecs": ",".join(sip.codecs),
        "cti_inbound_codecs": ",".join((*sip.codecs, *(sip.video_codecs if facts.video_modules else ()))),
        "cti_rtp_first_port": settings.rtp.first_port,
        "cti_rtp_last_port": settings.rtp.last_port,
        "cti_max_sessions": settings.load.max_sessions,
        "cti_sessions_per_second": settings.load.sessions_per_second,
        "cti_log_level": settings.log_level,
        "cti_track_calls": "true" if settings.pair is not None else "false",
        "cti_phone_numbers": f"^({'|'.join(settings.phones.numbers())})$",
        "cti_emergency_bridge": emergency_bridge(settings),
        "cti_emergency_ring_s": settings.emergency.ring_s,
        "sound_prefix": facts.prompts,
        "cti_recordings": facts.recordings,
    }
    if facts.apology is not None:
        values["cti_apology"] = facts.apology
    for name, value in values.items():
        # The switch does not decode entities here, and none of these can hold anything to escape: see the settings.
        yield f'<X-PRE-PROCESS cmd="set" data="{name}={value}"/>'


def _modules(settings: SwitchSettings, facts: Facts) -> Iterator[str]:
    for module in OPTIONAL_MODULES:
        if module not in facts.absent_modules:
            yield f'<load module="{module}"/>'
    if settings.directory is not None and DIRECTORY_MODULE not in facts.absent_modules:
        yield f'<load module="{DIRECTORY_MODULE}"/>'
    for module in dict.fromkeys((*facts.video_modules, *settings.modules)):
        yield f'<load module="{module}"/>'


def _databases(settings: SwitchSettings) -> Iterator[str]:
    if settings.pair is not None:
        yield f'<load module="{PAIR_MODULE}"/>'


def _core_db(settings: SwitchSettings) -> Iterator[str]:
    if settings.pair is not None:
        yield _param("core-db-dsn", settings.pair.core_db.dsn())
        # No silent fall back to a database of its own, from which the standby could recover nothing.
        yield _param("core-non-sqlite-db-required", "true")


def _event_socket(settings: SwitchSettings, secrets: Secrets) -> Iterator[str]:
    yield _param("listen-ip", settings.event_socket.address)
    yield _param("listen-port", settings.event_socket.port)
    yield _param("password", secrets.event_socket)
    yield _param("apply-inbound-acl", "loopback.auto")


def _xml_curl(settings: SwitchSettings, secrets: Secrets) -> Iterator[str]:
    if settings.directory is None or secrets.directory is None:
        return
    yield '<binding name="agents">'
    url, asked = settings.directory.url, "directory"
    if settings.directory.configuration:
        url, asked = f"{url}?switch={settings.name}", "directory|configuration"
    yield f'  <param name="gateway-url" value="{escape(url)}" bindings="{asked}"/>'
    yield f"  {_param('gateway-credentials', ':'.join(secrets.directory))}"
    yield f"  {_param('auth-scheme', 'basic')}"
    yield f"  {_param('timeout', settings.directory.timeout_s)}"
    # For https; mod_xml_curl believes any certificate otherwise.
    yield f"  {_param('enable-cacert-check', 'true')}"
    yield f"  {_param('enable-ssl-verifyhost', 'true')}"
    yield "</binding>"


def _phones(secrets: Secrets) -> Iterator[str]:
    for number, password in secrets.phones.items():
        yield f'<user id="{escape(number)}">'
        yield f"  <params>{_param('password', password)}</params>"
        yield "  <variables>"
        yield f"    {_variable('user_context', 'phones')}"
        yield f"    {_variable('cti_phone', number)}"
        yield f"    {_variable('effective_caller_id_number', number)}"
        yield f"    {_variable('effective_caller_id_name', number)}"
        yield "  </variables>"
        yield "</user>"


def _gateway(trunk: Trunk) -> Iterator[str]:
    peer = trunk.address if trunk.port == 5060 else f"{trunk.address}:{trunk.port}"
    register = trunk.register_as
    yield f'<gateway name="{escape(trunk.name)}">'
    yield f"  {_param('proxy', f'{peer};transport={trunk.transport}')}"
    yield f"  {_param('realm', register.realm or trunk.address if register else trunk.address)}"
    yield f"  {_param('from-domain', trunk.address)}"
    yield f"  {_param('register', 'true' if register else 'false')}"
    yield f"  {_param('register-transport', trunk.transport)}"
    if register:
        yield f"  {_param('register-proxy', f'{peer};transport={trunk.transport}')}"
        yield f"  {_param('username', register.user)}"
        yield f"  {_param('password', register.secret())}"
        yield f"  {_param('expire-seconds', register.expires_s)}"
        yield f"  {_param('retry-seconds', 30)}"
        # The account's name is in the request line; the number that was dialled, only in To.
        yield f"  {_param('extension', 'auto_to_user')}"
    if trunk.outgoing_number:
        yield f"  {_param('from-user', trunk.outgoing_number)}"
    yield f"  {_param('caller-id-in-from', 'false' if trunk.outgoing_number else 'true')}"
    if trunk.probe_s:
        yield f"  {_param('ping', trunk.probe_s)}"
        # One lost answer may be chance; three are not. One good answer brings the trunk back.
        yield f"  {_param('ping-max', 3)}"
        yield f"  {_param('ping-min', 1)}"
    yield f"  {_param('context', 'trunks')}"
    yield "  <variables>"
    yield f"    {_variable('cti_trunk', trunk.name)}"
    for name, value in _outgoing(trunk).items():
        yield f"    {_variable(name, value, 'outbound')}"
    yield "  </variables>"
    yield "</gateway>"


def _outgoing(trunk: Trunk) -> dict[str, str]:
    values = {"dtmf_type": _dtmf_type(trunk), **T38[trunk.t38]}
    if trunk.codecs:
        values["absolute_codec_string"] = ",".join(trunk.codecs)
    if trunk.outgoing_number:
        values["sip_cid_type"] = "none"  # no second identity that contradicts the From header
        values["sip_from_display"] = trunk.outgoing_number  # else the caller's own name and number stand there
    return values


def _addresses(trunk: Trunk) -> Iterator[str]:
    for index, network in enumerate(trunk.networks()):
        cidr = ipaddress.IPv4Network(network)
        yield f'<user id="{escape(trunk.name)}.{index}" cidr="{cidr}">'
        yield "  <variables>"
        yield f"    {_variable('user_context', 'trunks')}"
        yield f"    {_variable('cti_trunk', trunk.name)}"
        yield f"    {_variable('dtmf_type', _dtmf_type(trunk))}"
        for name, value in T38[trunk.t38].items():
            yield f"    {_variable(name, value)}"
        if trunk.dtmf == "inband":
            yield f"    {_variable('execute_on_answer', 'spandsp_start_dtmf')}"
        yield "  </variables>"
        yield "</user>"


def _dtmf_type(trunk: Trunk) -> str:
    return {"rfc2833": "rfc2833", "info": "info", "inband": "none"}[trunk.dtmf]


def _param(name: str, value: object) -> str:
    return f'<param name="{name}" value="{escape(str(value))}"/>'


def _variable(name: str, value: str, direction: str = "") -> str:
    where = f' direction="{direction}"' if direction else ""
    return f'<variable name="{name}" value="{escape(value)}"{where}/>'
