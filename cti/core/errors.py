"""The one exception family of the platform: every error is data with a stable code."""

from __future__ import annotations

from cti.core.issue import Place


class CtiError(Exception):
    """An error that a person or a client can act on.

    ``code`` is stable (kebab-case, never reused), ``message`` says what happened, ``remedy`` what to do about it,
    ``place`` where (a file position), when there is one. Mapped once to an exit status (cli) and to HTTP (api).
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, remedy: str = "", place: Place | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.message = message
        self.remedy = remedy
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{where}[{self.code}] {self.message}{remedy}"


class ConfigError(CtiError):
    """A configuration file cannot be used."""

    code = "bad-config"


class SwitchUnavailable(CtiError):
    """The switch cannot be reached, refused us, or the link was lost while we waited."""

    code = "switch-unavailable"


class CommandRefused(CtiError):
    """The switch answered ``-ERR …``; ``message`` is its text."""

    code = "command-refused"


class DeadlineExceeded(CtiError):
    """A wait ended without the thing waited for."""

    code = "deadline-exceeded"


class StoreUnavailable(CtiError):
    """The database cannot be read or written now (locked, read-only, gone)."""

    code = "store-unavailable"
