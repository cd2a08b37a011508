"""Reading the files that people write: bounded, regular files only, and every failure told with the file's name."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.flow.yamlio import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path


def read_file(path: Path, *, what: str = "this file", remedy: str = "", most: int = MAX_BYTES) -> bytes:
    """At most one byte more than ``most``, so that the reader of the content sees, and says, that it is too much.

    Raises ConfigError (unreadable-file): missing, not permitted, a folder, a pipe (which would block), a device.
    """
    place = Place(str(path))
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe that nobody writes to blocks even the opening
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                message = f"cannot read {what}: not a regular file"
                raise ConfigError(message, code="unreadable-file", remedy=remedy, place=place)
            return file.read(most + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot read {what}: {error.strerror}", code="unreadable-file", remedy=remedy, place=place
        ) from error


def read_secret(path: Path, *, what: str, remedy: str = "") -> str:
    """The first and only line of a file, without the white space around it. Raises ConfigError: also empty, no text,
    several lines."""
    raw = read_file(path, what=what, remedy=remedy)
    try:
        found = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        found = ""
    if not found or not found.isprintable():
        message = f"{what} must be one line of text, and the file holds something else"
        raise ConfigError(message, code="bad-secret", remedy=remedy, place=Place(str(path)))
    return found
