"""The formulas of KPIS over raw counts; each says itself how it was made. None where nothing can be divided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

Counts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Kpi:
    """``formula`` is printed in every report that shows the figure."""

    name: str
    formula: str
    of: Callable[[Counts], float | None]


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def service_level(n: int) -> Kpi:
    """SL-C: short abandons are not held against it."""
    return Kpi(
        f"service_level_{n}",
        f"answered_in_{n} / (answered + abandoned − short_abandoned)",
        lambda c: _ratio(c[f"answered_in_{n}"], c["answered"] + c["abandoned"] - c["short_abandoned"]),
    )


def answered_within(n: int) -> Kpi:
    """N秒人工接通率."""
    return Kpi(
        f"answered_within_{n}", f"answered_in_{n} / offered", lambda c: _ratio(c[f"answered_in_{n}"], c["offered"])
    )


_AHT = Kpi(
    "aht_s",
    "(talk + hold + work) / handled",
    lambda c: _ratio(c["talk_s"] + c["hold_s"] + c["work_s"], c["handled"]),
)
_RING_NO_ANSWER = Kpi(
    "ring_no_answer_rate", "ring_no_answer / handled", lambda c: _ratio(c["ring_no_answer"], c["handled"])
)
QUEUE_KPIS: tuple[Kpi, ...] = (
    Kpi("answer_rate", "answered / offered", lambda c: _ratio(c["answered"], c["offered"])),
    Kpi("abandon_rate", "abandoned / offered", lambda c: _ratio(c["abandoned"], c["offered"])),
    Kpi("asa_s", "Σ wait of answered / answered", lambda c: _ratio(c["wait_answered_s"], c["answered"])),
    _AHT,
    _RING_NO_ANSWER,
)
AGENT_KPIS: tuple[Kpi, ...] = (
    _AHT,
    Kpi(
        "occupancy", "handling / (handling + ready)", lambda c: _ratio(c["handling_s"], c["handling_s"] + c["ready_s"])
    ),
    Kpi("utilisation", "handling / logged-in", lambda c: _ratio(c["handling_s"], logged_in_s(c))),
    _RING_NO_ANSWER,
)
#: Over flow runs.
FLOW_KPIS: tuple[Kpi, ...] = (
    Kpi(
        "containment",
        "flow runs in which a goal was reached and no queue was entered / flow runs",
        lambda c: _ratio(c["contained"], c["runs"]),
    ),
    Kpi("mean_s", "Σ seconds of ended runs / ended runs", lambda c: _ratio(c["seconds_s"], c["ended"])),
)


def ewt_error(told: Iterable[tuple[float, float]]) -> float | None:
    """``told``: (announced, actual) seconds of each answered entry that was told a wait. Formula: `EWT_ERROR`."""
    errors = [abs(announced - actual) / actual for announced, actual in told if actual > 0]
    return median(errors) if errors else None


EWT_ERROR = "median of |announced − actual| / actual, over answered entries that were told a wait"


def logged_in_s(counts: Counts) -> float:
    return sum(counts[name] for name in ("handling_s", "reserved_s", "ready_s", "not_ready_s"))


def in_progress(counts: Counts) -> float:
    """offered = answered + abandoned + flow_out + callback + lost + in_progress, in every set of intervals."""
    return counts["offered"] - sum(counts[name] for name in ("answered", "abandoned", "flow_out", "callback", "lost"))
