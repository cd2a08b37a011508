"""Back-office connectors behind `cti.ports.LookupSource`: one SQL database now, the interface server's ways later."""

from cti.boss.definitions import Definition, LookupsRefused, load_lookups, parse_lookups
from cti.boss.sql import SqlLookups

__all__ = ["Definition", "LookupsRefused", "SqlLookups", "load_lookups", "parse_lookups"]
