"""PURE: distribution of contacts to agents. Facts and wishes in, facts out; see docs/distribution.md."""

from cti.acd.distribution import Distribution
from cti.acd.model import Overflow, Profile, QueueConfig, Relax, Select, Slot, Wish

__all__ = ["Distribution", "Overflow", "Profile", "QueueConfig", "Relax", "Select", "Slot", "Wish"]
