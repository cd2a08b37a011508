"""A run's recording of the call: whether it runs, and why it is masked.

``run.recording`` is "", ``on`` or ``paused``; ``run.masks`` holds a letter for each reason why it is silent: the author
asked for it, or a sensitive value is being asked. It is silent as long as there is a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.core import commands as c
from cti.flow.model import Flow, Node

if TYPE_CHECKING:
    from cti.flow.walker import Walker

BY_AUTHOR, BY_QUESTION = "a", "q"


def asks_sensitive(flow: Flow, node: Node) -> bool:
    """Does the node ask the caller for a value that nobody may hear later?"""
    save = node.get("save") if node.type == "collect" else None
    variable = flow.variables.get(save.name) if save is not None else None
    return variable is not None and variable.type.sensitive


def node_entered(run: Walker) -> None:
    if asks_sensitive(run.plan.flows[run.frames[-1].flow], run.node):
        mask(run, BY_QUESTION)


def node_left(run: Walker) -> None:
    unmask(run, BY_QUESTION)


def start(run: Walker) -> None:
    if not run.recording:
        run.recording = "on"
        run.sprint.append(c.StartRecording())
    elif run.recording == "paused":
        pause(run, False)


def pause(run: Walker, on: bool) -> None:
    if run.recording == ("on" if on else "paused"):
        run.recording = "paused" if on else "on"
        run.sprint.append(c.PauseRecording(on))


def stop(run: Walker) -> None:
    if run.recording:
        run.recording = run.masks = ""
        run.sprint.append(c.StopRecording())


def mask(run: Walker, reason: str) -> None:
    if not run.recording or reason in run.masks:
        return
    run.masks += reason
    if run.masks == reason:
        run.sprint.append(c.MaskRecording(True))


def unmask(run: Walker, reason: str) -> None:
    if reason not in run.masks:
        return
    run.masks = run.masks.replace(reason, "")
    if not run.masks and not run.hung_up:
        run.sprint.append(c.MaskRecording(False))
