"""Webhooks: who is told which events by HTTP, how a message is signed, how often it is tried. No I/O.

Messages are as Standard Webhooks 1.0.0 has them (https://www.standardwebhooks.com): the headers ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, the latter HMAC-SHA256 over ``<id>.<timestamp>.<body>``. What that
standard lacks is ``webhook-key-id``, the ids of the keys in the order of the signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cti.core.access import Scope

SECRET_PREFIX, SECRET_BYTES = "whsec_", 32
#: How many webhooks there may be: each holds connections of its own, so that none waits for another.
WEBHOOKS_MAX = 50
#: The wait after the first failed attempt; it doubles with each one, up to the second of these. In seconds.
WAIT_FIRST_S, WAIT_MOST_S = 5.0, 3600.0
#: After so many failures one after the other a receiver is taken to be down.
DOWN_AFTER = 3
#: The longest pause of a receiver that is down, so that it is seen soon when it is back. In seconds.
PAUSE_MOST_S = 60.0
EVERY = "*"


class DeliveryState(StrEnum):
    PENDING = "pending"  # to be sent, or sent again
    DELIVERED = "delivered"  # the receiver answered 2xx
    DEAD = "dead"  # given up; a person can have it sent again
    DROPPED = "dropped"  # no longer for the eyes of the webhook's user, so never sent


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """``secret``: ``whsec_<base64>``. ``until``: it signs until then, seconds since the epoch; None: for good."""

    key_id: str
    secret: str
    until: float | None = None

    def __repr__(self) -> str:  # secrets never reach a log
        return f"Key({self.key_id!r}, until={self.until!r})"


@dataclass(frozen=True, slots=True)
class Webhook:
    """``user_id``: with whose eyes it sees. ``events``: names, ``contact.*``, or ``*``. ``scopes``: of what, at most.
    ``keys``: the newest first. Times in seconds since the epoch; ``failing_since``: of the first failed attempt after
    the last success."""

    webhook_id: str
    title: str
    url: str
    user_id: str
    events: tuple[str, ...]
    scopes: tuple[Scope, ...]
    keys: tuple[Key, ...] = ()
    created_at: float = 0.0
    created_by: str = ""
    changed_at: float = 0.0
    changed_by: str = ""
    disabled_at: float | None = None
    disabled_why: str = ""  # by_user, failing, gone
    failing_since: float | None = None
    succeeded_at: float | None = None

    def wants(self, type_: str) -> bool:
        return any(_matches(wanted, type_) for wanted in self.events)


@dataclass(frozen=True, slots=True)
class EventKept:
    """A record for the store: an event that these webhooks are to get. ``text``: the event as JSON. ``lane``: events of
    one lane are sent one after the other, in the order of ``position``. The rest tells whom it belongs to."""

    event_id: str
    type: str
    at: float
    position: int
    lane: str
    text: str
    webhooks: tuple[str, ...]
    owner: str | None = None
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt. ``error``: a stable word, empty when the receiver took it. ``retry_after_s``: what it
    asked for."""

    status: int | None = None
    error: str = ""
    retry_after_s: float | None = None

    @property
    def taken(self) -> bool:
        return not self.error


@dataclass(frozen=True, slots=True)
class Patience:
    """``give_up_s``: after its event a delivery is dead. ``disable_s``: after the first failure a webhook is disabled
    that has had no success since."""

    give_up_s: float = 86_400.0
    disable_s: float = 259_200.0
    first_s: float = WAIT_FIRST_S

    def wait_s(self, attempts: int, chance: float) -> float:
        """After ``attempts`` failed ones; ``chance`` in [0, 1) makes it from half of the time to all of it."""
        longest = min(WAIT_MOST_S, self.first_s * 2.0 ** min(attempts - 1, 30))
        return longest * (0.5 + chance / 2)

    def next_at(self, since: float, attempts: int, now: float, chance: float, answer: Answer) -> float | None:
        """When it is tried again; None: never. ``since``: when it was first to be sent."""
        at = now + max(self.wait_s(attempts, chance), min(answer.retry_after_s or 0.0, WAIT_MOST_S))
        return at if at <= since + self.give_up_s else None

    def pause_s(self, failures: int, chance: float, retry_after_s: float | None) -> float:
        """How long a receiver is left alone after ``failures`` in a row; 0: it is not."""
        down = min(PAUSE_MOST_S, self.wait_s(failures - DOWN_AFTER + 1, chance)) if failures >= DOWN_AFTER else 0.0
        return max(down, min(retry_after_s or 0.0, WAIT_MOST_S))


@dataclass(frozen=True, slots=True)
class Message:
    """As it goes out."""

    event_id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def message(event_id: str, text: str, keys: Sequence[Key], now: float) -> Message:
    """Signed with every key that is good now."""
    body, at = text.encode(), int(now)
    good = [key for key in keys if key.until is None or key.until > now]
    return Message(
        event_id,
        body,
        {
            "Content-Type": "application/json",
            "User-Agent": "cti-webhooks/1",
            "webhook-id": event_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(f"v1,{signature(event_id, at, body, key.secret)}" for key in good),
            "webhook-key-id": " ".join(key.key_id for key in good),
        },
    )


def signature(event_id: str, at: int, body: bytes, secret: str) -> str:
    """Base64. The key is what stands behind ``whsec_``, decoded."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()


def secret_text(raw: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def next_key_id(keys: Sequence[Key]) -> str:
    """``k1``, ``k2``, …"""
    return f"k{1 + max((int(key.key_id[1:]) for key in keys), default=0)}"


def known_word(wanted: str, types: Sequence[str]) -> bool:
    """Whether ``wanted`` stands for at least one of the ``types``."""
    return any(_matches(wanted, type_) for type_ in types)


def _matches(wanted: str, type_: str) -> bool:
    return wanted in (EVERY, type_) or (wanted.endswith(".*") and type_.startswith(wanted[:-1]))
