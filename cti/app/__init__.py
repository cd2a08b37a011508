"""The composition root: the one place that names concrete adapters and joins them.

`application` is a running engine, `parts` makes what it is made of from settings, `offline` serves the command line
without an engine.
"""

from cti.app.application import Application
from cti.app.clocks import ShiftedClock, SystemClock
from cti.app.offline import (
    check_flows,
    configured_flows,
    demo_catalog,
    flow_catalog,
    kept_files,
    load_flows,
    notices_in_force,
    open_accounts,
    open_flow_history,
    open_records,
    open_reports,
    open_writing,
)

__all__ = [
    "Application",
    "ShiftedClock",
    "SystemClock",
    "check_flows",
    "configured_flows",
    "demo_catalog",
    "flow_catalog",
    "kept_files",
    "load_flows",
    "notices_in_force",
    "open_accounts",
    "open_flow_history",
    "open_records",
    "open_reports",
    "open_writing",
]
