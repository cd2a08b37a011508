"""The demo's back office: fifty invented subscribers in an SQLite file, and what may be asked and written there."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cti.core.errors import ConfigError
from cti.core.issue import Place

log = logging.getLogger("cti.boss")

#: The interfaces that go with the demo database, which stands beside them as `boss-demo.db`.
DEMO_INTERFACES = Path(__file__).with_name("demo_interfaces.yaml")
DEMO_DATABASE = "boss-demo.db"

_SCHEMA = """
CREATE TABLE subscriber (
    msisdn TEXT PRIMARY KEY, line TEXT NOT NULL, name TEXT NOT NULL, tier TEXT NOT NULL, area TEXT NOT NULL,
    status TEXT NOT NULL, balance TEXT NOT NULL, due TEXT, language TEXT NOT NULL, pin TEXT NOT NULL
);
CREATE TABLE bill (
    msisdn TEXT NOT NULL REFERENCES subscriber, month TEXT NOT NULL, amount TEXT NOT NULL, due TEXT NOT NULL,
    paid INTEGER NOT NULL, PRIMARY KEY (msisdn, month)
);
CREATE TABLE package (
    msisdn TEXT PRIMARY KEY REFERENCES subscriber, name TEXT NOT NULL, data_left_mb INTEGER NOT NULL,
    minutes_left INTEGER NOT NULL, renews TEXT NOT NULL
);
"""
#: What requests write. Made in databases of earlier releases too.
_WRITTEN = """
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, number TEXT NOT NULL, kind TEXT NOT NULL,
    contact TEXT, filed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS complaint (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, msisdn TEXT, about TEXT NOT NULL,
    filed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS voucher (code TEXT PRIMARY KEY, amount TEXT NOT NULL, key TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS topup (
    key TEXT PRIMARY KEY, msisdn TEXT NOT NULL, amount TEXT NOT NULL, applied INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS package_order (key TEXT PRIMARY KEY, msisdn TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rating (key TEXT PRIMARY KEY, msisdn TEXT, score INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lock_out (key TEXT PRIMARY KEY, msisdn TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reminder (
    key TEXT PRIMARY KEY, msisdn TEXT NOT NULL, month TEXT NOT NULL, UNIQUE (msisdn, month)
);
CREATE TABLE IF NOT EXISTS contact (msisdn TEXT PRIMARY KEY, mobile TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS form (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, number TEXT, document TEXT NOT NULL,
    filed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
_VOUCHERS = tuple((f"8600000000{n:02d}", f"{(n % 5 + 1) * 10}.00") for n in range(50))
_CONTACTS = tuple((f"0108888{n:04d}", f"1380000{n:04d}") for n in range(9))  # the last line has none
_SURNAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴")
_GIVEN = ("伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳")
_TIERS = ("standard", "standard", "standard", "vip", "senior")
_PACKAGES = ("畅享套餐38元", "畅享套餐88元", "全家享158元", "固话长途包")
_MONTHS = (("2026-01", "2026-02-15", 1), ("2026-02", "2026-03-15", 0))

Row = tuple[object, ...]


def ensure_demo_database(path: Path) -> Path:
    """Make the database unless it is there; returns its path. Built aside and moved in whole, so never half there.

    Mobile 13800000000 to 13800000039, fixed 01088880000 to 01088880009; the first of each has a balance of 88.50 and
    128.00. Vouchers 860000000000 to 860000000049, of 10.00 to 50.00. Raises ConfigError when the file cannot be made.
    """
    if path.exists():
        _extend(path)
        return path
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        _fill(temporary)
        os.replace(temporary, path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            f"the demo's subscribers cannot be written: {error}",
            place=Place(str(path)),
            remedy="make the folder writable, or name interfaces of your own at boss.file",
        ) from error
    return path


def _extend(path: Path) -> None:
    """A file that is no database, or may not be written, is told of by whoever asks it."""
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            _add_written(connection)
    except sqlite3.Error as error:
        log.warning("%s cannot be extended: %s", path, error)


def _add_written(connection: sqlite3.Connection) -> None:
    connection.executescript(_WRITTEN)
    connection.executemany("INSERT OR IGNORE INTO voucher (code, amount) VALUES (?, ?)", _VOUCHERS)
    connection.executemany("INSERT OR IGNORE INTO contact (msisdn, mobile) VALUES (?, ?)", _CONTACTS)


def _fill(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executescript(_SCHEMA)
            _add_written(connection)
            subscribers = [_subscriber(n) for n in range(50)]
            connection.executemany(f"INSERT INTO subscriber VALUES ({', '.join('?' * 10)})", subscribers)
            bills = [bill for n, row in enumerate(subscribers) for bill in _bills(n, str(row[0]))]
            connection.executemany("INSERT INTO bill VALUES (?, ?, ?, ?, ?)", bills)
            packages = [_package(n, str(row[0])) for n, row in enumerate(subscribers)]
            connection.executemany("INSERT INTO package VALUES (?, ?, ?, ?, ?)", packages)
    finally:
        connection.close()


def _subscriber(n: int) -> Row:
    fixed = n >= 40
    msisdn = f"0108888{n - 40:04d}" if fixed else f"1380000{n:04d}"
    name = _SURNAMES[n % 10] + _GIVEN[(n * 7 // 10 + n) % 10]
    status = {7: "suspended", 13: "locked"}.get(n, "active")
    balance = {0: "88.50", 40: "128.00", 3: "-12.30"}.get(n, f"{(n * 3719 % 30000) / 100:.2f}")
    language = "en-US" if n in (5, 45) else "zh-CN"
    due = f"2026-12-{n % 28 + 1:02d}" if fixed else None
    tier = "vip" if n == 1 else "standard" if n == 0 else _TIERS[n % 5]
    area = "010" if fixed else ("010", "021", "020", "0755")[n % 4]
    return (msisdn, "fixed" if fixed else "mobile", name, tier, area, status, balance, due, language, f"{n:04d}")


def _bills(n: int, msisdn: str) -> list[Row]:
    return [
        (msisdn, month, f"{38 + (n * 997 + index * 311) % 12000 / 100:.2f}", due, paid)
        for index, (month, due, paid) in enumerate(_MONTHS)
    ]


def _package(n: int, msisdn: str) -> Row:
    name = _PACKAGES[3] if n >= 40 else _PACKAGES[n % 3]
    return (msisdn, name, 0 if n >= 40 else n * 613 % 20_480, n * 37 % 500, "2026-04-01")
