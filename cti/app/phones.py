"""The last good directory of agents' phones, and trunks, for switches whose folder is on this machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.runtime.last_good import LastGood, Place
from cti.switch.conf.configuration import TrunkSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cti.config import Settings
    from cti.runtime.account_services import AccountServices
    from cti.switch.driver import FreeSwitch


def keep_phones(settings: Settings, accounts: AccountServices, switches: Mapping[str, FreeSwitch]) -> LastGood:
    """The first worker does it for all; nothing to do is done at no cost."""
    places = [
        Place(
            switch.name,
            switch.domain,
            switch.folder,
            partial(_reload, switches[switch.name]),
            None if switch.settings is None else TrunkSettings(switch.settings),
        )
        for switch in settings.switches
        if switch.folder is not None and settings.worker.slot == 0
    ]
    return LastGood(accounts.store.agents, places)


def _reload(switch: FreeSwitch) -> bool:
    try:
        for command in ("reloadxml", "reloadacl", "sofia profile trunks rescan"):  # all three leave calls alone
            switch.links.submit_api(*command.split(" "))
    except CtiError:  # its link is down; it is told when that is up again
        return False
    return True
