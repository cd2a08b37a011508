"""The interface server's own key ring: ``security.keys`` of its file, read where the file is put to use."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from cti.app.parts import load_boss
from cti.core.errors import ConfigError
from cti.core.issue import Place
from cti.store.keyring import load_ring, parse_ring
from cti.store.sealing import UNKNOWN_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from cti.boss.keys import KeysPlan
    from cti.config import Settings
    from cti.store.accounts import AccountStore
    from cti.store.keyring import KeyRing
    from cti.store.sealing import Sealer


def own_sealer(keys: KeysPlan | None, folder: Path) -> Sealer | None:
    """None: the platform's ring seals. ``folder``: from which a relative path counts. Raises ConfigError: no ring, one
    that cannot be used, `unknown-key`: ``active`` is not in it."""
    if keys is None:
        return None
    ring = _ring(keys, folder)
    active = keys.section.active
    if active is None:
        return ring.sealer()
    if active not in ring.keys:
        raise ConfigError(
            f"the key ring has no key '{active}': it has {', '.join(sorted(ring.keys))}",
            place=keys.active_at,
            code=UNKNOWN_KEY,
            remedy="name one of these, or add it: `cti keys rotate --file FILE`",
        )
    return replace(ring, active=active).sealer()


def use_own_keys(settings: Settings, store: AccountStore) -> None:
    """Beside a running engine, for what it has sealed. Raises as `own_sealer`, and for the file itself."""
    plan, folder = load_boss(settings)
    store.office_sealer.use(own_sealer(plan.keys, folder))


def _ring(keys: KeysPlan, folder: Path) -> KeyRing:
    section = keys.section
    if section.provider == "environment":
        assert section.variable is not None
        text = os.environ.get(section.variable, "")
        if not text:
            raise ConfigError(f"the variable {section.variable} is not set", place=keys.place, code="missing-secret")
        return parse_ring(text, Place(f"${section.variable}"))
    assert section.path is not None
    ring = load_ring(folder / section.path)
    if ring is None:
        message = f"there is no key ring {folder / section.path}"
        raise ConfigError(message, place=keys.place, code="missing-secret", remedy="`cti keys new FILE` makes one")
    return ring
