"""What a body codec raises."""

from __future__ import annotations


class CodecError(ValueError):
    """A body cannot be made or read. ``reason``: a stable code, never data.

    Reading: ``bad-encoding``, ``bad-body``, ``missing-field``, ``extra-field``, ``duplicate-field``, ``bad-field``
    (another type), ``too-long``. Making: ``missing-field``, ``unknown-field``, ``bad-value``. ``field``: the name in
    the configuration, for a screen.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{reason}: {field}" if field else reason)
        self.reason, self.field = reason, field
