"""The back office (BOSS: billing, CRM) behind the `LookupSource` port: named questions, answered by configuration.

Flows ask `subscriber.get`; which system answers and how is decided here. One connector so far: SQL.
"""

from cti.boss.definitions import LookupDefinition, load_lookups
from cti.boss.demo import DEMO_LOOKUPS, ensure_demo_database
from cti.boss.sql import SqlLookups

__all__ = ["DEMO_LOOKUPS", "LookupDefinition", "SqlLookups", "ensure_demo_database", "load_lookups"]
