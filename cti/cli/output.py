"""Writing a file that a command was asked for: whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError
from cti.core.issue import Place

if TYPE_CHECKING:
    from pathlib import Path


def write_output(path: Path, text: str) -> None:
    """Raises ConfigError (unwritable-file); what stood there before is then still there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"cannot write this file: {error.strerror}",
            code="unwritable-file",
            remedy="name a file in a folder that is there and may be written",
            place=Place(str(path)),
        ) from error
