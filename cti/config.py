"""Typed settings from one YAML file. Every mistake is reported with file, line and what to write instead.

The names below are the reference: `docs/configuration.md` is generated from them.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.core.webhook_urls import PLACE
from cti.core.wrapups import CODE
from cti.files import read_file, read_secret
from cti.flow.yamlio import read_yaml
from cti.validating import Section, validate

Port = Annotated[int, Field(ge=0, le=65535)]
SKILL = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"  # as `cti.core.people` has it
NAME, DIGITS = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$", r"^\+?[0-9]{1,20}$"
Name = Annotated[str, Field(pattern=NAME)]
Digits = Annotated[str, Field(pattern=DIGITS)]
Host = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$")]


class SwitchSettings(Section):
    """One FreeSWITCH (or embedded switch) and how to log in to its event socket."""

    name: Name = "fs1"
    host: str = "127.0.0.1"
    port: Port = 8021
    password: str | None = Field(None, description="better: password_file, or ${ENV_NAME}")
    password_file: Path | None = None
    kind: Literal["freeswitch", "embedded"] = Field("freeswitch", description="embedded: prompts go as text")
    domain: str = Field("cti.local", description="the SIP domain of the agents' phones")
    folder: Path | None = Field(None, description="what `cti switch config` wrote: agents' phones are kept there too")
    settings: Path | None = Field(None, description="what `cti switch config` reads: its trunks are told to the switch")

    @model_validator(mode="after")
    def _one_password(self) -> SwitchSettings:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("write exactly one of password_file and password")
        return self

    def secret(self) -> str:
        """Raise ConfigError when the file cannot be read or the password is the public default."""
        if self.password_file is not None:
            found = read_secret(
                self.password_file,
                what="the event socket's password",
                remedy="`cti switch config` writes it; give the engine's user the right to read it",
            )
        else:
            found = from_environment(self.password or "")
        if found == "ClueCon":
            raise ConfigError(
                "the event socket's password is FreeSWITCH's public default, 'ClueCon'",
                code="default-password",
                remedy="generate one with `cti switch config`",
            )
        return found


class ApiSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    behind_tls: bool = Field(False, description="a proxy in front speaks TLS; else the API listens on loopback only")
    origins: tuple[str, ...] = Field(
        (), description="web pages of these origins (`https://desk.example`) may use the API from a browser (CORS)"
    )

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
                raise ValueError(f"{origin!r} is no origin; write https://host or https://host:port")
        return origins

    @model_validator(mode="after")
    def _no_passwords_in_clear(self) -> ApiSettings:
        try:
            loopback = self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = False
        if not loopback and not self.behind_tls:
            raise ValueError(
                "passwords would cross the network in clear: write 127.0.0.1 or ::1, or `behind_tls: true` where a "
                "proxy in front speaks TLS"
            )
        return self


class LimitSettings(Section):
    calls: Annotated[int, Field(ge=0)] = Field(500, description="calls at once; more hear the busy flow; 0: no limit")
    per_caller: Annotated[int, Field(ge=0)] = Field(5, description="calls at once from one number")
    per_second: Annotated[int, Field(ge=0)] = Field(0, description="new calls in any second")


class WorkerSettings(Section):
    slot: Annotated[int, Field(ge=0, le=3)] = Field(0, description="this engine's slot on every switch, 0 to 3")
    guard_s: Annotated[int, Field(ge=6, le=600)] = Field(
        30, description="a call whose engine died goes to the emergency extension after this time"
    )
    drain_s: Annotated[float, Field(ge=0)] = Field(10.0, description="how long a stopping engine waits for its calls")


class DialingSettings(Section):
    trunks: tuple[Name, ...] = Field((), description="gateways in the order of trial")
    allowed: tuple[Digits, ...] = Field((), description="prefixes of numbers that may be dialled; 0 opens no 00")
    denied: tuple[Digits, ...] = Field((), description="prefixes that may not, whatever is allowed: premium rates")
    sip_hosts: tuple[Host, ...] = Field((), description="hosts on which agents may have a SIP contact")
    caller_number: Digits | None = Field(None, description="the number shown to the called party")


class StoreSettings(Section):
    url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite cti.db in `data`")
    keys: Path | None = Field(None, description="key ring; default: keys.json in `data`")


class PromptSettings(Section):
    voices: dict[str, str] = Field(
        default_factory=lambda: {"zh-CN": "cmn-latn-pinyin", "en-US": "en-us"},
        description="language -> espeak-ng voice",
    )
    speed: Annotated[int, Field(ge=80, le=400)] = Field(160, description="words per minute")


class FaxSettings(Section):
    font: Path | None = Field(None, description="font file with every letter of the pages sent")


Skill = Annotated[str, Field(pattern=SKILL)]
Level = Annotated[int, Field(ge=1, le=10)]
Seconds = Annotated[float, Field(ge=0, le=86400)]


class OverflowSettings(Section):
    """Where a contact goes on to when one of the conditions that are given holds."""

    to: Name
    after_s: Seconds | None = Field(None, description="it has waited so long here")
    length: Annotated[int, Field(ge=0)] | None = Field(None, description="so many wait already when it comes")
    wait_s: Seconds | None = Field(None, description="the expected wait is longer when it comes")
    no_agents: bool = Field(False, description="nobody who could serve it is signed in, or the queue is closed")


Code = Annotated[str, Field(pattern=CODE)]
Title = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class WrittenUp(Section):
    """What agents are to say of their contacts."""

    dispositions: dict[Code, Title] = Field(
        default_factory=dict, description="code -> title: what an agent can say came of a contact; none: nothing"
    )
    disposition_required: bool = Field(False, description="the work after a contact is not finished without one")

    @model_validator(mode="after")
    def _can_be_given(self) -> Self:
        if self.disposition_required and not self.dispositions:
            raise ValueError("a disposition is required, and `dispositions` has none")
        return self


class QueueSettings(WrittenUp):
    agents: tuple[Digits, ...] = Field(
        (), description="a hunt group: extensions that are rung although nobody has signed in; no skill is asked"
    )
    skills: dict[Skill, Level] = Field(
        default_factory=dict, description="skills with least levels that every contact of the queue asks for"
    )
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(0, description="added to each contact's")
    limit: Annotated[int, Field(ge=0)] = Field(100, description="how many wait; the next hear the exit `full`")
    calendar: Name | None = Field(
        None, description="it takes nobody while this calendar is closed, and serves who waits; default: always open"
    )
    ring_s: Annotated[float, Field(ge=1, le=300)] = Field(20.0, description="how long an offer stays open")
    rest_s: Seconds = Field(10.0, description="how long a phone of a hunt group rests that was not answered")
    wrapup_s: Seconds = Field(0.0, description="time for work after a contact; agents end or extend it")
    select: Literal["longest_idle", "best_skill"] = Field(
        "longest_idle", description="which of several free agents gets a contact"
    )
    overflow: tuple[OverflowSettings, ...] = ()
    wait_unstaffed: bool = Field(False, description="wait although nobody who could serve is signed in")
    unstaffed_s: Seconds = Field(60.0, description="how long contacts wait on after the last such agent has gone")
    after_work_ready: bool = Field(True, description="READY at the end of the work timer, unless the agent chose")
    record: bool = Field(False, description="record talks with agents, both sides; agents can pause it")
    record_days: Annotated[int, Field(ge=0, le=36500)] | None = Field(
        None, description="days until what was recorded of the queue is deleted, in the place of `recording`; 0: never"
    )
    service_level_s: Annotated[int, Field(ge=1, le=3600)] = Field(20, description="the N of the service level")
    music: Annotated[str, Field(pattern=r"^[^\s!{}]{1,200}$")] = Field(
        "tone_stream://%(300,9700,350,440)", description="played again and again, so it must end; no blanks"
    )


Days = Annotated[int, Field(ge=0, le=36500)]


class RecordingSettings(Section):
    """After how many days recordings are deleted, by kind; 0: never. What holds now holds for earlier ones, too."""

    talk_days: Days = Field(180, description="talks with agents, recorded by the policy of a queue")
    flow_days: Days = Field(180, description="what the node `recording` of a flow has recorded")
    voicemail_days: Days = Field(90, description="messages left with the node `voicemail`")
    fax_days: Days = Field(365, description="faxes received")


class CallbackSettings(Section):
    """How people are called back."""

    calendar: Name | None = Field(None, description="nobody is called while this calendar is closed; default: any time")
    ring_s: Annotated[float, Field(ge=5, le=120)] = Field(30.0, description="how long the phone of the person rings")
    pause_s: Annotated[float, Field(ge=0, le=86400)] = Field(300.0, description="between two attempts")
    limit: Annotated[int, Field(ge=0)] = Field(1000, description="how many may be open; the next are declined")
    at_once: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="phones that ring for flows at the same time")


class OutboundSettings(WrittenUp):
    """Calls that agents place. They stand in no queue, so what queues have of these is theirs."""

    ring_s: Annotated[float, Field(ge=5, le=120)] = Field(45.0, description="how long the other phone rings")
    wrapup_s: Seconds = Field(0.0, description="after-contact work; 0: that of the agent's profile")
    record: bool = Field(False, description="record what is said")


Sound = Annotated[str, Field(pattern=r"^[^\s!{}]{1,200}$")]


class PermanentLegSettings(Section):
    """Legs that stay open between contacts, to phones with `remote_answer: permanent_leg`."""

    idle: Sound | None = Field(
        None,
        description="heard between contacts, again and again: `silence_stream://-1` where a trunk ends calls without "
        "sound; default: nothing is sent",
    )
    alert: Sound | None = Field(
        None, description="heard while a contact is offered; default: a short tone every four seconds"
    )


class ParkingSettings(Section):
    """Contacts that agents park."""

    park_s: Annotated[float, Field(ge=5, le=3600)] = Field(
        120.0, description="how long one is parked before who parked it is asked to take it back"
    )
    parker_s: Annotated[float, Field(ge=0, le=600)] = Field(
        30.0, description="for how long that agent alone is asked; then anybody of the contact's queue"
    )


class MessageSettings(Section):
    """How texts go out. outbox: each becomes a file in `data`/outbox/<channel>, for a gateway to take from there."""

    sms: Literal["log", "outbox"] = Field("log", description="log: nothing is sent, only counted")
    chat: Literal["log", "outbox"] = "log"


Silence = Annotated[float, Field(ge=30, le=604800)]


class ConversationSettings(Section):
    """Conversations of customers with agents by text: when nobody writes any more. In seconds."""

    sms_customer_s: Silence = Field(3600.0, description="SMS: after the agent's last message the customer has left")
    sms_agent_s: Silence = Field(
        1800.0, description="SMS: after the customer's last message another agent gets it, and this one is NOT_READY"
    )
    chat_customer_s: Silence = Field(600.0, description="the same of a chat: the customer has left")
    chat_agent_s: Silence = Field(300.0, description="the same of a chat: another agent gets it")


ENGINE, PARAM, GRAMMAR = r"^[A-Za-z][A-Za-z0-9_:-]{0,63}$", r"^[A-Za-z][A-Za-z0-9._-]{0,63}$", r"^[^\s'\\{}]{1,1000}$"
PARAM_VALUE = r"^[^{}=,\n\r]{0,200}$"
RULES = ("digits", "int", "money", "date", "time", "yes_no", "words")


class SpeechSettings(Section):
    """Who understands callers: a speech recogniser that the switch has as an ASR module. Without this section callers
    can only press keys."""

    engine: Annotated[str, Field(pattern=ENGINE)] = Field(description="the name of its interface: unimrcp, vosk, …")
    profile: Annotated[str, Field(pattern=ENGINE)] | None = Field(None, description="of mod_unimrcp: the MRCP server")
    grammar: Literal["srgs", "inline", "builtin"] = Field(
        "srgs",
        description="srgs: a file for each type in `data`/grammars, which the switch must be able to read; inline: the "
        "same in the command; builtin: the recogniser's own, `builtin:speech/digits`",
    )
    grammars: dict[str, Annotated[str, Field(pattern=GRAMMAR)]] = Field(
        default_factory=dict, description=f"another grammar for one of {', '.join(RULES)}: a URI or a name"
    )
    languages: dict[str, Annotated[str, Field(pattern=ENGINE)]] = Field(
        default_factory=dict, description="language of a flow -> the recogniser's name for it; others take keys only"
    )
    params: dict[Annotated[str, Field(pattern=PARAM)], Annotated[str, Field(pattern=PARAM_VALUE)]] = Field(
        default_factory=dict, description="further parameters of the recogniser"
    )
    confidence: Literal["auto", "fraction", "percent"] = Field(
        "auto", description="what its confidence counts to: 1 or 100; auto: above 1 it is percent"
    )
    announces: bool = Field(
        True, description="it tells when speech begins; without that, silence lasts as long as the longest answer"
    )

    @field_validator("grammars")
    @classmethod
    def _known(cls, grammars: dict[str, str]) -> dict[str, str]:
        unknown = next((name for name in grammars if name not in RULES), None)
        if unknown is not None:
            raise ValueError(f"there is no grammar {unknown!r}: write one of {', '.join(RULES)}")
        return grammars


Hours = Annotated[float, Field(ge=1, le=720)]


class WebhookSettings(Section):
    """Where webhooks may send events to: nowhere, unless it is said here. Always by https."""

    allowed: tuple[Annotated[str, Field(pattern=PLACE)], ...] = Field(
        (),
        description="hosts: `crm.example`, `*.crm.example` (any below it), `crm.example:8443` (else the port is 443)",
    )
    networks: tuple[str, ...] = Field(
        (), description="private addresses that these hosts may have (`10.20.0.0/16`); else only public ones"
    )
    loopback: bool = Field(False, description="programs on this machine may be named too, without TLS and on any port")
    ca_file: Path | None = Field(None, description="PEM file of authorities trusted in the place of the system's")
    timeout_s: Annotated[float, Field(ge=1, le=14)] = Field(10.0, description="how long one attempt may take")
    give_up_h: Hours = Field(24.0, description="hours after which an event that could not be delivered is dead")
    disable_h: Hours = Field(72.0, description="hours without a success after which a webhook is disabled")
    keep_days: Annotated[int, Field(ge=1, le=90)] = Field(7, description="days that deliveries stay after their end")

    @field_validator("networks")
    @classmethod
    def _cidr(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{network!r} is no network; write 10.20.0.0/16") from error
        return networks


class ReloadSettings(Section):
    watch: bool = Field(True, description="saved flows are checked, tested and taken without a restart")
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = Field(120.0, description="how long that may take")


class BossSettings(Section):
    """The interface server, which answers look-ups and requests (docs/interface-server.md)."""

    file: Path | None = Field(None, description="its file; default: the demo's fifty subscribers")


class Settings(Section):
    node: Name = "cti"
    data: Path = Field(Path("var"), description="folder of everything this engine writes")
    flows: Path = Field(Path("ivr_flows"), description="folder of the flows")
    timezone: str = "Asia/Shanghai"
    switches: Annotated[tuple[SwitchSettings, ...], Field(min_length=1)]
    worker: WorkerSettings = WorkerSettings()
    api: ApiSettings = ApiSettings()
    limits: LimitSettings = LimitSettings()
    dialing: DialingSettings = DialingSettings()
    store: StoreSettings = StoreSettings()
    prompts: PromptSettings = PromptSettings()
    fax: FaxSettings = FaxSettings()
    queues: dict[Name, QueueSettings] = Field(default_factory=dict)
    boss: BossSettings = BossSettings()
    reload: ReloadSettings = ReloadSettings()
    callbacks: CallbackSettings = CallbackSettings()
    permanent_legs: PermanentLegSettings = PermanentLegSettings()
    outbound: OutboundSettings = OutboundSettings()
    parking: ParkingSettings = ParkingSettings()
    recording: RecordingSettings = RecordingSettings()
    messages: MessageSettings = MessageSettings()
    conversations: ConversationSettings = ConversationSettings()
    webhooks: WebhookSettings = WebhookSettings()
    speech: SpeechSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("not a time zone; write a name such as Asia/Shanghai or UTC") from error
        return name

    @model_validator(mode="after")
    def _names_once(self) -> Settings:
        names = [switch.name for switch in self.switches]
        if len(set(names)) != len(names):
            raise ValueError("two switches have the same name")
        return self


#: Options whose value must not be repeated on a screen or in a log.
_SECRET = frozenset({"password", "url"})


class SettingsRefused(ConfigError):
    """``issues``: every finding, with its place."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("; ".join(str(issue) for issue in issues), remedy="see docs/configuration.md")
        self.issues = issues


def from_environment(text: str) -> str:
    """``${NAME}`` alone is replaced by the environment variable; anything else is literal."""
    if not (text.startswith("${") and text.endswith("}")):
        return text
    name = text[2:-1]
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(
            f"the environment variable {name} is not set", code="missing-secret", remedy=f"export {name}=…"
        )
    return value


def load_settings(file: Path) -> Settings:
    """Read the file. Relative paths in it count from the file's folder. Raises ConfigError with all findings."""
    remedy = "docs/configuration.md shows one; the demo writes its own, var/demo/cti.yaml, at every start"
    raw = read_file(file, what="the configuration", remedy=remedy)
    settings = parse_settings(raw, str(file))
    return _absolute(settings, file.resolve().parent)


def parse_settings(raw: str | bytes, file: str) -> Settings:
    tree, issues = read_yaml(raw, file)
    if tree is None or issues:
        raise SettingsRefused(issues or [Issue(Place(file), "empty-file", "there is nothing in this file")])
    settings, found = validate(Settings, tree, secret=_SECRET, patterns=_PATTERNS)
    if settings is None:
        raise SettingsRefused(found)
    return settings


#: What each pattern asks for.
_PATTERNS = {
    SKILL: "must be a letter or digit, then letters, digits, . _ or -, 64 at most",
    NAME: "must be a letter, then letters, digits, - or _, 32 at most",
    DIGITS: "must be 1 to 20 digits, with or without a leading +",
    ENGINE: "must be a letter, then letters, digits, - _ or :, 64 at most",
    PARAM: "must be a letter, then letters, digits, . - or _, 64 at most",
    GRAMMAR: "must be a URI or a name without blanks, quotes, backslashes and braces",
    PLACE: "must be a host, *.host, or host:port",
    PARAM_VALUE: "must be at most 200 characters, without { } = , and line ends",
}


def _absolute(settings: Settings, base: Path) -> Settings:
    def at(path: Path | None) -> Path | None:
        return None if path is None else base / path

    return settings.model_copy(
        update={
            "data": base / settings.data,
            "flows": base / settings.flows,
            "switches": tuple(
                s.model_copy(update={"password_file": at(s.password_file), "folder": at(s.folder)})
                for s in settings.switches
            ),
            "store": settings.store.model_copy(update={"keys": at(settings.store.keys)}),
            "fax": settings.fax.model_copy(update={"font": at(settings.fax.font)}),
            "webhooks": settings.webhooks.model_copy(update={"ca_file": at(settings.webhooks.ca_file)}),
            "boss": settings.boss.model_copy(update={"file": at(settings.boss.file)}),
        }
    )
