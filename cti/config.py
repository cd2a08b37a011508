"""Typed settings from one YAML file. Every mistake is reported with file, line and what to write instead.

The names below are the reference: `docs/configuration.md` is generated from them.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.files import read_file, read_secret
from cti.flow.yamlio import Mapping, Node, Scalar, Sequence, read_yaml


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Port = Annotated[int, Field(ge=0, le=65535)]
NAME, DIGITS = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$", r"^\+?[0-9]{1,20}$"
Name = Annotated[str, Field(pattern=NAME)]
Digits = Annotated[str, Field(pattern=DIGITS)]


class SwitchSettings(Section):
    """One FreeSWITCH (or embedded switch) and how to log in to its event socket."""

    name: Name = "fs1"
    host: str = "127.0.0.1"
    port: Port = 8021
    password: str | None = Field(None, description="better: password_file, or ${ENV_NAME}")
    password_file: Path | None = None
    kind: Literal["freeswitch", "embedded"] = Field("freeswitch", description="embedded: prompts go as text")
    domain: str = Field("cti.local", description="the SIP domain of the agents' phones")

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

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError("the API has no sign-in yet and listens on loopback only: write 127.0.0.1 or ::1")
        return host


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
    allowed: tuple[Digits, ...] = Field((), description="prefixes of external numbers that flows may dial")
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


class QueueSettings(Section):
    agents: tuple[Digits, ...] = ()
    limit: Annotated[int, Field(ge=0)] = 100


class MessageSettings(Section):
    """How texts go out. outbox: each becomes a file in `data`/outbox/<channel>, for a gateway to take from there."""

    sms: Literal["log", "outbox"] = Field("log", description="log: nothing is sent, only counted")
    chat: Literal["log", "outbox"] = "log"


class ReloadSettings(Section):
    watch: bool = Field(True, description="saved flows are checked, tested and taken without a restart")
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = Field(120.0, description="how long that may take")


class BossSettings(Section):
    """The back office: a database and the file of look-ups; default: the demo subscribers."""

    lookups: Path | None = None
    url: str | None = None


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
    messages: MessageSettings = MessageSettings()

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
    try:
        return Settings.model_validate(plain(tree))
    except ValidationError as error:
        found = [_issue(item, tree) for item in error.errors() if not _follows_from_others(item)]
        raise SettingsRefused(sorted(found, key=lambda issue: issue.place)) from None


def plain(node: Node) -> Any:
    """The tree as pydantic takes it: scalars stay text, the schema makes them numbers and truth values."""
    match node:
        case Scalar():
            return None if node.missing else node.text
        case Sequence(items):
            return [plain(item) for item in items]
        case Mapping():
            return {key.text: plain(value) for key, value in node}


#: What pydantic calls by Python's names, in the words of YAML.
_KINDS = {
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must be a mapping, such as {name: value}",
    "model_type": "must be a mapping, such as {name: value}",
    "string_type": "must be one text or number",
    "path_type": "must be one text, a path",
    "too_short": "must not be empty",
}
_PATTERNS = {
    NAME: "must be a letter, then letters, digits, - or _, 32 at most",
    DIGITS: "must be 1 to 20 digits, with or without a leading +",
}


def _follows_from_others(error: Any) -> bool:
    """Pydantic counts only the good items of a list, so that a list of bad ones is "too short", too."""
    return bool(error["type"] == "too_short" and error["input"])


def _issue(error: Any, tree: Node) -> Issue:
    place, parent, key = tree.place, tree, ""
    for step in error["loc"]:
        if step == "[key]":
            break  # it is the name before, not what it names
        parent = _descend(parent, step)
        key = f"number {step + 1} of {key}" if isinstance(step, int) else step
        if parent is None:
            break
        place = parent.place
    kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return _unknown_option(error["loc"], tree)
    if kind == "missing":
        return Issue(place, "missing-option", f"'{key}' must be given")
    if kind == "string_pattern_mismatch":
        message = _PATTERNS[error["ctx"]["pattern"]]
    if kind in _KINDS:
        return Issue(place, "bad-value", f"{key or 'this file'}: {_KINDS[kind]}")
    # Only a plain value is shown again: a whole section may hold a password.
    value = error.get("input")
    shown = f", not {value!r}" if kind != "value_error" and isinstance(value, str) and key not in _SECRET else ""
    return Issue(place, "bad-value", f"{key or 'this file'}: {message[:1].lower()}{message[1:]}{shown}")


def _descend(node: Node | None, step: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(str(step))
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def _unknown_option(loc: tuple[str | int, ...], tree: Node) -> Issue:
    section: type[BaseModel] | None = Settings
    node: Any = tree
    for step in loc[:-1]:
        section = _section_of(section, step) if not isinstance(step, int) else section
        node = _descend(node, step)
    known = list(section.model_fields) if section is not None else []
    name = str(loc[-1])
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}" if known else ""
    return Issue(node.key_place(name), "unknown-option", f"'{name}' is not an option here{hint}")


_SECTIONS: dict[str, type[BaseModel]] = {"switches": SwitchSettings, "queues": QueueSettings}


def _section_of(section: type[BaseModel] | None, step: str) -> type[BaseModel] | None:
    if section is None:
        return None
    if step in _SECTIONS:
        return _SECTIONS[step]
    found = section.model_fields.get(step)
    if found is None:
        return section  # the key of a mapping, such as a queue's name
    return found.annotation if isinstance(found.annotation, type) and issubclass(found.annotation, BaseModel) else None


def _absolute(settings: Settings, base: Path) -> Settings:
    def at(path: Path | None) -> Path | None:
        return None if path is None else base / path

    return settings.model_copy(
        update={
            "data": base / settings.data,
            "flows": base / settings.flows,
            "switches": tuple(s.model_copy(update={"password_file": at(s.password_file)}) for s in settings.switches),
            "store": settings.store.model_copy(update={"keys": at(settings.store.keys)}),
            "fax": settings.fax.model_copy(update={"font": at(settings.fax.font)}),
            "boss": settings.boss.model_copy(update={"lookups": at(settings.boss.lookups)}),
        }
    )
