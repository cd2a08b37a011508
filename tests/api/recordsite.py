"""Recordings under an API: made as the switch and the keeper make them, of virtual calls."""

from __future__ import annotations

import io
import wave
from dataclasses import replace

from cti.core.recordings import Recording, RecordingKind, Retention
from cti.runtime.recordings.keeper import Keeper
from cti.runtime.recordings.plain import PlainFiles
from cti.runtime.recordings.shelf import Shelf
from tests.runtime.accountkit import NOW, Office

DAYS = Retention({RecordingKind.TALK: 30, RecordingKind.VOICEMAIL: 7}, {"short": 1})


def sound(seconds: float, value: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes([value, 0]) * int(seconds * 8000))
    return out.getvalue()


class Studio:
    """Records, and seals at once. ``keeper`` runs only when it is told to."""

    def __init__(self, office: Office, shelf: Shelf | None = None, retention: Retention = DAYS) -> None:
        self.office, self.store = office, office.store.accounts.recordings
        self.shelf = shelf or Shelf(self.store, office.folder)
        self.plain = PlainFiles(office.folder, "cti")
        self.plain.folder.mkdir(parents=True, exist_ok=True)
        self.keeper = Keeper(self.shelf, self.plain, office.clock, retention, office.store.flush)

    def begin(
        self, call: str, kind: RecordingKind = RecordingKind.TALK, *, queue: str = "", agents: str = "", name: str = ""
    ) -> str:
        """``agents``: ``1001:north 1002:south``. The path of the plain file, which is not there yet."""
        pairs = tuple((agent, team) for agent, _, team in (word.partition(":") for word in agents.split()))
        self.kept = replace(self.plain.new(call, kind, self.office.clock.now(), queue), agents=pairs)
        if name:
            self.kept = replace(self.kept, path=f"recordings/open/{name}.wav")
        self.office.store.record(self.kept)
        return str(self.plain.path(self.kept))

    def end(self, content: bytes | None, *, told: bool = True) -> str:
        """The switch has closed it; ``told``: and has said so. The recording's id."""
        path = self.plain.path(self.kept)
        if content is not None:
            path.write_bytes(content)
        self.office.store.record(replace(self.kept, ended_at=self.office.clock.now()))
        if told:
            self.keeper.complete(str(path))
        return self.kept.recording_id

    def recorded(self, call: str, content: bytes, kind: RecordingKind = RecordingKind.TALK, **of: str) -> Recording:
        self.begin(call, kind, **of)
        id_ = self.end(content)
        self.keeper.seal_complete()
        found = self.store.find(id_)
        assert found is not None
        return found


__all__ = ["NOW", "Studio", "sound"]
