"""The last good directory: agents' phones in the switch's own folder, which answer when the API does not."""

from __future__ import annotations

import base64
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree

from cti.core.errors import ConfigError, CtiError
from cti.switch.conf.directory import AGENTS_FILE

if TYPE_CHECKING:
    from cti.switch.conf.directory_settings import DirectorySettings

_ANSWER_MAX = 32 * 1024 * 1024
_TAGS = frozenset({"user", "params", "param", "variables", "variable"})
_REFUSED = {
    401: ("directory-key", "the API does not know the key", "make one with `cti user key` and write it into key_file"),
    403: ("directory-role", "the key's user may not ask for phones", "give it the role: `cti user role NAME switch`"),
    404: ("directory-domain", "the API knows no such domain", "write the same `domain` here and in the engine's file"),
}


class DirectoryRefused(CtiError):
    """The directory was not got; ``code`` begins with ``directory-``."""


def fetch(settings: DirectorySettings, domain: str) -> bytes:
    """All phones of ``domain``, as `AGENTS_FILE` holds them. Raises DirectoryRefused, and ConfigError for the key."""
    pair = base64.b64encode(":".join(settings.credentials()).encode()).decode()
    asking = urllib.request.Request(
        f"{settings.url}?domain={quote(domain, safe='')}", headers={"Authorization": f"Basic {pair}"}
    )
    try:
        with _opener.open(asking, timeout=10 * settings.timeout_s) as answer:
            text: bytes = answer.read(_ANSWER_MAX + 1)
    except urllib.error.HTTPError as error:
        refused = (f"directory-{error.code}", f"the API answers {error.code} {error.reason}", "see the engine's log")
        code, message, remedy = _REFUSED.get(error.code, refused)
        raise DirectoryRefused(message, code=code, remedy=remedy) from error
    except OSError as error:  # URLError is one
        reason = getattr(error, "reason", None) or error
        message = f"nothing answers at {settings.url} ({reason})"
        raise DirectoryRefused(
            message, code="directory-silent", remedy="is the engine running? is the url right?"
        ) from (error)
    count_phones(text)
    return text


def count_phones(text: bytes) -> int:
    """Of a file of phones. Raises DirectoryRefused (directory-garbled) when it is none."""
    try:
        if len(text) > _ANSWER_MAX or b"<!" in text:  # no document of ours declares anything
            raise ValueError("too long, or with declarations")
        root = ElementTree.fromstring(text)
        tags = {element.tag for element in root.iter() if element is not root}
        if root.tag != "include" or tags - _TAGS or b"$" in text:
            raise ValueError("not a list of users")
    except (ValueError, ElementTree.ParseError) as error:
        remedy = "does `url` end in /switch/directory?"
        raise DirectoryRefused("the answer is no directory", code="directory-garbled", remedy=remedy) from error
    return len(root)


def save(folder: Path, text: bytes, name: str = AGENTS_FILE) -> bool:
    """Put ``text`` in the place of the file ``name`` at one stroke, readable by its owner only; False when it holds
    that already. ``folder``: what `cti switch config` has written. Raises ConfigError."""
    path = folder / "conf" / name
    try:
        if path.is_file() and path.read_bytes() == text:
            return False
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # what is left after a power cut must be the old file or the new one
        os.replace(fresh, path)
    except OSError as error:
        remedy = "run `cti switch config` for this folder first, as the user who runs the switch"
        raise ConfigError(f"cannot write {path}: {error.strerror}", code="unwritable", remedy=remedy) from error
    return True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Elsewhere the key is nobody's business."""


#: No proxy of the environment either: the API is asked directly.
_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
