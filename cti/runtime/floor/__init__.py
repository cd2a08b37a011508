"""The floor: the distribution (`cti.acd`) with one owner, the callers who wait in it, and the talks that come of it.

`owner` feeds the distribution and hands its facts round, `callers` is what flows see of queues, `talks` joins a caller
with an agent on the switch, `hunting` signs in the phones that a queue lists by itself.
"""

from cti.runtime.floor.floor import Floor

__all__ = ["Floor"]
