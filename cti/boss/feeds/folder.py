"""A file and its chk in a folder: whole or not at all, never over another one."""

from __future__ import annotations

import glob
import hashlib
import os
from pathlib import Path

from cti.core.errors import CtiError

CHK = ".chk"


def put(folder: Path, name: str, data: bytes, rows: int) -> None:
    """The data first, its chk when it stands. What is there already with these very bytes is not written again.

    Raises CtiError: feed-folder (cannot be written), feed-foreign-file (another file has the name)."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    for each, content in ((name, data), (name + CHK, f"{name}|{len(data)}|{rows}|{md5}\n".encode())):
        try:
            _put(folder, each, content)
            for left in folder.glob(f"{glob.escape(each)}.*.tmp"):  # of an engine that was killed
                left.unlink(missing_ok=True)
        except OSError as error:
            raise CtiError(
                f"cannot write {folder / each}: {error.strerror}",
                code="feed-folder",
                remedy="the folder must be there, and may be written; it is tried again",
            ) from error


def read(folder: Path, name: str) -> bytes | None:
    """None: it is not there (any more). Raises CtiError (feed-folder)."""
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CtiError(f"cannot read {folder / name}: {error.strerror}", code="feed-folder") from error


def _put(folder: Path, name: str, content: bytes) -> None:
    there = read(folder, name)
    if there is None:
        part = folder / f"{name}.{os.getpid()}.tmp"
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(part, folder / name)  # unlike a rename, never over another file
        except FileExistsError:
            there = read(folder, name)
        finally:
            part.unlink(missing_ok=True)
        _sync(folder)
    if there is not None and there != content:
        raise CtiError(
            f"{folder / name} is another file than the one that is to be written",
            code="feed-foreign-file",
            remedy="move it away; the number is not given to another file",
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
