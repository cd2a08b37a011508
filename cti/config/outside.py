"""What the engine exchanges with others: back offices, webhooks, saved flows."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from cti.core.webhook_urls import PLACE
from cti.validating import Section

Hours = Annotated[float, Field(ge=1, le=720)]


class WebhookSettings(Section):
    """Where webhooks may send events to: nowhere, unless it is said here. Always by https."""

    allowed: tuple[Annotated[str, Field(pattern=PLACE)], ...] = Field(
        (),
        description="hosts: `crm.example`, `*.crm.example` (any below it), `crm.example:8443` (else the port is 443)",
    )
    networks: tuple[str, ...] = Field(
        (), description="private addresses that these hosts may have (`10.20.0.0/16`); else only public ones"
    )
    loopback: bool = Field(False, description="programs on this machine may be named too, without TLS and on any port")
    ca_file: Path | None = Field(None, description="PEM file of authorities trusted in the place of the system's")
    timeout_s: Annotated[float, Field(ge=1, le=14)] = Field(10.0, description="how long one attempt may take")
    give_up_h: Hours = Field(24.0, description="hours after which an event that could not be delivered is dead")
    disable_h: Hours = Field(72.0, description="hours without a success after which a webhook is disabled")
    keep_days: Annotated[int, Field(ge=1, le=90)] = Field(7, description="days that deliveries stay after their end")

    @field_validator("networks")
    @classmethod
    def _cidr(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise ValueError(f"{network!r} is no network; write 10.20.0.0/16") from error
        return networks


class OrderSettings(Section):
    """Orders of other systems (docs/orders.md); where they come from stands in `boss`."""

    keep_days: Annotated[int, Field(ge=0, le=36500)] = Field(
        90, description="days that an order and its answer stay after it; 0: for ever. Its key is a new one then"
    )


class ReloadSettings(Section):
    watch: bool = Field(True, description="saved flows are checked, tested and taken without a restart")
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = Field(120.0, description="how long that may take")


class BossSettings(Section):
    """The interface server, which answers look-ups and requests (docs/interface-server.md)."""

    file: Path | None = Field(None, description="its file; default: the demo's fifty subscribers")


class LogSettings(Section):
    """What the engine logs, to standard error. Numbers are masked in either form (docs/operations.md)."""

    format: Literal["text", "json"] = Field("text", description="json: one object a line, for collectors of logs")
    level: Literal["debug", "info", "warning", "error"] = "info"
