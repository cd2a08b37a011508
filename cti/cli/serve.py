"""`cti serve`: the engine and its API against the switches of a configuration."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cti.cli.common import add_config, settings_of, start_log
from cti.runtime.collector import paused_collector
from cti.runtime.malloc import share_arenas

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from cti.app import Application
    from cti.app.roles import RoleProcess
    from cti.config import Settings
    from cti.switch.holding import Holder

log = logging.getLogger("cti.app")

#: How long an engine that begins waits for its slot: whoever held it may just have died. And between two looks.
FREE_S, LOOK_S = 7.0, 0.25


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("serve", help="run the engine and its API", description=__doc__)
    add_config(noun)
    noun.add_argument("--verbose", action="store_true")
    noun.add_argument(
        "--standby", action="store_true", help="wait while another engine has this worker slot, then take it over"
    )
    noun.add_argument(
        "--take-over",
        action="store_true",
        help="have the running engine of this worker slot hand its calls over to this one, and go on with them",
    )
    noun.add_argument(
        "--roles",
        metavar="ROLE[,ROLE…]",
        help="what this process does of all that a platform does: flow, acd, api (default: as `roles:` says)",
    )
    noun.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> int:
    """Exit status 75 when another engine has taken the slot meanwhile. Raises ConfigError (engine-running,
    slot-held)."""
    share_arenas()
    with paused_collector() as loading:
        loading.begin()
        from cti.app import Application
        from cti.app.engine_lock import engine_lock, tell_to_hand_over

        settings = settings_of(options)
        roles = roles_of(options.roles, settings)
        if roles:
            from cti.app.roles import RoleProcess, require_cluster

            require_cluster(settings, roles)
        loading.keep()
    start_log(options.verbose, settings)
    if roles and "flow" not in roles:
        return _run(lambda: RoleProcess(settings, roles))
    running: list[Application | RoleProcess] = []

    def lost(by: str) -> None:
        for application in running:
            application.step_down(by)

    slot, standby = settings.worker.slot, options.standby or options.take_over
    if options.take_over and not tell_to_hand_over(settings.data, slot):
        log.warning("no engine runs in worker slot %d that could hand over", slot)
    with engine_lock(settings.data, settings.node, slot, wait=standby, lost=lost) as holder:
        _wait_for_slot(settings, holder, standby=standby)
        if roles:
            return _run(lambda: RoleProcess(settings, roles, holder=holder), running)
        return _run(lambda: Application(settings, holder=holder), running)


def _run(make: Callable[[], Application | RoleProcess], running: list[Application | RoleProcess] | None = None) -> int:
    with paused_collector() as starting:
        starting.begin()
        process = make()
        if running is not None:
            running.append(process)
        process.heed_signals()
        process.start()
        starting.keep()
    return process.run_until_signal()


def roles_of(told: str | None, settings: Settings) -> tuple[str, ...]:
    """Of the command line, else of the settings; none: everything in one process. Raises ConfigError (bad-roles)."""
    from cti.core.errors import ConfigError
    from cti.flow.suggest import did_you_mean
    from cti.ports.cluster import ROLES

    if told is None:
        return tuple(dict.fromkeys(settings.roles))
    roles = tuple(one.strip() for one in told.split(","))
    for role in roles:
        if role not in ROLES:
            raise ConfigError(
                f"there is no role '{role}'{did_you_mean(role, ROLES)}",
                code="bad-roles",
                remedy=f"one or more of {', '.join(ROLES)}, with commas between",
            )
    return tuple(dict.fromkeys(roles))


def _wait_for_slot(settings: Settings, holder: Holder, *, standby: bool) -> None:
    """Until nobody lives in this slot on any switch that can be asked. Before anything is opened: what is left open in
    the database is closed by whoever begins."""
    import gevent

    from cti.app.slots import who_holds
    from cti.core.errors import ConfigError

    left, told = FREE_S, False
    while (found := who_holds(settings, holder)) is not None:
        switch, other = found
        if not told:
            log.warning("worker slot %d of switch %s is held by %s: waiting", settings.worker.slot, switch, other)
            told = True
        if not standby and left <= 0:
            raise ConfigError(
                f"worker slot {settings.worker.slot} of switch {switch} is held by {other}, which lives",
                code="slot-held",
                remedy="give this engine another `worker.slot`, or start it with --standby",
            )
        gevent.sleep(LOOK_S)
        left -= LOOK_S
