"""Which handlers an event goes to: greenswitch's rules, a mailbox for each handler."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from cti.esl import Event, Frame
from cti.switch.links.mailbox import Mailbox

log = logging.getLogger("cti.switch.links")

Handler = Callable[[Any], object]
_MAX_ROUTES = 1000  # names come from the wire


class Router:
    """``handlers`` (name -> handlers) is the link's own table; ``changed`` must be called after a change of it.

    ``owner`` may have greenswitch's hooks ``before_handle`` and ``after_handle``: they are called around each call of
    a handler, on that handler's greenlet.
    """

    def __init__(
        self,
        owner: Any,
        handlers: dict[str, list[Handler]],
        limit: int,
        on_overflow: Callable[[Handler, int], object] | None,
    ) -> None:
        self._owner = owner
        self._handlers = handlers
        self._limit = limit
        self._on_overflow = on_overflow
        self._mailboxes: dict[Handler, Mailbox] = {}
        self._routes: dict[str, tuple[Mailbox, ...]] = {}

    @property
    def dropped(self) -> int:
        return sum(box.dropped for box in self._mailboxes.values())

    def route(self, name: str, item: Event | Frame) -> None:
        """To the handlers of this name, or else to those of ``*``. Never blocks."""
        boxes = self._routes.get(name)
        if boxes is None:
            handlers = self._handlers.get(name) or self._handlers.get("*") or ()
            boxes = tuple(self.mailbox(handler) for handler in handlers)
            if len(self._routes) < _MAX_ROUTES:
                self._routes[name] = boxes
        for box in boxes:
            box.put(item)

    def mailbox(self, handler: Handler) -> Mailbox:
        found = self._mailboxes.get(handler)
        if found is None:
            overflow = self._on_overflow
            found = self._mailboxes[handler] = Mailbox(
                self._with_hooks(handler),
                limit=self._limit,
                name=f"{self._owner.name}:{getattr(handler, '__qualname__', handler)}",
                on_overflow=None if overflow is None else lambda missing: overflow(handler, missing),
            )
        return found

    def changed(self) -> None:
        self._routes.clear()
        for handler in [h for h in self._mailboxes if not any(h in hs for hs in self._handlers.values())]:
            self._mailboxes.pop(handler).close()

    def close(self) -> None:
        for mailbox in self._mailboxes.values():
            mailbox.close()

    def join(self, timeout_s: float) -> None:
        """After `close`: wait for the handlers to finish what they have; those that do not are killed."""
        deadline = monotonic() + timeout_s
        for handler, mailbox in list(self._mailboxes.items()):
            if not mailbox.join(max(0.0, deadline - monotonic())):
                log.warning("%s: handler %r did not end in time", self._owner.name, handler)
                mailbox.kill()

    def _with_hooks(self, handler: Handler) -> Handler:
        owner = self._owner
        if not hasattr(owner, "before_handle") and not hasattr(owner, "after_handle"):
            return handler

        def run(event: Any) -> None:
            for step in (getattr(owner, "before_handle", None), handler, getattr(owner, "after_handle", None)):
                if step is None:
                    continue
                try:  # each by itself: what one step breaks must not keep the others from running
                    step(event)
                except Exception:
                    log.exception("%s: %r failed on %r", owner.name, step, event)

        return run
