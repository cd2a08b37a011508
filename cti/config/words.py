"""Types that several sections share, and what each of their patterns asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Port = Annotated[int, Field(ge=0, le=65535)]
SKILL = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"  # as `cti.core.people` has it
NAME, DIGITS = r"^[A-Za-z][A-Za-z0-9_-]{0,31}$", r"^\+?[0-9]{1,20}$"
Name = Annotated[str, Field(pattern=NAME)]
Digits = Annotated[str, Field(pattern=DIGITS)]
Host = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$")]
Skill = Annotated[str, Field(pattern=SKILL)]
Level = Annotated[int, Field(ge=1, le=10)]
Seconds = Annotated[float, Field(ge=0, le=86400)]
