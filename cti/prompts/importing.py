"""Takes a studio's files: all are checked first, then all are put in place, or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.flow.simulator import OTHER_SECONDS_PER_CHARACTER, SECONDS_PER_CHARACTER
from cti.flow.suggest import did_you_mean
from cti.prompts.render_child import write_wav
from cti.prompts.script import ScriptLine
from cti.prompts.studio_audio import MAX_BYTES, BadAudio, Telephone, to_telephone

_LEAST_S = 0.1
_SHORTER, _LONGER, _SLACK_S = 0.2, 4.0, 3.0  # of the time that a text takes to be said

Progress = Callable[[int, int], None]  # (done, total)


class RecordingsRefused(CtiError):
    """At least one file cannot be taken, so none is; ``issues`` lists all of them."""

    code = "recordings-refused"

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__(f"{len(issues)} file(s) cannot be taken, so none was")
        self.issues = issues


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was checked and is to be put in place."""

    source: Path
    line: ScriptLine
    audio: Telephone


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The WAV files among ``paths`` and below the folders among them. Raises CtiError (no-recordings)."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix.lower() == ".wav" and file.is_file())
        else:
            found.append(path)
    if not found:
        raise CtiError("there is no WAV file to import", code="no-recordings", remedy="name files, or their folder")
    return found


def check_files(
    files: Sequence[Path], script: Sequence[ScriptLine], progress: Progress | None = None
) -> list[Recording]:
    """Raises RecordingsRefused with every finding in every file."""
    by_name = {line.name: line for line in script}
    issues: list[Issue] = []
    taken: dict[str, Path] = {}
    found: list[Recording] = []
    for done, file in enumerate(files, start=1):
        try:
            line = _line_of(file, by_name)
            if line.name in taken:
                raise BadAudio("duplicate-recording", f"{taken[line.name]} is a recording of the same text")
            taken[line.name] = file
            audio = to_telephone(_read(file))
            _check_length(audio.seconds, line)
            found.append(Recording(file, line, audio))
        except BadAudio as bad:
            issues.append(Issue(Place(str(file)), bad.code, str(bad)))
        if progress is not None:
            progress(done, len(files))
    if issues:
        raise RecordingsRefused(issues)
    return found


def _line_of(file: Path, by_name: dict[str, ScriptLine]) -> ScriptLine:
    """By the file's name; its folder may, but need not, be the language."""
    line = by_name.get(file.stem.lower())
    if line is None:
        hint = did_you_mean(file.stem, by_name) or "; names are those of `cti prompts list`"
        raise BadAudio("unknown-recording", f"no text of the flows has the name '{file.stem[:60]}'{hint}")
    languages = {other.language for other in by_name.values()}
    if file.parent.name in languages and file.parent.name != line.language:
        raise BadAudio("wrong-language", f"it lies in {file.parent.name}, and is the name of a text in {line.language}")
    return line


def _read(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise BadAudio("unreadable-file", "not a regular file")
        with file.open("rb") as source:
            data = source.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadAudio("unreadable-file", f"cannot read this file: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadAudio("bad-audio", f"more than {MAX_BYTES >> 20} MiB; a prompt is a few seconds long")
    return data


def _check_length(seconds: float, line: ScriptLine) -> None:
    rate = SECONDS_PER_CHARACTER.get(line.language.split("-")[0], OTHER_SECONDS_PER_CHARACTER)
    usual = rate * len(line.text)
    if seconds < max(_LEAST_S, _SHORTER * usual):
        raise BadAudio("bad-length", f"{seconds:.1f} s are too short for its text (about {usual:.1f} s): {line.text}")
    if seconds > _LONGER * usual + _SLACK_S:
        raise BadAudio("bad-length", f"{seconds:.1f} s are too long for its text (about {usual:.1f} s): {line.text}")


# ---- putting in place ------------------------------------------------------------------------------------------------


def put_in_place(recordings: Sequence[Recording], folder: Path) -> list[tuple[Recording, bool]]:
    """Write all under ``folder``; gives each with whether it replaced an older one.

    All are written beside their places first, then renamed; when a rename fails, those before it are taken back.
    Raises CtiError (unwritable-folder): everything is as before then.
    """
    drafts: list[tuple[Path, Path]] = []
    done: list[tuple[Path, Path | None]] = []  # the place, and where its former file is kept
    try:
        for recording in recordings:
            place = folder / "recorded" / recording.line.file
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.{os.getpid()}.new")
            drafts.append((draft, place))
            write_wav(str(draft), recording.audio.samples)
        for draft, place in drafts:
            kept = place.with_name(f".{place.name}.{os.getpid()}.old") if place.exists() else None
            if kept is not None:
                os.link(place, kept)
            done.append((place, kept))
            draft.replace(place)
    except OSError as error:
        for place, kept in reversed(done):
            with contextlib.suppress(OSError):
                kept.replace(place) if kept is not None else place.unlink(missing_ok=True)
        raise CtiError(
            f"the recordings cannot be written: {error.strerror}; nothing was changed",
            code="unwritable-folder",
            remedy="make room, or let this user write there",
            place=Place(str(error.filename or folder)),
        ) from error
    finally:
        for leftover in (*(draft for draft, _ in drafts), *(kept for _, kept in done if kept is not None)):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)
    return [(recording, kept is not None) for recording, (_, kept) in zip(recordings, done, strict=True)]
