"""Orders of other systems: from their sources to the desk, and who looks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.boss.orders.runner import OrderRunner
from cti.runtime.orders import OrderDesk
from cti.switch.dialing import Dialing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cti.boss import OfficePlan
    from cti.config import DialingSettings
    from cti.ports import Clock
    from cti.runtime.account_services import AccountServices
    from cti.runtime.floor.callbacks import CallbackDesk
    from cti.runtime.job_owner import JobOwner
    from cti.runtime.services import Messages
    from cti.runtime.set_notices import SetNotices


def make_orders(
    plan: OfficePlan,
    accounts: AccountServices,
    callbacks: CallbackDesk,
    notices: SetNotices,
    messages: Callable[[], Messages],
    blocked: Callable[[str], bool],
    dialing: DialingSettings,
    clock: Clock,
    folder: Path,
    owner: JobOwner,
) -> OrderRunner:
    """``folder``: from which relative paths count. ``owner``: who looks into files and tables."""
    store = accounts.store
    # Who may be called may be written to; by which trunk does not matter here.
    rules = Dialing("orders.local", ("any",), dialing.allowed, denied=dialing.denied)
    desk = OrderDesk(
        store.orders, callbacks, notices, messages, clock, accounts.accounts.deed, blocked,
        lambda number: rules.routes("number", number, 1.0),
    )  # fmt: skip
    runner = OrderRunner(plan.orders, desk, store.request_files, clock.now, folder.absolute())
    runner.owned = lambda: owner.held
    return runner
