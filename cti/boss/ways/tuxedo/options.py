"""Options of a back end that is an XATMI domain, and of a service in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cti.boss.codecs import BodyOptions
from cti.boss.way import TargetOptions
from cti.validating import Section

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class WorkersSection(Section):
    processes: int = Field(2, ge=1, le=64)
    threads: int = Field(8, ge=1, le=256, description="calls at once of each process; a client of the domain each")


class TuxedoBackend(Section):
    """The client library runs in worker processes: with a wrong environment it ends its process, and a crash in it must
    not end calls."""

    module: Literal["auto", "tuxedowsc", "tuxedo", "endurox"] = Field(
        "auto", description="the Python module of the client: the first of these that is installed"
    )
    environment: dict[Variable, str] = Field(
        default_factory=dict, description="of the workers alone: TUXCONFIG, WSNADDR, NDRX_…, FLDTBLDIR32; `${ENV}`"
    )
    environment_file: Path | None = Field(
        None, description="the same as lines NAME=VALUE, from the interfaces' file on"
    )
    user: str | None = Field(None, max_length=30, description="usrname of tpinit; not of Enduro/X")
    password: str | None = Field(None, description="passwd of tpinit; better: password_file, or ${ENV}")
    password_file: Path | None = None
    workers: WorkersSection = WorkersSection()
    hang_s: float = Field(
        30.0, ge=1, le=3600, description="a worker whose thread is so long past its deadline is ended, and begun anew"
    )
    probe: str | None = Field(
        None, max_length=127, description="a service that `cti backend check` calls, without data"
    )


class TuxedoTarget(TargetOptions):
    """``send`` names fields of the buffer, ``take`` and ``code`` paths in the answer's: `BALANCE[0]`. Beside them stand
    ``urcode`` (tpurcode) and ``svcfail`` (true: the service ended with TPFAIL)."""

    service: str = Field(min_length=1, max_length=127)
    buffer: Literal["fml", "string", "carray", "json"] = Field(
        "fml", description="fml: FML32, of Enduro/X UBF; json: a JSON buffer of Enduro/X, of Tuxedo a STRING"
    )
    body: BodyOptions | None = Field(None, description="of all but fml: how fields are written in it; of json: json")
    reply: BodyOptions | None = Field(None, description="the same of the answer; default: as `body`")
