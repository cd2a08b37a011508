"""One line of a switch's examination."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is stable; ``subject`` is what was looked at; ``remedy`` is empty only when all is well."""

    verdict: Verdict
    code: str
    subject: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict:<4}  {self.subject}: {self.message}"
        return f"{line} [{self.code}]\n      -> {self.remedy}" if self.remedy else line

    def as_dict(self) -> dict[str, str]:
        return {
            "verdict": self.verdict.value,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
            "remedy": self.remedy,
        }


def good(code: str, subject: str, message: str) -> Finding:
    return Finding(Verdict.OK, code, subject, message)


def warn(code: str, subject: str, message: str, remedy: str) -> Finding:
    return Finding(Verdict.WARN, code, subject, message, remedy)


def bad(code: str, subject: str, message: str, remedy: str) -> Finding:
    return Finding(Verdict.FAIL, code, subject, message, remedy)
