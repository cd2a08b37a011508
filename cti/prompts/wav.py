"""`WavPrompts`: prompts as files, for a real switch. Recorded where there is a recording, rendered otherwise.

<folder>/recorded/<language>/<name>.wav    the studio's; <name> is `prompt_name` of the text
<cache>/fixed/<ab>/<key>.wav               rendered, kept: <key> hashes text, language, voice, speed and version
<cache>/calls/<run>/<n>/<m>.wav            rendered for one call, deleted with it; names tell nothing

A text with pieces is played piece by piece; a fixed piece of a sensitive value under a name of the call's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import gevent
from gevent.event import AsyncResult
from gevent.pool import Pool

from cti.core.commands import AudioPart, Pause, Say, Tone
from cti.core.errors import ConfigError, CtiError
from cti.core.issue import Place
from cti.prompts.call_files import MAX_FILES, CallFiles, pause_argument
from cti.prompts.parts import (
    checked_language,
    prompt_name,
    recorded_file,
    sound_file,
    spoken_text,
    tone_argument,
    unavailable,
)
from cti.prompts.renderer import EspeakMissing, Renderer

#: espeak-ng 1.51 reads hanzi as pinyin, and `cmn` then reads that pinyin as English ("yuan-two").
VOICES = {"zh-CN": "cmn-latn-pinyin", "en-US": "en-us"}
_STALE_S = 24 * 3600.0
_FIXED = 4_096  # fixed texts whose files are known by heart: naming one takes longer than looking whether it is there

Progress = Callable[[int, int], None]  # (done, total)


@dataclass(slots=True)
class RenderReport:
    """What `WavPrompts.render_ahead` did; ``failed`` with the reason."""

    total: int = 0
    rendered: int = 0
    cached: int = 0
    recorded: int = 0
    failed: list[tuple[Say, CtiError]] = field(default_factory=list)


class WavPrompts:
    """Implements `cti.ports.Prompts`. Use it on the hub's thread."""

    def __init__(
        self,
        folder: Path,
        cache: Path,
        *,
        voices: Mapping[str, str] | None = None,
        renderer: Renderer | None = None,
        render_s: float = 30.0,
    ) -> None:
        """Raises ConfigError for folders that playback arguments cannot name, or a cache that cannot be written."""
        self._folder, self._cache = folder.resolve(), cache.resolve()
        for path in (self._folder, self._cache):
            if set(str(path)) & set("!${}\n"):
                raise ConfigError("a prompts folder's path may not hold ! $ { }", place=Place(str(path)))
        self._voices = dict(VOICES if voices is None else voices)
        self._renderer = renderer or Renderer()
        self._render_s = render_s
        self._running: dict[Path, AsyncResult[None]] = {}
        self._calls: dict[str, CallFiles] = {}
        self._call_number = 0
        # Of fixed texts only: what is said to one caller is remembered nowhere.
        self._fixed_recorded = lru_cache(_FIXED)(self._recorded)
        self._fixed_path = lru_cache(_FIXED)(self._rendered)
        self._run_folder = self._cache / "calls" / f"{os.getpid()}-{os.urandom(4).hex()}"
        try:
            (self._cache / "calls").mkdir(parents=True, exist_ok=True)
            _remove_stale(self._cache / "calls")
            self._run_folder.mkdir(mode=0o755)
        except OSError as error:
            raise ConfigError(
                f"the prompt cache cannot be written: {error.strerror}",
                place=Place(str(self._cache)),
                remedy="make the folder writable for the engine and readable for the switch",
            ) from error

    # ---- the port --------------------------------------------------------------------------------------------------

    def find(self, parts: Sequence[AudioPart]) -> list[str] | None:
        pieces = _pieces(parts)
        if len(pieces) > MAX_FILES or any(_secret(piece) for piece in pieces):
            return None  # these need files of the call's own
        try:
            found = [self._ready(piece, "") for piece in pieces]
        except CtiError:
            return None  # `locate` says why
        ready = [argument for argument in found if argument is not None]
        return ready if len(ready) == len(found) else None

    def locate(self, parts: Sequence[AudioPart], deadline_s: float, *, call_id: str = "") -> list[str]:
        deadline = time.monotonic() + deadline_s
        pieces = _pieces(parts)
        own = len(pieces) > MAX_FILES or any(_secret(piece) for piece in pieces)
        call = self._call(call_id) if own else None
        missing = {self._path(p, call_id): p for p in pieces if isinstance(p, Say) and self._ready(p, call_id) is None}
        jobs = [self._start(path, say, call_id) for path, say in missing.items()]
        for job in jobs:
            if not job.ready() and not job.wait(timeout=max(0.0, deadline - time.monotonic())) and not job.ready():
                raise unavailable(f"a prompt was not rendered within {deadline_s:g} s")
            job.get(block=False)
        found = [self._ready(piece, call_id) for piece in pieces]
        ready = [argument for argument in found if argument is not None]
        if len(ready) < len(found) or (call is not None and call.closed):
            raise unavailable("the call ended while its prompt was rendered")
        if call is not None:
            ready = [call.linked(a) if _secret(p) else a for p, a in zip(pieces, ready, strict=True)]
            ready = call.packed(ready) if len(ready) > MAX_FILES else ready
        return ready

    def discard_call(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            call.discard()

    def close(self) -> None:
        """Delete what was rendered for calls, those that still run included."""
        for call_id in tuple(self._calls):
            self.discard_call(call_id)
        shutil.rmtree(self._run_folder, ignore_errors=True)
        self._renderer.close()

    # ---- ahead of calls --------------------------------------------------------------------------------------------

    def render_ahead(self, says: Iterable[Say], progress: Progress | None = None) -> RenderReport:
        """Render all fixed texts that have neither a recording nor a file yet. Raises EspeakMissing, nothing else."""
        todo = list(dict.fromkeys(Say(spoken_text(say.text), say.language) for say in says if say.fixed))
        report = RenderReport(total=len(todo))
        for done, outcome in enumerate(Pool(4).imap_unordered(self._one_ahead, todo), start=1):
            if isinstance(outcome, tuple):
                if isinstance(outcome[1], EspeakMissing):
                    raise outcome[1]
                report.failed.append(outcome)
            else:
                setattr(report, outcome, getattr(report, outcome) + 1)
            if progress is not None:
                progress(done, len(todo))
        return report

    def is_rendered(self, say: Say) -> bool:
        """Is there a file of this fixed text already?"""
        return say.language in self._voices and self._path(say, "").is_file()

    def _one_ahead(self, say: Say) -> str | tuple[Say, CtiError]:
        try:
            if self._recorded(say.language, say.text).is_file():
                return "recorded"
            if self._ready(say, "") is not None:
                return "cached"
            job = self._start(self._path(say, ""), say, "")
            job.get(timeout=10 * self._render_s)
            return "rendered"
        except CtiError as error:
            return say, error
        except gevent.Timeout:
            return say, unavailable("a prompt was not rendered in time")

    # ---- one part --------------------------------------------------------------------------------------------------

    def _ready(self, part: AudioPart | Pause, call_id: str) -> str | None:
        """The playback argument, None when it has to be rendered first. Raises CtiError when it cannot be had."""
        if isinstance(part, Pause):
            return pause_argument(part.seconds)
        if isinstance(part, Tone):
            return tone_argument(part.spec)
        if not isinstance(part, Say):
            return str(sound_file(self._folder, part.file))
        recorded = (self._fixed_recorded if part.fixed else self._recorded)(part.language, part.text)
        if recorded.is_file():
            return str(recorded)
        if not part.fixed and call_id not in self._calls:
            return None
        path = self._path(part, call_id)
        return str(path) if path.is_file() else None

    def _recorded(self, language: str, text: str) -> Path:
        return recorded_file(self._folder, language, text)

    def _path(self, say: Say, call_id: str) -> Path:
        if say.fixed:
            return self._fixed_path(say.language, say.text)
        return self._call(call_id).rendered(say.language, spoken_text(say.text))

    def _rendered(self, language: str, text: str) -> Path:
        key = "\n".join((self._renderer.fingerprint, self._voice(language), prompt_name(language, text)))
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        return self._cache / "fixed" / name[:2] / f"{name}.wav"

    def _call(self, call_id: str) -> CallFiles:
        if not call_id:
            raise unavailable("a prompt rendered for one call needs the call it belongs to")
        call = self._calls.get(call_id)
        if call is None:
            self._call_number += 1
            call = self._calls[call_id] = CallFiles(self._run_folder / str(self._call_number))
        return call

    def _voice(self, language: str) -> str:
        voice = self._voices.get(language)
        if voice is None:
            raise unavailable(f"no voice is configured for {checked_language(language)}", "add it to prompts.voices")
        return voice

    # ---- rendering: one job per file, whoever waits for it --------------------------------------------------------

    def _start(self, path: Path, say: Say, call_id: str) -> AsyncResult[None]:
        running = self._running.get(path)
        if running is None:
            running = self._running[path] = AsyncResult()
            call = None if say.fixed else self._calls[call_id]
            gevent.spawn(self._render, path, say, call, running)
        return running

    def _render(self, path: Path, say: Say, call: CallFiles | None, result: AsyncResult[None]) -> None:
        try:
            self._renderer.render(spoken_text(say.text), self._voice(say.language), path, once=not say.fixed)
            result.set(None)
        except CtiError as error:
            result.set_exception(error)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            result.set_exception(unavailable(f"rendering broke: {type(error).__name__}: {error}"))
        finally:
            del self._running[path]
            if call is not None and call.closed:
                call.discard()


def _pieces(parts: Iterable[AudioPart]) -> list[AudioPart | Pause]:
    pieces: list[AudioPart | Pause] = []
    for part in parts:
        pieces += part.pieces if isinstance(part, Say) and part.pieces else (part,)
    return pieces


def _secret(piece: AudioPart | Pause) -> bool:
    """A kept file whose name, in the switch's log, would tell a part of a sensitive value."""
    return isinstance(piece, Say) and piece.fixed and piece.sensitive


def _remove_stale(calls: Path) -> None:
    """What engines that did not end in order left behind; younger files may still be playing."""
    for folder in calls.iterdir():
        if time.time() - folder.stat().st_mtime > _STALE_S:
            shutil.rmtree(folder, ignore_errors=True)
