"""`cti switch check`, the directory: does the API answer the switch, and does the switch ask?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.switch.conf.last_good import count_phones, fetch
from cti.switch.conf.verdict import Finding, bad, good, warn

if TYPE_CHECKING:
    from cti.switch.conf.settings import SwitchSettings

DIRECTORY_MODULE = "mod_xml_curl"


def directory_verdicts(settings: SwitchSettings, api: Callable[[str], str]) -> Iterator[Finding]:
    """Nothing where no directory is configured."""
    if settings.directory is None:
        return
    if api(f"module_exists {DIRECTORY_MODULE}") != "true":
        message = f"{DIRECTORY_MODULE} is not loaded: phones register by the last good directory alone"
        yield warn("directory-module", "directory", message, "build it, run `cti switch config`, restart the switch")
    try:
        count = count_phones(fetch(settings.directory, settings.sip.domain))
    except CtiError as error:
        yield bad(error.code, "directory", error.message, error.remedy)
    else:
        yield good("directory", "directory", f"{settings.directory.url} knows {count} phones of agents")
