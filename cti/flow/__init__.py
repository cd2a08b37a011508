"""The flow language: load, check, compile, run. Pure: text, events and time in; flows, findings and work out."""

from cti.flow.calendar import Calendar, CalendarLoad, load_calendar
from cti.flow.catalog import Catalog, LookupSignature
from cti.flow.closure import check_closure
from cti.flow.entry import Entry, EntryMatch, EntryTable
from cti.flow.load import FlowLoad, load_flow
from cti.flow.load_entry import EntryLoad, load_entry
from cti.flow.model import Flow, FlowTest
from cti.flow.plan import Plan, PlanError, compile_plan
from cti.flow.prompt_list import list_fixed_prompts
from cti.flow.run import Run, RunMisuse

__all__ = [
    "Calendar",
    "CalendarLoad",
    "Catalog",
    "Entry",
    "EntryLoad",
    "EntryMatch",
    "EntryTable",
    "Flow",
    "FlowLoad",
    "FlowTest",
    "LookupSignature",
    "Plan",
    "PlanError",
    "Run",
    "RunMisuse",
    "check_closure",
    "compile_plan",
    "list_fixed_prompts",
    "load_calendar",
    "load_entry",
    "load_flow",
]
