"""Bills of the demo's billing system, as such systems deliver them: a whole file, then one that vouches for it."""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

NAME = re.compile(r"BILL_(\d{8})\.txt")
_LAST = """
SELECT b.msisdn, b.month, b.amount, b.due, b.paid FROM bill b
WHERE b.month = (SELECT max(month) FROM bill l WHERE l.msisdn = b.msisdn) ORDER BY b.msisdn
"""


def deliver(database: Path, folder: Path) -> Path:
    """Everybody's last bill as the next file of ``folder``; its path. Earlier ones are taken away.

    ``BILL_00000001.txt``: lines of msisdn, month, amount in hundredths, due as YYYYMMDD and 1 for paid, with ``|``
    between; ``.chk`` beside it comes last and has name, bytes, rows and MD5. Raises OSError, sqlite3.Error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    earlier = sorted(name for name in os.listdir(folder) if NAME.fullmatch(name))
    name = f"BILL_{int(earlier[-1][5:13]) + 1 if earlier else 1:08d}.txt"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(_LAST).fetchall()
    lines = [
        f"{msisdn}|{month}|{round(float(amount) * 100)}|{due.replace('-', '')}|{paid}\n"
        for msisdn, month, amount, due, paid in rows
    ]
    data = "".join(lines).encode()
    _put(folder / name, data)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    _put(folder / f"{name}.chk", f"{name}|{len(data)}|{len(rows)}|{digest}\n".encode())
    for old in earlier:
        (folder / old).unlink(missing_ok=True)
        (folder / f"{old}.chk").unlink(missing_ok=True)
    return folder / name


def _put(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)
