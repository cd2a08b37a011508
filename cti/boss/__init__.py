"""Back-office connectors behind `cti.ports.LookupSource`: one SQL database now, the interface server's ways later."""

from cti.boss.definitions import LookupDefinition, LookupsRefused, load_lookups, parse_lookups
from cti.boss.demo import DEMO_LOOKUPS, ensure_demo_database
from cti.boss.sql import SqlLookups

__all__ = [
    "DEMO_LOOKUPS",
    "LookupDefinition",
    "LookupsRefused",
    "SqlLookups",
    "ensure_demo_database",
    "load_lookups",
    "parse_lookups",
]
