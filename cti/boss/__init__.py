"""The interface server: the one door from the call centre to the back office, behind `cti.ports.LookupSource` and
`cti.ports.RequestSink`."""

from cti.boss.configuration import OfficeRefused, load_office
from cti.boss.demo import DEMO_DATABASE, DEMO_INTERFACES, ensure_demo_database
from cti.boss.plans import OfficePlan
from cti.boss.server import InterfaceServer
from cti.boss.ways import WAYS

__all__ = [
    "DEMO_DATABASE",
    "DEMO_INTERFACES",
    "WAYS",
    "InterfaceServer",
    "OfficePlan",
    "OfficeRefused",
    "ensure_demo_database",
    "load_office",
]
