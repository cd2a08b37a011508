"""The interface server's configuration, read and proved: what `cti.boss.configuration` makes and the server runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti.boss.feeds.options import FeedPlan
from cti.boss.guard.breaker import BreakerSettings
from cti.boss.guard.bulkhead import ConcurrencySettings
from cti.boss.keys import KeysPlan
from cti.boss.mapping import Mapped
from cti.boss.orders.options import OrderPlan
from cti.boss.policies import PolicySettings
from cti.boss.redis_options import RedisSection
from cti.boss.routing import Route, Subscribers
from cti.boss.segments import SegmentsSection
from cti.boss.way import TargetOptions, WayKind
from cti.core.issue import Place
from cti.core.targets import ANYWHERE, TargetRules
from cti.flow.catalog import Catalog, LookupSignature
from cti.validating import Section


@dataclass(frozen=True, slots=True)
class FieldClass:
    """How values of a class of personal data are shown: ``head`` and ``tail`` characters stay; ``whole``: none does.
    ``cached``: may it be kept?"""

    name: str
    head: int = 0
    tail: int = 0
    whole: bool = False
    cached: bool = True


@dataclass(frozen=True, slots=True)
class BackendPlan:
    """``options``: of its way. ``rate``: (per second, burst), None: no limit. ``targets``: where it may connect to."""

    name: str
    kind: WayKind
    options: Section
    place: Place
    concurrency: ConcurrencySettings = field(default_factory=ConcurrencySettings)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    rate: tuple[float, float] | None = None
    targets: TargetRules = ANYWHERE


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One way to ask one thing. ``service``: what has a breaker of its own at the back end."""

    backend: str
    service: str
    options: TargetOptions
    mapped: Mapped


@dataclass(frozen=True, slots=True)
class QuestionPlan:
    """A look-up or, with ``write``, a request. ``subscriber``: the input that routes; ``classes``: of inputs and
    outputs that hold personal data. ``version``: of the signature, where answers are kept that may outlive it."""

    name: str
    signature: LookupSignature
    routes: tuple[Route[TargetPlan], ...]
    policy: PolicySettings
    deadline_s: float
    place: Place
    write: bool = False
    subscriber: str | None = None
    classes: Mapping[str, FieldClass] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class OfficePlan:
    backends: Mapping[str, BackendPlan]
    lookups: Mapping[str, QuestionPlan]
    requests: Mapping[str, QuestionPlan]
    subscribers: Subscribers = field(default_factory=Subscribers)
    attributes_lookup: str | None = None
    segments: SegmentsSection | None = None
    feeds: Mapping[str, FeedPlan] = field(default_factory=dict)
    orders: Mapping[str, OrderPlan] = field(default_factory=dict)
    targets: TargetRules = ANYWHERE
    keys: KeysPlan | None = None
    redis: RedisSection | None = None

    def catalog(self) -> Catalog:
        """What the flow checker needs to know."""
        return Catalog(
            lookups={name: plan.signature for name, plan in self.lookups.items()},
            requests={name: plan.signature for name, plan in self.requests.items()},
        )
