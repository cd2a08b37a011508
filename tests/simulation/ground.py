"""What a run stands on: flows of the tests and of the platform in one folder, settings, numbers that callers dial."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cti.app.parts as parts_module
import cti.boss.async_desk as async_desk
import cti.runtime.blocked as blocked
import cti.runtime.reload.reloader as reloading_module
import cti.runtime.reload.start as start_module
import cti.runtime.set_notices as set_notices
import cti.runtime.webhooks.desk as webhook_desk
from cti.boss import DEMO_DATABASE, DEMO_INTERFACES, ensure_demo_database
from cti.core.people import AgentProfile
from cti.runtime.library import NO_FLOWS
from cti.store.agents import Agents

ROOT = Path(__file__).resolve().parents[2]
SHIPPED, TESTED = ROOT / "ivr_flows", ROOT / "tests" / "runtime" / "flows"
#: Flows of the tests that are simulated beside the shipped ones: menus, digits, queues, a dialled number.
FLOWS = ("collect", "desk", "faxdesk", "helpdesk", "menu", "out", "queue", "twice")
#: Shipped flows that people call.
VOICE = ("complaint", "fixed_line", "hotline", "outage", "senior", "topup")
#: Those that faxes are sent to, and those that are written to.
FAXED, TEXTED = ("fax_form", "faxdesk"), ("helpdesk", "sms")
NUMBERS = {f"9{at:02}": name for at, name in enumerate(dict.fromkeys((*FLOWS, *VOICE, *FAXED, *TEXTED)))}
#: People take whatever comes, one of each at a time.
HANDS = {"call": 1, "sms": 1, "fax": 1}
#: Agents who sign in, and their phones; 1001 to 1003 are phones of a hunt group.
PEOPLE = {
    name: AgentProfile(name, f"u-{name}", name.title(), "north", capacity=HANDS, phone=extension)
    for name, extension in (("anna", "1004"), ("bert", "1005"), ("cleo", "1006"))
}
#: How often the database is looked at for what others have put there; here there is nobody else.
_LOOKS: tuple[tuple[Any, str, float], ...] = (
    (async_desk, "POLL_S", 10.0),
    (blocked, "LOOK_S", 20.0),
    (set_notices, "LOOK_S", 20.0),
    (webhook_desk, "LOOK_S", 20.0),
)
PHONES = tuple(str(number) for number in range(1001, 1007))
CONFIG = """\
data: data
flows: {flows}
boss: {file: interfaces.yaml}
switches:
  - {name: fs, host: 127.0.0.1, port: 8021, kind: embedded, password: simulated, domain: cti.local}
api: {port: 0}
reload: {watch: false}
worker: {guard_s: 30}
limits: {per_caller: 0, per_second: 0, overload: {cpu_pct: 0, late_ms: 0}}
dialing: {trunks: [carrier, spare], allowed: ["86"], platforms: {old: {trunk: oldpbx}}}
queues:
  service: {agents: [1001, 1002, 1003], ring_s: 5, rest_s: 1}
  desk: {ring_s: 4, wrapup_s: 3}
  second: {ring_s: 4, wrapup_s: 3}
"""


def make_folder(folder: Path) -> None:
    """The files of a deployment."""
    shutil.copytree(SHIPPED, folder / "flows")
    for name in FLOWS:
        shutil.copy(TESTED / f"{name}.yaml", folder / "flows")
    (folder / "interfaces.yaml").write_bytes(DEMO_INTERFACES.read_bytes())
    ensure_demo_database(folder / DEMO_DATABASE)
    (folder / "cti.yaml").write_text(CONFIG.replace("{flows}", str(folder / "flows")), encoding="utf-8")
    assert not set(NUMBERS.values()) & set(NO_FLOWS)


def load_once() -> None:
    """Flows of a folder that does not change are judged once."""
    _once(start_module, "judge", lambda job, *_: repr(job))


def take_the_place() -> None:
    """Of interfaces, which are read once too, and of accounts: agents are known without them."""
    _once(reloading_module, "look", lambda folder: str(folder))
    _once(parts_module, "load_office", lambda *_: "")
    for module, name, seconds in _LOOKS:
        vars(module)[name] = seconds
    Agents.find = lambda _self, agent: PEOPLE.get(agent)  # type: ignore[method-assign,assignment]


def _once(module: Any, name: str, told_apart: Callable[..., str]) -> None:
    real, found = getattr(module, name), dict[str, Any]()

    def again(*args: Any, **named: Any) -> Any:
        key = told_apart(*args, **named)
        if key not in found:
            found[key] = real(*args, **named)
        return found[key]

    vars(module)[name] = again
