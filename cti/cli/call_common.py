"""What the commands about calls share: finding a call by the beginning of its id, its recording, times."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cti.core.errors import CtiError
from cti.flow.replay_recording import NoRecording, Recording, read_recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from cti.config import Settings
    from cti.ports import Store

_AGO = re.compile(r"([0-9]{1,5})(m|h|d)")
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def full_id(store: Store, text: str) -> str:
    """A whole id as it is; a beginning is looked up among the newest calls. Raises CtiError (ambiguous)."""
    if len(text) >= 36:
        return text
    found = [row.call_id for row in store.list_calls(limit=500) if row.call_id.startswith(text)]
    if len(found) > 1:
        raise CtiError(f"{len(found)} calls begin with {text}", code="ambiguous", remedy="give more of the id")
    return found[0] if found else text


def not_found(call_id: str) -> CtiError:
    return CtiError(f"no call {call_id}", code="not-found", remedy="`cti call list` shows them")


def recording_of(store: Store, call_id: str) -> Recording:
    """Raises CtiError (not-found), NoRecording."""
    journal = store.find_journal(call_id)
    if journal is None:
        if store.find_call(call_id) is None:
            raise not_found(call_id)
        raise NoRecording(
            f"call {call_id} has no journal",
            remedy="only calls that a flow has met can be replayed, and only once written",
        )
    return read_recording(journal.entries, journal.secrets)


def replay_plans(settings: Settings) -> Any:
    """A `cti.runtime.replays.ReplayPlans` of this installation."""
    from cti.app import flow_catalog, kept_files
    from cti.runtime.replays import ReplayPlans

    def find_files(flow: str, version: str) -> Mapping[str, str] | None:
        return kept_files(settings, flow, version)

    return ReplayPlans(settings.flows, flow_catalog(settings), find_files)


def since(text: str) -> float:
    """``2h``, ``30m``, ``7d``, a date or a moment (ISO 8601, UTC unless it says otherwise): seconds since the epoch."""
    if (ago := _AGO.fullmatch(text)) is not None:
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a time such as 30m, 2h, 7d or 2026-03-02, not {text[:30]!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def at(seconds: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")


def add_call_id(parser: argparse.ArgumentParser, **how: Any) -> None:
    parser.add_argument("call_id", help="the id, or the beginning of it", **how)
