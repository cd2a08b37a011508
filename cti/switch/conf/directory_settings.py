"""The option ``directory`` of a switch's settings: where the switch asks for agents' phones, and with which key."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.files import read_secret

_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/[A-Za-z0-9._~/-]{1,200}")
_KEY = re.compile(r"ctik_([0-9A-Za-z]{1,64})_([A-Za-z0-9_-]{16,128})")
_REMEDY = "write the key that `cti user key` prints into a file of its own, readable by its owner only"


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError(f"{value!r} is no such address; write for example http://127.0.0.1:8080/switch/directory")
    parts = urlsplit(value)
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise ValueError(f"what goes to {parts.hostname} in clear can be read on the way; write https://…")
    return value


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _file(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise ValueError(f"{value!r} is no absolute path; write for example /etc/cti/switch.key")
    return value


class DirectorySettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_url), Field(examples=["http://127.0.0.1:8080/switch/directory"])]
    key_file: Annotated[str, AfterValidator(_file), Field(examples=["/etc/cti/switch.key"])]
    configuration: bool = False  # the trunks too, as the engine has them: its `switches: [{settings: …}]`
    timeout_s: Annotated[int, Field(ge=1, le=10, examples=[2])] = 2  # then the switch goes by its own files

    def credentials(self) -> tuple[str, str]:
        """The id and the secret of the API key. Raises ConfigError: unreadable-file, bad-secret, bad-key."""
        path = Path(self.key_file)
        found = _KEY.fullmatch(read_secret(path, what="the switch's API key", remedy=_REMEDY))
        if found is None:
            raise ConfigError("this is no API key of ours", code="bad-key", remedy=_REMEDY, place=Place(str(path)))
        return found.group(1), found.group(2)
