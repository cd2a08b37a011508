"""Back-office connectors behind `cti.ports.LookupSource` and `cti.ports.RequestSink`: one SQL database now, the
interface server's ways later."""

from cti.boss.definitions import load_definitions, parse_definitions
from cti.boss.demo import DEMO_LOOKUPS, ensure_demo_database
from cti.boss.model import Definitions, LookupDefinition, LookupsRefused, RequestDefinition
from cti.boss.requests import SqlRequests
from cti.boss.sql import SqlLookups

__all__ = [
    "DEMO_LOOKUPS",
    "Definitions",
    "LookupDefinition",
    "LookupsRefused",
    "RequestDefinition",
    "SqlLookups",
    "SqlRequests",
    "ensure_demo_database",
    "load_definitions",
    "parse_definitions",
]
