"""Section `security.keys`: with which key ring the interface server seals what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cti.core.issue import Place
from cti.validating import Section

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"


class KeysSection(Section):
    """A key ring of the interface server's own, as `cti keys new` writes one."""

    provider: Literal["file", "environment"] = "file"
    path: Path | None = Field(None, description="file: readable by the engine's user alone; from this file on")
    variable: Annotated[str, Field(pattern=VARIABLE)] | None = Field(
        None, description="environment: the variable that holds what the file would"
    )
    active: str | None = Field(None, max_length=32, description="id of the key that seals; default: as the ring says")

    @model_validator(mode="after")
    def _one_place(self) -> KeysSection:
        named = {"file": self.path, "environment": self.variable}
        if named[self.provider] is None or sum(one is not None for one in named.values()) != 1:
            raise ValueError("provider file has 'path', provider environment 'variable', and not the other")
        return self


@dataclass(frozen=True, slots=True)
class KeysPlan:
    """``place``: of the section; ``active_at``: of its ``active``."""

    section: KeysSection
    place: Place
    active_at: Place
