"""The demo's back office: fifty subscribers in SQLite, made on the first run."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

DEMO_LOOKUPS = Path(__file__).with_name("demo_lookups.yaml")

SCHEMA = """
CREATE TABLE subscriber (
    msisdn  TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    line    TEXT NOT NULL CHECK (line IN ('mobile', 'fixed')),
    tier    TEXT NOT NULL CHECK (tier IN ('standard', 'vip', 'senior')),
    balance TEXT NOT NULL,
    package TEXT NOT NULL,
    due     TEXT
);
CREATE TABLE bill (
    msisdn TEXT NOT NULL REFERENCES subscriber,
    month  TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (msisdn, month)
);
"""
TIERS = ("standard", "standard", "vip", "standard", "senior")
PACKAGES = ("畅享59", "畅享99", "全家129", "5G199")
SURNAMES = "王李张刘陈杨赵黄周吴"


def ensure_demo_database(file: Path) -> Path:
    """Make the database unless it is there already; complete or not at all. 40 mobile and 10 fixed-line subscribers.

    13800000000 has a balance of 88.50; 13800000009 has none of the usual: a debt.
    """
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    connection = sqlite3.connect(draft)
    try:
        with connection:
            connection.executescript(SCHEMA)
            connection.executemany("INSERT INTO subscriber VALUES (?, ?, ?, ?, ?, ?, ?)", _subscribers())
            connection.executemany("INSERT INTO bill VALUES (?, ?, ?)", _bills())
    finally:
        connection.close()
    draft.replace(file)
    return file


def _numbers() -> list[tuple[str, str]]:
    mobile = [(f"138{index:08d}", "mobile") for index in range(40)]
    return mobile + [(f"0108888{index:04d}", "fixed") for index in range(1, 11)]


def _subscribers() -> list[tuple[str, str, str, str, str, str, str | None]]:
    rows: list[tuple[str, str, str, str, str, str, str | None]] = []
    for index, (msisdn, line) in enumerate(_numbers()):
        balance = "-12.30" if index == 9 else f"{88 + index * 7 % 200}.{50 if index % 2 == 0 else 25:02d}"
        name = SURNAMES[index % len(SURNAMES)] + "先生女士"[index % 2 * 2 : index % 2 * 2 + 2]
        due = f"2026-12-{index % 28 + 1:02d}" if line == "fixed" else None
        rows.append((msisdn, name, line, TIERS[index % len(TIERS)], balance, PACKAGES[index % len(PACKAGES)], due))
    return rows


def _bills() -> list[tuple[str, str, str]]:
    return [
        (msisdn, f"2026-{month:02d}", f"{59 + (index * 13 + month * 3) % 140}.{index % 10}0")
        for index, (msisdn, _) in enumerate(_numbers())
        for month in (8, 9, 10)
    ]
