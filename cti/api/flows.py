"""``/v1/flows``: which version of each flow callers meet, what the last reload found, and the history."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cti.api.paging import PAGED, iso, known_only, limit_of, page_of
from cti.api.problems import Problem

if TYPE_CHECKING:
    import falcon

    from cti.core.versions import Activation, VersionFigures
    from cti.ports import FlowHistory
    from cti.runtime.library import FlowLibrary
    from cti.runtime.reload.canaries import Attempt
    from cti.runtime.reload.job import Held
    from cti.runtime.reload.reloader import Reloader


class Flows:
    """What the resources ask. Raises StoreUnavailable where the history is asked."""

    def __init__(self, library: FlowLibrary, reloader: Reloader, history: FlowHistory) -> None:
        self.library, self.reloader, self.history = library, reloader, history

    def held_back(self) -> list[dict[str, Any]]:
        """Flows, and files beside them, that are not what their files say."""
        held = self.reloader.standing.held
        return [{"name": name, **held_json(held[name])} for name in sorted(held)]

    def pending(self) -> list[str]:
        """Saved while the engine was down, and not judged yet."""
        return sorted(self.reloader.standing.pending)

    def all(self) -> list[dict[str, Any]]:
        return [self._one(name) for name in sorted(self.library.plans)]

    def last_attempt(self) -> dict[str, Any] | None:
        last = self.reloader.standing.last
        return None if last is None else _attempt(last)

    def detail(self, name: str, limit: int) -> dict[str, Any] | None:
        """None: no such flow, neither now nor in the history."""
        lines = self.history.history(name, limit)
        if name not in self.library.plans:
            held = self.reloader.standing.held.get(name)
            if not lines and held is None:
                return None
            none = {"flow": name, "version": None, "held_back": None if held is None else held_json(held)}
            return {**none, "history": [history_json(one) for one in lines]}
        shown = self._one(name)
        canary = shown["canary"]
        if canary is not None:
            since = self.reloader.canaries()[name].since
            canary["figures"] = figures_json(self.history.figures(name, canary["version"], since))
            canary["figures_of_active"] = figures_json(self.history.figures(name, shown["version"], since))
        return {**shown, "history": [history_json(one) for one in lines]}

    def _one(self, name: str) -> dict[str, Any]:
        plan = self.library.plans[name]
        disk = self.reloader.standing.disk.get(name)
        canary = self.reloader.canaries().get(name)
        held = self.reloader.standing.held.get(name)
        last = self.reloader.standing.last
        issues = last.issues if last is not None else ()
        file = plan.flows[plan.root].file
        return {
            "flow": name,
            "title": plan.flows[plan.root].title,
            "version": plan.version,
            "file_version": disk,
            "canary": None
            if canary is None
            else {"version": canary.version, "percent": canary.percent, "since": iso(canary.since)},
            "held_back": None if held is None else held_json(held),
            "findings": [issue.as_dict() for issue in issues if issue.place.file == file],
        }


class FlowList:
    """``GET /v1/flows``"""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, PAGED)
        found, following = page_of(req, self._flows.all(), lambda one: str(one["flow"]))
        resp.media = {
            "items": found,
            "next": following,
            "held_back": self._flows.held_back(),
            "pending": self._flows.pending(),
            "last_attempt": self._flows.last_attempt(),
        }

    on_head = on_get


class Flow:
    """``GET /v1/flows/{flow}?limit=``: with its history, and a running canary's figures beside the active version's."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows

    def on_get(self, req: falcon.Request, resp: falcon.Response, flow: str) -> None:
        known_only(req, ("limit",))
        found = self._flows.detail(flow, limit_of(req))
        if found is None:
            raise Problem("not-found", f"no flow {flow!r}")
        resp.media = found

    on_head = on_get


def history_json(one: Activation) -> dict[str, Any]:
    return {
        "version": one.version,
        "at": iso(one.at),
        "author": one.author,
        "origin": one.origin.value,
        "file_version": one.file_version,
        "note": one.note,
    }


def figures_json(figures: VersionFigures) -> dict[str, Any]:
    rates = {name: round(getattr(figures, name), 4) for name in ("error_rate", "containment", "abandonment")}
    return {**asdict(figures), **rates}


def held_json(held: Held) -> dict[str, Any]:
    """``version``: the one that goes on; None: there is none."""
    return {"version": held.version or None, "findings": [issue.as_dict() for issue in held.issues]}


def _attempt(last: Attempt) -> dict[str, Any]:
    return {
        "at": iso(last.at),
        "took_s": round(last.took_s, 3),
        "taken": last.taken,
        "tests_run": last.tests_run,
        "prompts_rendered": last.rendered,
        "findings": [issue.as_dict() for issue in last.issues],
    }
