"""What differs between one switch and another: addresses, ports, load, phones, trunks. Read from one YAML file."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Place
from cti.files import read_file
from cti.flow.yamlio import MAX_BYTES, Mapping, read_yaml
from cti.switch.conf.crosscheck import cross_check
from cti.switch.conf.directory_settings import DirectorySettings
from cti.switch.conf.pair_settings import Pair
from cti.switch.conf.refused import SettingsError
from cti.validating import validate

#: The password that every published example has, and so every scanner tries first.
NOTORIOUS = frozenset({"cluecon", "locked", "password", "freeswitch"})
HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
AUTO = "auto"


def check_password(password: str) -> str:
    """The event socket's password: not a notorious one, 12 characters or more, nothing that breaks a command line."""
    if password.lower() in NOTORIOUS:
        raise ValueError(f"the password {password!r} is known to everybody; leave `password` out and one is made")
    if len(password) < 12:
        raise ValueError("a password of fewer than 12 characters; leave `password` out and one is made")
    if not re.fullmatch(r"[!-~]+", password):
        raise ValueError("only printable ASCII without spaces; leave `password` out and one is made")
    return password


def _address(value: str) -> str:
    if value == AUTO:
        return value
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 address; write for example 192.0.2.10, or auto") from None


def _loopback(value: str) -> str:
    if _address(value) == AUTO or not ipaddress.IPv4Address(value).is_loopback:
        raise ValueError(
            f"the event socket gives full control and is not encrypted; write 127.0.0.1 instead of {value}"
        )
    return value


def _host(value: str) -> str:
    if not HOST.fullmatch(value):
        raise ValueError(f"{value!r} is neither a host name nor an IPv4 address; write for example sip.carrier.example")
    return value


def _network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an address range; write for example 203.0.113.0/24") from None
    if network.prefixlen < 8:
        raise ValueError(f"{value} lets half the world call in; write the carrier's own range")
    return str(network)


def _secret(value: str) -> str:
    if not value or any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("empty or with control characters; write it in quotes on one line")
    return value


def _probe(value: int) -> int:
    if 0 < value < 5:  # mod_sofia refuses to probe more often
        raise ValueError("a trunk is probed every 5 s or more; write probe_s: 5, or 0 for no probing")
    return value


def _folder(value: str) -> str:
    if not value.startswith("/") or not re.fullmatch(r"[A-Za-z0-9_./+@-]+", value) or ".." in value.split("/"):
        raise ValueError(f"{value!r} is no absolute folder of plain characters; write for example /var/lib/cti/prompts")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
Network = Annotated[str, AfterValidator(_network)]
Secret = Annotated[str, AfterValidator(_secret), Field(max_length=256)]
Port = Annotated[int, Field(ge=1, le=65535, examples=[5060])]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", examples=["telecom"])]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{2,20}$", examples=["+861012345678"])]
Module = Annotated[str, Field(pattern=r"^mod_[a-z0-9_]{1,60}$", examples=["mod_unimrcp"])]
Codec = Literal["PCMA", "PCMU", "G722", "OPUS", "G729"]
VideoCodec = Literal["H264", "VP8"]


THROUGH = r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}(:[0-9]{1,5})?$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class EventSocket(_Model):
    address: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    port: Port = 8021
    password: Annotated[str, AfterValidator(check_password)] | None = None


class Sip(_Model):
    address: Address = AUTO
    advertised: Address | None = None  # the public address when the switch stands behind NAT
    domain: Host = "cti.local"  # what phones register in; a name, no address is looked up
    phones_port: Port = 5060
    trunks_port: Port = 5080
    phones_through: Annotated[str, Field(pattern=THROUGH, examples=["192.0.2.5:5060"])] | None = None  # see failover.md
    codecs: tuple[Codec, ...] = Field(("PCMA", "PCMU"), min_length=1, examples=["[PCMA, PCMU]"])
    video_codecs: tuple[VideoCodec, ...] = Field(("H264", "VP8"), examples=["[H264, VP8]"])  # agreed on with callers


class Rtp(_Model):
    first_port: Annotated[int, Field(ge=1024, le=65534)] = 16384
    last_port: Annotated[int, Field(ge=1025, le=65535)] = 32767


class Load(_Model):
    max_sessions: Annotated[int, Field(ge=1, le=50000, examples=[2000])] = 2000
    sessions_per_second: Annotated[int, Field(ge=1, le=10000, examples=[200])] = 200


class Phones(_Model):
    first: Annotated[int, Field(ge=100, le=999999, examples=[1001])] = 1001
    last: Annotated[int, Field(ge=100, le=999999, examples=[1020])] = 1020

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.first <= self.last < self.first + 1000 or len(str(self.first)) != len(str(self.last)):
            raise ValueError(
                "from `first` to `last` must be 1 to 1,000 numbers of equal length; write first: 1001, last: 1020"
            )
        return self

    def numbers(self) -> tuple[str, ...]:
        return tuple(str(number) for number in range(self.first, self.last + 1))


class Emergency(_Model):
    phones: tuple[str, ...] = Field(("1001", "1002", "1003"), min_length=1, max_length=50, examples=["[1001, 1002]"])
    ring: Literal["together", "in_turn"] = Field("together", examples=["together"])
    ring_s: Annotated[int, Field(ge=5, le=120, examples=[20])] = 20
    apology: Annotated[str, AfterValidator(_secret), Field(max_length=500)] | None = None  # text, rendered to a file
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", examples=["zh-CN"])] = "zh-CN"


class Folders(_Model):
    prompts: Annotated[str, AfterValidator(_folder)] | None = None
    recordings: Annotated[str, AfterValidator(_folder)] | None = None


class Register(_Model):
    user: Annotated[str, Field(pattern=r"^[A-Za-z0-9+_.@-]{1,64}$", examples=["861012345678"])]
    password: Secret | None = Field(None, examples=["'the secret'"])
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["TELECOM_PASSWORD"])] | None = (
        None
    )
    realm: Host | None = None
    expires_s: Annotated[int, Field(ge=60, le=86400, examples=[600])] = 600

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.password_env is None):
            raise ValueError("write either `password: '…'` or `password_env: NAME_OF_A_VARIABLE`")
        return self

    def secret(self) -> str:
        """The password. Raises KeyError when the environment variable that should hold it is not set."""
        return self.password if self.password is not None else os.environ[str(self.password_env)]


class Trunk(_Model):
    """A carrier's line. Trunks are tried in the order of `order` (equal: order of the file)."""

    name: Name
    address: Host = Field(examples=["sip.carrier.example"])
    port: Port = 5060
    transport: Literal["udp", "tcp"] = Field("udp", examples=["udp"])
    register_as: Register | None = Field(None, alias="register")
    probe_s: Annotated[int, Field(ge=0, le=3600, examples=[30]), AfterValidator(_probe)] = 30  # 0: no OPTIONS
    codecs: tuple[Codec, ...] | None = Field(None, min_length=1, examples=["[PCMA, PCMU]"])
    outgoing_number: Number | None = None
    dtmf: Literal["rfc2833", "info", "inband"] = Field("rfc2833", examples=["rfc2833"])
    t38: Literal["offer", "accept", "refuse"] = Field("offer", examples=["offer"])  # what a fax does beside audio
    inbound_from: tuple[Network, ...] | None = None
    order: Annotated[int, Field(ge=0, le=1000, examples=[10])] = 10

    def networks(self) -> tuple[str, ...]:
        """Where its calls come from: as written, else the address itself when that is a number, else nowhere."""
        if self.inbound_from is not None:
            return self.inbound_from
        try:
            return (f"{ipaddress.IPv4Address(self.address)}/32",)
        except ValueError:
            return ()


class SwitchSettings(_Model):
    name: Name = "switch1"
    sip: Sip = Sip()
    rtp: Rtp = Rtp()
    event_socket: EventSocket = EventSocket()
    load: Load = Load()
    phones: Phones = Phones()
    emergency: Emergency = Emergency()
    folders: Folders = Folders()
    trunks: tuple[Trunk, ...] = ()
    directory: DirectorySettings | None = None
    pair: Pair | None = None  # active and standby
    modules: tuple[Module, ...] = Field((), max_length=20, examples=["[mod_unimrcp]"])  # further ones: a recogniser
    log_level: Literal["err", "warning", "notice", "info", "debug"] = Field("warning", examples=["warning"])

    def trunks_in_order(self) -> tuple[Trunk, ...]:
        return tuple(sorted(self.trunks, key=lambda trunk: trunk.order))


def load_settings(path: Path) -> SwitchSettings:
    """Read ``path``. Raises SettingsError with every finding (file:line:col, code, what to write)."""
    try:
        raw = read_file(path)
        text = raw.decode(errors="replace" if len(raw) > MAX_BYTES else "strict")  # cut off, and refused as too large
    except ConfigError as error:
        raise SettingsError([Issue(Place(str(path)), "unreadable", error.message)]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Issue(Place(str(path)), "bad-yaml", "not UTF-8 text")]) from error
    return parse_settings(text, str(path))


def parse_settings(text: str, file: str = "switch.yaml") -> SwitchSettings:
    """As `load_settings`, from a text. An empty file means all defaults."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return SwitchSettings()
    tree, issues = read_yaml(text, file)
    if tree is None or issues:
        raise SettingsError(issues)
    if not isinstance(tree, Mapping):
        raise SettingsError([Issue(tree.place, "bad-value", "not a list of options; write `sip: {address: auto}`")])
    settings, issues = validate(SwitchSettings, tree, secret=("password",))
    if settings is None:
        raise SettingsError(issues)
    if issues := list(cross_check(settings, tree)):
        raise SettingsError(issues)
    return settings
