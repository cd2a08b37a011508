"""`txfax`, `rxfax`, `stopfax` (mod_spandsp_fax.c), without the tones.

A virtual caller is a person, and a fax to a person fails, as it does on the real switch. The channel variable
`FAR_FAX` makes a fax machine of it, which takes what is sent, and sends so many pages itself.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from cti.switch.embedded import session
from cti.switch.embedded.apps import app, quick
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.task import Steps

log = logging.getLogger(__name__)

FAR_FAX = "far_fax_pages"
PAGE_S = 0.5  # of virtual time; a page takes the real one half a minute
NOBODY_S = 30.0  # until a machine gives up that hears no other: T.30's timer T1 is 35 ± 5 s
_PRIVATE_STOP = "fax_stop"
RESPONSE = "current_application_response"
SIZE, DPI = (1728, 2287), (204, 196)


@app("txfax", needs_media=True)
def txfax(channel: Channel, argument: str) -> Steps[None]:
    if not argument:
        channel.setvar(RESPONSE, "Fax TX filename not set")
        return
    if not Path(argument).is_file():
        channel.setvar(RESPONSE, "Cannot send non-existant fax file")
        return
    pages = _pages_in(argument)
    far = channel.variables.get(FAR_FAX)
    yield from _transfer(channel, pages if far is not None else None)


@app("rxfax", needs_media=True)
def rxfax(channel: Channel, argument: str) -> Steps[None]:
    far = channel.variables.get(FAR_FAX, "")
    pages = int(far) if far.isdigit() else None
    done = yield from _transfer(channel, pages)
    if done and pages:
        _write(argument, pages)


@quick("stopfax")
def stopfax(channel: Channel, argument: str) -> None:
    channel.setvar(_PRIVATE_STOP, "true")
    channel.poke()


def _transfer(channel: Channel, pages: int | None) -> Steps[bool]:
    """True when ``pages`` went over; None: the other end is no fax machine. Broken off, it tells nothing."""
    channel.setvar(_PRIVATE_STOP, None)
    clock = channel.core.clock
    until = clock.now() + (NOBODY_S if pages is None else pages * PAGE_S)
    while channel.ready() and clock.now() < until - 1e-4:
        yield until
        if channel.ready():
            yield from session.parse_all_events(channel)
        if channel.variables.get(_PRIVATE_STOP) is not None:
            channel.setvar(_PRIVATE_STOP, None)
            return False
    if not channel.ready():
        return False
    code, text = ("0", "OK") if pages is not None else ("2", "Timed out waiting for initial communication")
    channel.setvar("fax_success", "1" if pages is not None else "0")
    channel.setvar("fax_result_code", code)
    channel.setvar("fax_result_text", text)
    channel.setvar("fax_document_transferred_pages", str(pages or 0))
    channel.setvar("fax_document_total_pages", str(pages or 0))
    return pages is not None


def _pages_in(path: str) -> int | None:
    try:
        with Image.open(path) as image:
            return int(getattr(image, "n_frames", 1))
    except (OSError, UnidentifiedImageError) as error:
        log.warning("%s is no fax: %s", path, error)
        return None


def _write(path: str, pages: int) -> None:
    """Empty pages; problems are logged, the call goes on."""
    try:
        Path(path).write_bytes(blank_fax(pages))
    except OSError as error:
        log.warning("cannot write the fax %s: %s", path, error)


@lru_cache(maxsize=8)  # the same for every fax, and drawing takes a while
def blank_fax(pages: int) -> bytes:
    """A TIFF file."""
    blank, file = [Image.new("1", SIZE, 1) for _ in range(pages)], BytesIO()
    blank[0].save(file, format="TIFF", compression="group4", dpi=DPI, save_all=True, append_images=blank[1:])
    return file.getvalue()
