"""Which start of which machine this is."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Of this start of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
