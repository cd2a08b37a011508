"""The socket way: every fault of a back office, its named outcome and reason, by framing and mode; then the next
question is answered. Threads, sockets and greenlets are counted before and after (`rig`).

Wrong certificates stand in `test_socket.test_tls_verifies_the_certificate_and_the_name`; what the counters say of late,
doubled and stray answers in `test_socket`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.boss.ways.socketkit import MODES, Rig, ask, fails, rig

__all__ = ["rig"]

SHORT_S = 0.1
IN_ORDER = ("per_request", "exclusive", "pipelined")
OTHER = "02088886666"


@dataclass(frozen=True)
class Fault:
    """``does``: the method of `SocketOffice`; ``sent``: what was asked may have been done."""

    does: str
    outcome: str
    reasons: tuple[str, ...] = ()
    patience_s: float = 20.0
    sent: bool = True
    modes: tuple[str, ...] = MODES
    framings: tuple[str, ...] = ("ascii", "binary")
    answers_next: tuple[str, ...] = MODES


FAULTS = {
    "refused": Fault("", "error", ("refused",), sent=False, answers_next=()),
    "half-open": Fault("silent", "timeout", ("no-answer",), SHORT_S),
    "reset": Fault("reset", "error", ("reset", "closed-by-peer")),
    "reset in the middle": Fault("middle", "error", ("reset", "closed-by-peer")),
    # A shared connection goes on dripping before the next answer.
    "slow drip": Fault("drip", "timeout", ("no-answer",), SHORT_S, answers_next=("per_request", "exclusive")),
    "1 GB": Fault("huge", "error", ("too-long", "bad-constant")),
    "wrong length": Fault("wrong_length", "error", ("bad-length", "bad-header")),
    "wrong checksum": Fault("wrong_checksum", "error", ("bad-checksum",), framings=("ascii",)),
    "wrong sequence": Fault("wrong_sequence", "error", ("wrong-sequence",), modes=IN_ORDER),
    "nobody's sequence": Fault("wrong_sequence", "timeout", ("no-answer",), SHORT_S, modes=("multiplex",)),
    "late": Fault("late", "timeout", ("no-answer",), SHORT_S),
    "twice": Fault("twice", "ok"),
    "garbage": Fault("garbage", "error", ("bad-encoding",)),
    "field missing": Fault("missing", "error", ("missing-field",)),
    "field of another type": Fault("other_type", "error", ("bad-field",)),
    "NaN": Fault("not_a_number", "error", ("bad-field",)),
    "HTML": Fault("html", "error", ("too-long", "bad-constant")),
}


@pytest.mark.parametrize("framing", ["ascii", "binary"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_outcome_and_the_next_question_is_answered(
    rig: Rig, name: str, mode: str, framing: str
) -> None:
    fault = FAULTS[name]
    if mode not in fault.modes or framing not in fault.framings:
        return  # it has another name there, or cannot be
    office = rig.office(framing)
    way = rig.way(office, mode)
    if fault.does:
        ask(way)
        office.fault, office.times = fault.does, 1
    else:
        office.close()
    if fault.outcome == "ok":
        assert ask(way)["balance"] == Decimal("123.45")
    else:
        fails(way, fault.outcome, fault.reasons, sent=fault.sent, patience=fault.patience_s)
    office.release()
    if mode in fault.answers_next:
        assert ask(way, OTHER)["msisdn"] == OTHER
