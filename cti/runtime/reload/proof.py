"""What a plan must show before callers meet it: its tests pass, and its prompts can be rendered."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cti.core.commands import Say
from cti.core.errors import CtiError
from cti.core.issue import Issue, Place
from cti.flow import Plan, list_fixed_prompts
from cti.flow.flowtests import run_tests
from cti.prompts import Renderer, WavPrompts
from cti.runtime.reload.job import Job, PromptJob
from cti.runtime.tested import tests_key


class Proof:
    """Counts what was done; what passed is in ``tested``."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.tested: set[str] = set()
        self.tests_run = self.rendered = 0
        self._failed: dict[Say, CtiError | None] = {}  # None: it is there
        self._prompts: WavPrompts | None = None

    def close(self) -> None:
        if self._prompts is not None:
            self._prompts.close()

    def passed(self, plan: Plan) -> bool:
        """Did it pass its tests before, with these calendars?"""
        return tests_key(plan) in self._job.tested

    def test(self, plan: Plan) -> list[Issue]:
        """Why its tests do not pass; runs none that passed before."""
        key = tests_key(plan)
        if not self._job.test:
            return []
        if key not in self._job.tested and key not in self.tested:
            results = run_tests(plan)
            self.tests_run += len(results)
            failures = [failure for result in results for failure in result.failures]
            if failures:
                return failures
        self.tested.add(key)
        return []

    def render_plan(self, plan: Plan) -> list[Issue]:
        return self.render(list_fixed_prompts(plan), Place(plan.flows[plan.root].file))

    def render(self, says: Iterable[Say], place: Place) -> list[Issue]:
        """What of it cannot be rendered, at ``place``. Nothing is rendered twice."""
        if self._job.prompts is None:
            return []
        says = list(dict.fromkeys(says))
        fresh = [say for say in says if say not in self._failed]
        if fresh:
            self._failed.update(self._try(fresh, self._job.prompts))
        return [
            Issue(place, error.code, f"{say.language} {say.text[:40]!r}: {error.message}")
            for say in says
            if (error := self._failed[say]) is not None
        ]

    def _try(self, says: list[Say], how: PromptJob) -> dict[Say, CtiError | None]:
        try:
            if self._prompts is None:
                renderer = Renderer(speed=how.speed)
                self._prompts = WavPrompts(Path(how.folder), Path(how.cache), voices=how.voices, renderer=renderer)
            report = self._prompts.render_ahead(says)
        except CtiError as error:  # nothing can be rendered at all
            return dict.fromkeys(says, error)
        self.rendered += report.rendered
        return {**dict.fromkeys(says), **dict(report.failed)}
