"""What mod_xml_curl is answered of a switch's configuration: the trunks of its settings, as gateways and as addresses.

The rest of the profiles is that of the fixed tree, in which the switch expands its own variables (`$${cti_domain}`).
Pure but for reading that tree; built by a serializer only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from cti.core.errors import ConfigError
from cti.switch.conf.directory import without_commands
from cti.switch.conf.generated import address_users, gateways
from cti.switch.conf.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.switch.conf.settings import SwitchSettings

SOFIA = "sofia.conf"
TRUNKS = "trunks"  # the domain of carriers' addresses
#: Below the switch's `conf` folder: what `trunk_files` is to be written into.
GATEWAYS_FILE, ADDRESSES_FILE = "local/gateways.xml", "local/trunk_addresses.xml"
#: Stands for a `$` of a value until the document is written: those of the tree are the switch's to expand.
_DOLLAR = "\ue000"


def sofia_document(settings: SwitchSettings, tree: Path) -> bytes:
    """The configuration of mod_sofia, with these trunks. Raises ConfigError (no-switch-tree)."""
    root = Element("document", type="freeswitch/xml")
    section = SubElement(root, "section", name="configuration")
    sofia = fromstring(_read(tree / "autoload_configs" / "sofia.conf.xml"))
    section.append(sofia)
    profiles = sofia.find("profiles")
    assert profiles is not None
    profiles.clear()
    for path in sorted((tree / "sip_profiles").glob("*.xml")):
        profile = fromstring(_read(path))
        own = profile.find("gateways")
        if own is not None:
            own.clear()
            own.extend(_elements(gateways(settings)))
        profiles.append(profile)
    return without_commands(tostring(root, encoding="utf-8")).replace(_DOLLAR.encode(), b"&#36;") + b"\n"


def addresses_document(settings: SwitchSettings, user: str = "") -> bytes | None:
    """The domain of the carriers' addresses, from which the list `cti_trunks` is made; None: no such ``user`` in it."""
    users = list(_elements(address_users(settings)))
    if user and user not in {one.get("id") for one in users}:
        return None
    root = Element("document", type="freeswitch/xml")
    domain = SubElement(SubElement(root, "section", name="directory"), "domain", name=TRUNKS)
    SubElement(SubElement(domain, "params"), "param", name="allow-empty-password", value="false")
    SubElement(domain, "users").extend(users)
    return without_commands(tostring(root, encoding="utf-8")).replace(_DOLLAR.encode(), b"&#36;") + b"\n"


def trunk_files(settings: SwitchSettings) -> dict[str, bytes]:
    """The last good ones: what the switch goes by when the API does not answer. Raises ConfigError."""
    return {GATEWAYS_FILE: gateways(settings).encode(), ADDRESSES_FILE: address_users(settings).encode()}


class TrunkSettings:
    """A settings file, read again when it has changed. Keeps nothing of one that cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._settings: SwitchSettings | None = None

    def read(self) -> SwitchSettings:
        """Raises ConfigError, SettingsError."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise ConfigError(
                f"cannot read {self._path}: {error.strerror}", code="unreadable-file", remedy="see `switches: settings`"
            ) from error
        if self._settings is None or self._seen != (found.st_mtime_ns, found.st_size):
            self._settings, self._seen = None, (found.st_mtime_ns, found.st_size)
            self._settings = load_settings(self._path)
        return self._settings


def _elements(text: str) -> Iterable[Element]:
    found = fromstring(text)
    for element in found.iter():
        for name, value in element.attrib.items():
            element.set(name, value.replace("$", _DOLLAR))
    return found


@cache
def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} is missing", code="no-switch-tree", remedy="run from a complete checkout") from error
