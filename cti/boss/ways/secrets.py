"""A secret of a back end's options, whatever its way: of a file, of the environment, or as it stands there."""

from __future__ import annotations

from pathlib import Path

from cti.config import from_environment
from cti.files import read_secret


def secret_of(text: str | None, file: Path | None, folder: Path, what: str) -> str | None:
    """``file`` counts from ``folder`` and goes before ``text``, which may be ``${NAME}``; None: there is none. Raises
    ConfigError."""
    if file is not None:
        return read_secret(folder / file, what=what, remedy="give the engine's user the right to read it")
    return from_environment(text) if text is not None else None
