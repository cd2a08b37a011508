"""What a pair of links needs to know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from cti.core.errors import ConfigError
from cti.esl import Event

_WORKER = re.compile(r"[0-9A-Za-z_.-]{1,64}")

#: Channel variable and header of its events: the worker that has the channel. This variable is in every event about a
#: channel, also in those that carry no others, as of keys (switch_channel.c: switch_channel_event_set_basic_data).
WORKER, WORKER_HEADER = "presence_data", "Channel-Presence-Data"

#: Always asked for: the watchdog and job results need them.
NEEDED_EVENTS = ("HEARTBEAT", "BACKGROUND_JOB")


class LinkState(StrEnum):
    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"  # down; the next attempt is scheduled
    REFUSED = "refused"  # wrong password or not admitted; tried again slowly
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """``events``: names to subscribe to, but none of the applications ``unheard``. ``worker``: only events of channels
    whose ``presence_data`` is this (None: all channels). All times in seconds. Raises ConfigError for a password that
    everybody knows."""

    host: str
    port: int
    password: str
    events: tuple[str, ...]
    worker: str | None = None
    unheard: tuple[str, ...] = ()
    connect_timeout_s: float = 5.0
    reply_timeout_s: float = 10.0
    backoff_first_s: float = 0.25
    backoff_max_s: float = 1.5  # a switch that is back is used within 3 s, however long it was away
    refused_retry_s: float = 60.0
    quiet_s: float = 30.0  # HEARTBEAT comes every 20 s: after this long without a byte the link is probed
    probe_timeout_s: float = 5.0
    mailbox_limit: int = 30_000

    def __post_init__(self) -> None:
        if self.password == "ClueCon":
            raise ConfigError(
                "the event-socket password is the well-known ClueCon",
                code="default-password",
                remedy="generate one: `cti switch config` does",
            )
        if not self.password:
            raise ConfigError("the event-socket password is empty", code="default-password")
        if self.worker is not None and not _WORKER.fullmatch(self.worker):
            raise ConfigError(f"{self.worker!r} is no worker name", remedy="letters, digits, _ . -")


class LinkSink(Protocol):
    """Told by `SwitchLinks`. ``on_event`` is called in the order of the wire and must return at once."""

    def on_event(self, event: Event) -> None: ...

    def on_up(self, core_uuid: str, restarted: bool, channels: Sequence[Mapping[str, Any]]) -> None:
        """Subscribed, and ``channels`` (rows of ``show channels``) is what is there. Events that came meanwhile follow
        after it: some tell of what the rows already show. Called again after events were lost to a full queue."""

    def on_down(self, reason: str) -> None:
        """After the last event of the lost link."""
