"""500 clients who lose their connections at the same moment, and what each of them knows afterwards.

Three ways to lose them, while states change: the network is cut and the engine runs on; the engine is killed and
started again; the clients were away for so long that their `Last-Event-ID` is not known any more. What each stream has
brought is held against the supervisor's, which was not cut, and against the rows of the store.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from cti.core.moments import iso
from scripts.benchmarks._api_client import number_of
from scripts.benchmarks._api_site import Clients, Site

RATE, SECONDS = 50.0, 4.0
_ROWS = "SELECT agent, presence, reason, began_at, ended_at FROM presence_periods ORDER BY began_at, fact_id"
Change = tuple[str, str, str]  # state, reason, at


@dataclass
class Herd:
    """``seconds``: from the moment at which the server listens until the last client has its first event."""

    name: str
    seconds: float = 0.0
    away_s: float = 0.0
    events: int = 0
    wrong: list[str] = field(default_factory=list)

    def hold(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            self.wrong.append(f"{what}: {str(found)[:200]} is not {str(wanted)[:200]}")


def cut(site: Site, clients: Clients) -> Herd:
    """Resumed by `Last-Event-ID`: no event is missing, none comes twice, and there is no snapshot."""
    herd = Herd("network cut")
    clients.do("engine", "forget")
    began = time.time()
    states = clients.order("engine", "put_states", path="/v1/me/state", rate=RATE, seconds=SECONDS, turn=1)
    time.sleep(SECONDS / 2)
    herd.seconds = clients.do("engine", "cut", but=1, goes_on=True)["seconds"]
    clients.do("engine", "settle", last_id=_all_answered(herd, clients.result(states)))
    *own, supervisor = clients.do("engine", "seen")["streams"]
    rows = _changes_on_disk(site, began)
    for who, events in zip(site.people, own, strict=False):
        agent = who["agent"]
        ids = [event[0] for event in events if event[1] == "agent.state_changed"]
        theirs = [event[0] for event in supervisor if event[1] == "agent.state_changed" and event[3]["agent"] == agent]
        herd.hold(f"{agent}: ids, and the supervisor's", ids, theirs)
        herd.hold(f"{agent}: events, and the rows", _changes(events), rows.get(agent, []))
        herd.events += len(ids)
    return herd


def restart(site: Site, clients: Clients) -> Herd:
    """Killed while states change: what was answered 200 is on disk; everybody is told to begin anew, and sits on."""
    herd = Herd("engine killed and started")
    clients.do("engine", "forget")
    began = time.time()
    states = clients.order("engine", "put_states", path="/v1/me/state", rate=RATE, seconds=SECONDS, turn=0)
    time.sleep(SECONDS / 2)
    site.kill()
    killed, again = time.monotonic(), time.time()
    site.start()
    herd.seconds = clients.do("engine", "connect")["seconds"]
    herd.away_s = time.monotonic() - killed
    answers = clients.result(states)["answers"]
    before = clients.do("engine", "seen")["streams"]
    site.wait_up()
    clients.do("engine", "settle", last_id=_work_again(herd, clients))
    after = clients.do("engine", "seen")["streams"]
    rows, fresh = _changes_on_disk(site, began, again), _changes_on_disk(site, again)
    kept = _changes_on_disk(site, 0.0)  # on a busy machine the last of them are the new start's to answer
    for agent, status, told in answers:
        if status == 200 and not any([state, at] == told[:2] for state, _, at in kept.get(agent, [])):
            herd.wrong.append(f"{agent}: {told} was answered 200 and is not on disk")
    for who, events, later in zip(site.people[:-1], before, after, strict=False):
        agent, types = who["agent"], [event[1] for event in events]
        anew = types.index("resync") if "resync" in types else len(types)
        herd.hold(f"{agent}: is told to begin anew", types[anew : anew + 2], ["resync", "snapshot"])
        told, since = _changes(events[:anew]), _changes(events[anew:] + later)
        known = rows.get(agent, [])[: len(told)]
        herd.hold(f"{agent}: events before the end, and the rows", [one for one in told if one in known], known)
        # The engine may or may not have seated the agent again when the snapshot was made.
        shown = [(one["state"], one["reason"], one["since"]) for event in events[anew:] for one in _shown(event)]
        seated = [one for one in fresh.get(agent, []) if one in shown]
        herd.hold(
            f"{agent}: snapshot, events of the new start, and the rows",
            seated[-1:] + since,
            _from(seated, fresh.get(agent, [])),
        )
        herd.events += len(told) + len(since)
    return herd


def too_old(site: Site, clients: Clients, old_id: str) -> Herd:
    """With an id of the start before: resync, and a snapshot that is what stands in the store."""
    herd = Herd("id not known any more")
    clients.do("engine", "forget", last_id=old_id)
    herd.seconds = clients.do("engine", "cut")["seconds"]
    streams = clients.do("engine", "seen")["streams"]
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in site.rows(_ROWS):
        if row["ended_at"] is None:
            rows.setdefault(row["agent"], []).append(row)
    for who, events in zip(site.people[:-1], streams, strict=False):
        agent = who["agent"]
        herd.hold(f"{agent}: is told to begin anew", [event[1] for event in events], ["resync", "snapshot"])
        shown = [(one["agent"], one["state"], one["reason"], one["since"]) for one in events[-1][3]["agents"]]
        wanted = [(agent, row["presence"], row["reason"], iso(row["began_at"])) for row in rows.get(agent, [])]
        herd.hold(f"{agent}: snapshot, and its row", shown, wanted)
        herd.events += len(events)
    return herd


def _work_again(herd: Herd, clients: Clients) -> str:
    """A client's part after a new start, which has kept who sits there: be ready. The id of the newest event."""
    ready = clients.do("engine", "every", method="PUT", path="/v1/me/state", body={"state": "READY"})
    return _all_answered(herd, ready)


def _all_answered(herd: Herd, found: dict[str, Any]) -> str:
    """The id of the newest event."""
    answers = found["answers"]
    herd.wrong += [f"{agent}: answered {status} {told}" for agent, status, told in answers if status != 200]
    return max((told[2] for _, status, told in answers if status == 200), key=number_of, default="")


def _shown(event: list[Any]) -> list[dict[str, Any]]:
    """The agents of a snapshot; of another event none."""
    agents: list[dict[str, Any]] = event[3]["agents"] if event[1] == "snapshot" else []
    return agents


def _from(seated: list[Change], changes: list[Change]) -> list[Change]:
    """What a client can know of these changes whose snapshot shows the last of ``seated``."""
    return changes[changes.index(seated[-1]) :] if seated else changes


def _changes(events: list[list[Any]]) -> list[Change]:
    return [(data["state"], data["reason"], at) for _, type_, at, data in events if type_ == "agent.state_changed"]


def _changes_on_disk(site: Site, since: float, until: float = float("inf")) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for row in site.rows(_ROWS):
        if since <= row["began_at"] < until:
            found.setdefault(row["agent"], []).append((row["presence"], row["reason"], iso(row["began_at"])))
    return found
