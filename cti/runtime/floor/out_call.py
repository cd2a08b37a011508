"""One call to a person, placed by us: what is known of it while it lasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cti.ports import LegControl
    from cti.runtime.floor.errands import Errand
    from cti.runtime.floor.talk import Talk
    from cti.runtime.floor.talk_record import TalkRecord
    from cti.runtime.recordings.tape import CallTape


@dataclass(slots=True, eq=False)
class OutCall:
    """``contact``: as what the distribution knows it at present (another after a transfer). ``talk``: with the agent
    for whom the phone rings. ``dialled``: the phone is being rung, ``rang``: it says so, ``up``: it was answered.
    ``connected``: the two have talked. ``over``: the attempt's ending was told, ``how`` it was."""

    uuid: str
    errand: Errand
    switch: str
    legs: LegControl
    contact: str
    talk: Talk | None = None
    dialled: bool = False
    rang: bool = False
    up: bool = False
    connected: bool = False
    over: bool = False
    how: str = ""
    record: TalkRecord | None = field(default=None)
    tape: CallTape | None = None
