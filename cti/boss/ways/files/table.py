"""The newest complete file as an indexed table: SQLite in a private folder of this process, sealed, gone at its end.

Keys are HMACs and values AES-256-GCM under keys that only this process has: a disk that is stolen tells nothing.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cti.flow.values import decode_all, encode_all

_NONCE = 12


class Table:
    """Each call opens the database anew, so that any thread may call."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._cipher, self._blind = AESGCM(AESGCM.generate_key(256)), os.urandom(32)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")  # readers have the file before while one is loaded
            connection.execute("CREATE TABLE record (key BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID")
            connection.execute("CREATE TABLE file (as_of REAL NOT NULL)")

    def load(self, rows: Iterable[tuple[str, Mapping[str, Any]]], as_of: float) -> int:
        """All of it or nothing; how many. What ``rows`` raises changes nothing."""
        with closing(sqlite3.connect(self._file, timeout=60.0)) as connection, connection:
            connection.execute("DELETE FROM record")
            connection.execute("DELETE FROM file")
            connection.executemany("INSERT INTO record VALUES (?, ?)", (self._sealed(*row) for row in rows))
            connection.execute("INSERT INTO file VALUES (?)", (as_of,))
            return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])

    def find(self, key: str) -> tuple[float, Mapping[str, Any] | None] | None:
        """(as of, the record or None); None: nothing was loaded yet. Both of one file."""
        blind = self._index(key)
        with closing(sqlite3.connect(self._file, timeout=60.0)) as connection:
            query = "SELECT as_of, (SELECT sealed FROM record WHERE key = ?) FROM file"
            found = connection.execute(query, (blind,)).fetchone()
        if found is None:
            return None
        as_of, sealed = found
        if sealed is None:
            return as_of, None
        return as_of, decode_all(orjson.loads(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], blind)))

    def _sealed(self, key: str, fields: Mapping[str, Any]) -> tuple[bytes, bytes]:
        blind, nonce = self._index(key), os.urandom(_NONCE)
        return blind, nonce + self._cipher.encrypt(nonce, orjson.dumps(encode_all(fields)), blind)

    def _index(self, key: str) -> bytes:
        return hmac.digest(self._blind, key.encode(), "sha256")
