"""The one declared error of the wire layer; any other exception out of `cti.esl` is a bug."""

from __future__ import annotations

from cti.core.errors import CtiError


class EslError(CtiError):
    """Bytes that are no event-socket protocol, or text that must not be put on the wire.

    Codes from parsing: ``frame-too-large``, ``too-many-headers``, ``bad-content-length``, ``bad-header``,
    ``bad-event``, ``unsupported-format``. Codes from building commands: ``unsafe-text``, ``bad-uuid``,
    ``bad-name``, ``bad-number``, ``bad-variable``.
    """

    code = "bad-esl"
