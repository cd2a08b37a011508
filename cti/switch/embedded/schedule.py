"""The switch's own scheduler (sched_api and its relatives): tasks by id and by group, due on whole seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cti.switch.embedded.clock import Scheduler, Timer

FIRST_ID = 4  # a real switch has three tasks of its own before anybody adds one


@dataclass(slots=True)
class Scheduled:
    id: int
    group: str
    due: float
    description: str
    timer: Timer


class TaskList:
    """Tasks by id. ``sched_del`` with a word that is no number deletes a whole group."""

    def __init__(self, clock: Scheduler) -> None:
        self._clock = clock
        self._next = FIRST_ID
        self.tasks: dict[int, Scheduled] = {}

    def when(self, text: str) -> float:
        """``+n`` or ``@n`` seconds from now, else a Unix time; rubbish counts as 0, which is due at once."""
        relative = text[:1] in {"+", "@"}
        digits = text[1:] if relative else text
        value = int(digits) if digits.isdigit() and len(digits) < 12 else 0
        return math.floor(self._clock.now()) + value if relative else float(value)

    def add(self, due: float, group: str, action: Callable[[], object], description: str, *, repeat_s: int = 0) -> int:
        task_id = self._next
        self._next += 1

        def run() -> None:
            if repeat_s > 0:
                again = math.floor(self._clock.now()) + repeat_s
                self.tasks[task_id].due = again
                self.tasks[task_id].timer = self._clock.call_at(again, run)
            else:
                self.tasks.pop(task_id, None)
            action()

        self.tasks[task_id] = Scheduled(task_id, group, due, description, self._clock.call_at(due, run))
        return task_id

    def delete_id(self, task_id: int) -> int:
        task = self.tasks.pop(task_id, None)
        if task is None:
            return 0
        task.timer.cancel()
        return 1

    def delete_group(self, group: str) -> int:
        return sum(self.delete_id(task.id) for task in list(self.tasks.values()) if task.group == group)
