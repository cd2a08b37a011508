"""A database at the newest schema, copied: running the migrations costs a test half a second."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import Engine, create_engine

import cti.store.database as database_module
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


def compiled_once(engine: Engine) -> Engine:
    """With what SQLAlchemy has made of statements for other engines on SQLite in this process: each would make it anew
    otherwise, and tests begin with a new database each."""
    if engine.dialect.name == "sqlite":
        known = _known()
        engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
    return engine


@functools.cache
def _known() -> Engine:
    engine = create_engine("sqlite://")
    engine.connect().close()  # the dialect has looked what the database can do
    return engine


vars(database_module)["create_engine"] = lambda *url, **named: compiled_once(create_engine(*url, **named))


def copy_database(folder: Path, template: Path | None = None) -> None:
    """A database with its key ring; an empty one, as `open_store` would make it, where ``template`` is no other."""
    for name in FILES:
        shutil.copy((template or _template()) / name, folder / name)
