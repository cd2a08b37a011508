"""Calls that outlive their engine: what is kept of each at every wait, and how the next engine goes on with it."""

from cti.runtime.durable.body import Instant, Saved, SnapshotUnreadable, dump, load
from cti.runtime.durable.desk import DurableCalls
from cti.runtime.durable.plans import PlanSource
from cti.runtime.durable.saver import CallSaver
from cti.runtime.runclock import RunClock

__all__ = [
    "CallSaver",
    "DurableCalls",
    "Instant",
    "PlanSource",
    "RunClock",
    "Saved",
    "SnapshotUnreadable",
    "dump",
    "load",
]
