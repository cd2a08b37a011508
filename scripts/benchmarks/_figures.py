"""What benchmarks count with."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path


def percentile(share: float, values: Sequence[float]) -> float:
    """The value that ``share`` of all do not exceed."""
    return sorted(values)[max(0, -(-int(share * 1000) * len(values) // 1000) - 1)]


def cpu_s(pid: int) -> float:
    """User and system time of a process, seconds (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def load() -> float:
    """Processes that ran or wanted to, mean of the last minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def spread(values: Sequence[float], unit: str, factor: float = 1.0, digits: int = 1) -> str:
    """``min / median / max``"""
    three = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{value * factor:.{digits}f}" for value in three) + f" {unit}"
