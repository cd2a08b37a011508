"""Background jobs: the result of a ``bgapi`` comes as an event, matched by the id that we chose before sending."""

from __future__ import annotations

import gevent

from cti.core.errors import CommandRefused, CtiError, DeadlineExceeded
from cti.esl import Event, Frame
from cti.switch.links.pending import Pending


def refusal(answer: str, command: str) -> CommandRefused | None:
    """The error that an answer stands for, if it does. ``-ERR no reply`` is how an empty result is written."""
    text = answer.strip()
    if text.startswith("-ERR no reply") or not text.startswith(("-ERR", "-USAGE")):
        return None
    return CommandRefused(f"{command}: {text[:200]}")


class Jobs:
    """Jobs under way. Each ends once: with its output, an -ERR, its deadline, or the loss of a link."""

    def __init__(self) -> None:
        self._waiting: dict[str, Pending[str]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, job_uuid: str, command: str, timeout_s: float) -> Pending[str]:
        """Before the command is sent: the result can come before its acknowledgement is read."""
        pending: Pending[str] = Pending(command)
        self._waiting[job_uuid] = pending
        timer = gevent.spawn_later(timeout_s, self._expire, job_uuid, timeout_s)

        def forget(_: Pending[str]) -> None:
            self._waiting.pop(job_uuid, None)
            if timer is not gevent.getcurrent():
                timer.kill(block=False)

        pending.add_callback(forget)
        return pending

    def acknowledged(self, job_uuid: str, reply: Pending[Frame]) -> None:
        """The reply to the ``bgapi`` itself: only a failure ends the job."""
        pending = self._waiting.get(job_uuid)
        if pending is None:
            return
        error: CtiError | None = reply.error
        if error is None and reply.value is not None:
            error = refusal(reply.value.reply, pending.what)
        if error is not None:
            pending.fail(error)

    def finished(self, event: Event) -> None:
        """A BACKGROUND_JOB event; those of other clients are no concern of ours."""
        pending = self._waiting.get(event.get("Job-UUID", ""))
        if pending is None:
            return
        output = event.body
        refused = refusal(output, pending.what)
        if refused is not None:
            pending.fail(refused)
        else:
            pending.succeed(output)

    def fail_all(self, error: CtiError) -> None:
        for pending in list(self._waiting.values()):
            pending.fail(error)

    def _expire(self, job_uuid: str, timeout_s: float) -> None:
        pending = self._waiting.get(job_uuid)
        if pending is not None:
            pending.fail(DeadlineExceeded(f"no result of {pending.what} within {timeout_s:g} s"))
