"""A database at the newest schema, copied: running the migrations costs a test half a second."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from cti.store import open_store

FILES = ("cti.db", "keys.json")


@functools.cache
def _template() -> Path:
    folder = kept_until_the_end("cti-template-")
    assert open_store(f"sqlite:///{folder / FILES[0]}", folder / FILES[1]).close(10.0)
    return folder


def kept_until_the_end(prefix: str) -> Path:
    """A folder of this process."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def copy_database(folder: Path, template: Path | None = None) -> None:
    """A database with its key ring; an empty one, as `open_store` would make it, where ``template`` is no other."""
    for name in FILES:
        shutil.copy((template or _template()) / name, folder / name)
