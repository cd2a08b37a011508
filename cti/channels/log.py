"""A message channel that only logs: for the demo, and until a gateway is configured."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cti.core.masking import mask

if TYPE_CHECKING:
    from cti.ports import Once

log = logging.getLogger("cti.message")


class LogChannel:
    """Takes every message. Neither the number nor the text is logged in the clear."""

    once: Once = "everywhere"  # nothing is sent

    def __init__(self, name: str) -> None:
        self._name = name
        self.sent = 0

    def send(self, recipient: str, text: str, key: str) -> bool:
        self.sent += 1
        log.info(
            "%s to %s: %d characters (logged only, no gateway is configured)", self._name, mask(recipient), len(text)
        )
        return True
