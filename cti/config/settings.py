"""The whole file, and its reading."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from cti.config.machine import (
    LANGUAGE,
    ApiSettings,
    ClusterSettings,
    DialingSettings,
    FigureSettings,
    LimitSettings,
    ResumeSettings,
    StoreSettings,
    SwitchSettings,
    WorkerSettings,
)
from cti.config.media import (
    ENGINE,
    GRAMMAR,
    PARAM,
    PARAM_VALUE,
    FaxSettings,
    PromptSettings,
    RecordingSettings,
    SpeechSettings,
)
from cti.config.outside import BossSettings, LogSettings, OrderSettings, ReloadSettings, WebhookSettings
from cti.config.service import (
    CallbackSettings,
    ConversationSettings,
    MessageSettings,
    OutboundSettings,
    ParkingSettings,
    PermanentLegSettings,
    QueueSettings,
)
from cti.config.words import DIGITS, NAME, SKILL, Name
from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.core.webhook_urls import PLACE
from cti.files import read_file
from cti.flow.yamlio import read_yaml
from cti.validating import Section, validate

Role = Literal["flow", "acd", "api"]


class Settings(Section):
    node: Name = "cti"
    roles: tuple[Role, ...] = Field(
        (), description="what this process does: flow, acd, api; default: everything, without others"
    )
    cluster: ClusterSettings = ClusterSettings()
    figures: FigureSettings = FigureSettings()
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
    resume: ResumeSettings = ResumeSettings()
    callbacks: CallbackSettings = CallbackSettings()
    permanent_legs: PermanentLegSettings = PermanentLegSettings()
    outbound: OutboundSettings = OutboundSettings()
    parking: ParkingSettings = ParkingSettings()
    recording: RecordingSettings = RecordingSettings()
    orders: OrderSettings = OrderSettings()
    messages: MessageSettings = MessageSettings()
    conversations: ConversationSettings = ConversationSettings()
    webhooks: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()
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
    LANGUAGE: "must be a language such as zh-CN or en-US",
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
            "api": settings.api.model_copy(update={"token_key": at(settings.api.token_key)}),
            "boss": settings.boss.model_copy(update={"file": at(settings.boss.file)}),
        }
    )
