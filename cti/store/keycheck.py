"""Does this key ring belong to this database? Asked at every start, before anything is sealed or opened.

``store_meta`` holds, for each key ever used, a known text sealed with it, and the index of a known text. A lost or
foreign ring is so found at start instead of at the first read, and never papered over by a new one.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, select, update

from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.store.database import insert_ignoring
from cti.store.keyring import KeyRing, create_ring, load_ring
from cti.store.schema import store_meta
from cti.store.sealing import SealBroken, Sealer

_PROBE = "cti"
_KEY = "key."
_BLIND = "blind"


def unlock(connection: Connection, path: Path, *, create: bool, mark: bool) -> Sealer:
    """The sealer for this database; makes a ring (``create``) only where nothing was ever sealed.

    ``mark``: note the active key in the database; readers cannot.

    Raises ConfigError: ring missing although data exists, ring of another database, a key missing from it.
    """
    marks = {row.name: row.value for row in connection.execute(select(store_meta.c.name, store_meta.c.value))}
    ring = load_ring(path)
    if ring is None:
        if marks or not create:
            raise ConfigError(
                "the key ring is missing, but the database holds values sealed with it",
                place=Place(str(path)),
                remedy="restore the file from a backup; without it numbers and names cannot be read again",
            )
        ring = create_ring(path)
    sealer = ring.sealer()
    _check(marks, ring, sealer, path)
    if mark:
        _mark(connection, marks, sealer)
    return sealer


def _check(marks: dict[str, str], ring: KeyRing, sealer: Sealer, path: Path) -> None:
    remedy = "name the ring that was made for this database (or restore it from a backup)"
    used = {name.removeprefix(_KEY): value for name, value in marks.items() if name.startswith(_KEY)}
    if missing := sorted(set(used) - set(ring.keys)):
        raise ConfigError(
            f"the key ring lacks key {', '.join(missing)}, with which values in the database are sealed",
            place=Place(str(path)),
            remedy=remedy,
        )
    foreign = _BLIND in marks and marks[_BLIND] != sealer.blind(_PROBE)
    for value in used.values():
        try:
            sealer.open(value, _PROBE)
        except SealBroken:
            foreign = True
    if foreign:
        raise ConfigError("the key ring belongs to another database", place=Place(str(path)), remedy=remedy)


def _mark(connection: Connection, marks: dict[str, str], sealer: Sealer) -> None:
    fresh = {_KEY + sealer.active: sealer.seal(_PROBE, _PROBE), _BLIND: sealer.blind(_PROBE)}
    missing = [{"name": name, "value": value} for name, value in fresh.items() if name not in marks]
    if missing:
        connection.execute(insert_ignoring(connection, store_meta), missing)
    # A write in any case: a database that is read-only is found at start, not with the first call.
    connection.execute(update(store_meta).where(store_meta.c.name == _BLIND).values(value=fresh[_BLIND]))
