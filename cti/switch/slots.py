"""Asks a switch, before an engine begins, whether somebody else lives in its worker slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti import esl
from cti.core.errors import CtiError
from cti.switch.holding import LIVING, named
from cti.switch.links.link import Link

if TYPE_CHECKING:
    from cti.switch.holding import Holder
    from cti.switch.links.settings import LinkSettings


def held_by_another(settings: LinkSettings, holder: Holder) -> str | None:
    """The name of another engine that lives in ``settings.worker`` there; None: nobody does, or the switch cannot be
    asked (then it is asked when the links come up, see `cti.switch.holding.Claim`)."""
    link = Link(settings.host, settings.port, settings.password, settings.connect_timeout_s, name="slot")
    try:
        link.connect()
        found, alive = (_variable(link, f"cti_{what}_{settings.worker}", settings) for what in ("holder", "alive"))
    except CtiError:
        return None
    finally:
        link.stop()
    own = found in ("", holder.name) or found in holder.before
    return None if own or alive not in LIVING else found[:120]


def _variable(link: Link, name: str, settings: LinkSettings) -> str:
    return named(link.request(esl.api("global_getvar", name), settings.reply_timeout_s).reply)
