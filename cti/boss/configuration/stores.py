"""What is kept, and sealed with which keys: ``redis:`` and ``security.keys`` of the interface server's file."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping

from cti.boss.configuration.places import place_of
from cti.boss.configuration.sections import SecuritySection
from cti.boss.keys import KeysPlan
from cti.boss.policies import PolicySettings
from cti.boss.redis_options import RedisSection, prove_redis
from cti.boss.way import Finding
from cti.core.issue import Place
from cti.flow.yamlio import Mapping


def prove_stores(
    root: Mapping, section: RedisSection | None, policies: AnyMapping[str, PolicySettings]
) -> Iterator[tuple[Place, Finding]]:
    """``section``: None: there is none, or it was refused."""
    for finding in prove_redis(section) if section is not None else ():
        yield place_of(root, ("redis", *finding.path)), finding
    for name, policy in policies.items() if root.get("redis") is None else ():
        if policy.cache is not None and policy.cache.store == "redis":
            path = ("policies", name, "cache", "store")
            yield place_of(root, path), Finding(path, "missing-option", "say at `redis:` of this file where that is")


def read_keys(root: Mapping, security: SecuritySection) -> KeysPlan | None:
    if security.keys is None:
        return None
    where = ("security", "keys")
    return KeysPlan(security.keys, place_of(root, where), place_of(root, (*where, "active")))
