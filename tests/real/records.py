"""What the engine has written down about a call, read beside it."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from cti.api.calls import with_times
from cti.app import open_records
from cti.config import load_settings

from .engine import EngineProcess
from .esl import wait_until


def record_of(engine: EngineProcess, uuid: str) -> dict[str, Any]:
    """Once the call is over. Raises TimeoutError."""
    found: dict[str, Any] = {}

    def complete() -> bool:
        with open_records(load_settings(engine.config)) as store:
            call = store.find_call(uuid)
        if call is not None:  # records are written in groups
            found.update(with_times(call.as_dict()))
        return bool(found.get("ended_at"))

    wait_until(complete, 30, "the record of the call", 0.2)
    return found


def sealed(engine: EngineProcess, kept: dict[str, Any], into: Path, what: str = "audio") -> Path:
    """A recording as the API gives it, in a file of one's own; nothing of it lies in clear any more."""
    path = f"/v1/recordings/{kept['recording_id']}"
    wait_until(lambda: engine.get(path)["state"] == "sealed", 30, "the recording is sealed", 0.2)
    url = f"http://127.0.0.1:{engine.api_port}{path}/{what}?reason=test"
    asking = urllib.request.Request(url, headers={"X-API-Key": engine.api_key})
    with urllib.request.urlopen(asking, timeout=10) as answer:
        into.write_bytes(answer.read())
    assert not list((engine.folder / "data" / "recordings" / "open").glob(f"{kept['recording_id']}*"))
    return into
