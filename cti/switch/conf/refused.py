"""What is wrong with a settings file of a switch."""

from __future__ import annotations

from collections.abc import Sequence

from cti.core.errors import ConfigError
from cti.core.issue import Issue


class SettingsError(ConfigError):
    """A settings file with findings; all of them, in the order of the file."""

    code = "bad-settings"

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(sorted(issues, key=lambda issue: issue.place))
        super().__init__("\n".join(str(issue) for issue in self.issues))

    def __str__(self) -> str:
        return self.message
