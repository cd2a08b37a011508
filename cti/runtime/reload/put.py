"""Putting files into the folder of the flows by hand of the API: rehearsed in a copy, written as one set."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError
from cti.core.issue import Issue, Severity
from cti.files import read_file
from cti.runtime.library import FlowsRefused
from cti.runtime.reload.files import errors_of
from cti.runtime.reload.job import Held

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from cti.runtime.reload.canaries import Attempt
    from cti.runtime.reload.job import Checked

#: Names of files that may be put there: flows, the entry table, notices, calendars.
FILE = re.compile(r"(calendars/)?[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.yaml")


def read_live(folder: Path, file: str) -> str | None:
    """The text of a file of the folder; None: there is none. Raises ConfigError: it is there and cannot be read."""
    path = folder / file
    if not path.exists():
        return None
    return read_file(path).decode("utf-8", "replace")


@contextmanager
def copy_of(folder: Path, texts: Mapping[str, str | None]) -> Iterator[Path]:
    """A folder with the YAML files of ``folder``, and ``texts`` over them (None: without it); away at the end."""
    copy = Path(tempfile.mkdtemp(prefix="cti-flows-"))
    try:
        (copy / "calendars").mkdir()
        for path in (*folder.glob("*.yaml"), *(folder / "calendars").glob("*.yaml")):
            file = path.relative_to(folder)
            if str(file) not in texts and path.is_file() and not path.name.startswith("."):
                shutil.copyfile(path, copy / file)
        for name, text in texts.items():
            if text is not None:
                (copy / name).write_text(text, encoding="utf-8", newline="")
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def below(checked: Checked, folder: Path) -> Checked:
    """With the names of files below ``folder`` in the findings."""
    held = {name: Held(one.version, tuple(_below(one.issues, folder))) for name, one in checked.held.items()}
    return replace(checked, issues=list(_below(checked.issues, folder)), held=held)


def _below(issues: Iterable[Issue], folder: Path) -> Iterator[Issue]:
    before = f"{folder}{os.sep}"
    for issue in issues:
        place = replace(issue.place, file=issue.place.file.removeprefix(before))
        yield replace(issue, place=place, message=issue.message.replace(before, ""))


def by_authors(checked: Checked, authors: Mapping[str, str]) -> Checked:
    """Versions are theirs where one of their files has changed the closure."""
    if not authors:
        return checked
    found = {name: authors[name] for name in checked.authors if name in authors}
    for flow, files in checked.files.items():
        if author := _first(authors, files):
            found[flow] = author
    return replace(checked, authors={**checked.authors, **found})


def _first(authors: Mapping[str, str], files: Iterable[str]) -> str:
    return next((authors[file] for file in files if file in authors), "")


def concerned(checked: Checked, texts: Iterable[str]) -> set[str]:
    """Flows and files that are made of ``texts``, as `Checked.held` names them."""
    files = set(texts)
    found = {flow for flow, closure in checked.files.items() if files & closure.keys()}
    return found | files | {file.removesuffix(".yaml") for file in files if "/" not in file}


def refuse(checked: Checked, texts: Collection[str], held: Mapping[str, Held]) -> None:
    """Raises FlowsRefused where one of ``texts``, or something that goes well now, would be held back."""
    bad = [name for name in checked.held if name in concerned(checked, texts) or name not in held]
    errors = [issue for name in bad for issue in checked.held[name].issues]
    errors += [issue for issue in errors_of(checked.issues) if issue.place.file in texts]
    if errors or bad:
        findings = [*errors, *(issue for issue in checked.issues if issue.severity is Severity.WARNING)]
        raise FlowsRefused(list(dict.fromkeys(errors)), list(dict.fromkeys(findings)))


def refuse_now(attempt: Attempt, held: Mapping[str, Held], checked: Checked, texts: Collection[str]) -> None:
    """The files are written, and what they make was good: something else has changed meanwhile. Raises FlowsRefused."""
    bad = [name for name in held if name in concerned(checked, texts)]
    if bad:
        raise FlowsRefused([issue for name in bad for issue in held[name].issues] or list(attempt.issues))


def write_files(folder: Path, texts: Mapping[str, str | None]) -> None:
    """Each is written beside, then renamed; a process that dies between two leaves a set that is judged as any other:
    what does not fit is held back. None: the file is taken away. Raises ConfigError (unwritable-folder)."""
    try:
        for file, text in texts.items():
            path = folder / file
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(exist_ok=True)
            beside = path.with_name(f".{path.name}.put")
            with open(beside, "w", encoding="utf-8", newline="") as draft:
                draft.write(text)
                draft.flush()
                os.fsync(draft.fileno())
            os.replace(beside, path)
    except OSError as error:
        raise ConfigError(
            f"the folder of the flows cannot be written: {error.strerror}",
            code="unwritable-folder",
            remedy="let the engine's user write into the folder `flows:`",
        ) from error
