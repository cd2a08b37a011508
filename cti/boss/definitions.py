"""What flows may ask the back office (``lookups:``) and have it write (``requests:``), typed, and the SQL for it.

    lookups:
      subscriber.get:
        in: {msisdn: phone}
        out:
          tier: enum[standard, vip, senior]
          balance: decimal
        outcomes: [not_found, locked]      # business outcomes besides ok; not_found is always there
        deadline_ms: 2000
        sql: SELECT tier, balance FROM subscriber WHERE msisdn = :msisdn

A row is ``ok``, no row ``not_found``. A column named ``outcome`` (not among ``out``) names another declared outcome.

    requests:
      fault.file:
        in: {number: phone}
        out: {ticket: text}
        write:                             # one statement or several, in one transaction
          - INSERT INTO fault (key, number) VALUES (:key, :number) ON CONFLICT (key) DO NOTHING
        read: SELECT id AS ticket FROM fault WHERE key = :key

``:key`` names the request: written twice, it must be there once. The row that ``read`` gives is the answer (``done``);
no row, or a column ``outcome`` that says so, is ``rejected``, and nothing has been written.
"""

from __future__ import annotations

from pathlib import Path

from cti.boss.model import Definitions, LookupsRefused
from cti.boss.reading import DefinitionReading
from cti.files import read_file
from cti.flow.yamlio import read_yaml


def load_definitions(file: Path) -> Definitions:
    """Raises ConfigError (unreadable), LookupsRefused."""
    raw = read_file(file, what="the look-ups", remedy="name an existing file at boss.lookups")
    return parse_definitions(raw, str(file))


def parse_definitions(raw: str | bytes, file: str) -> Definitions:
    """From a file with a ``lookups:`` section, a ``requests:`` section, or both. Raises LookupsRefused."""
    tree, issues = read_yaml(raw, file)
    reading = DefinitionReading(list(issues))
    found = reading.file(tree) if tree is not None else Definitions({}, {})
    if reading.issues:
        raise LookupsRefused(reading.issues)
    return found
