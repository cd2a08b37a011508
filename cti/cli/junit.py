"""Results of flow tests as JUnit XML, the form that CI servers read (testsuites, testsuite, testcase, failure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from cti.core.errors import CtiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cti.core.issue import Place
    from cti.flow.flowtests import TestResult

#: What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets).
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Ran:
    """A test that was run: where it stands, what came of it, and how long it took here, in seconds."""

    place: Place
    result: TestResult
    seconds: float


def write_junit(file: Path, ran: Mapping[str, Sequence[Ran]]) -> None:
    """One suite for each flow. Raises CtiError when the file cannot be written."""
    root = Element("testsuites", _counts([one for tests in ran.values() for one in tests]))
    for flow, tests in ran.items():
        suite = SubElement(root, "testsuite", {"name": _clean(flow), **_counts(tests)})
        for one in tests:
            _add(suite, flow, one)
    indent(root)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        message = f"cannot write {file}: {error.strerror or error}"
        raise CtiError(message, code="unwritable-file", remedy="name a file that may be written") from error


def _add(suite: Element, flow: str, one: Ran) -> None:
    about = {
        "classname": _clean(flow),
        "name": _clean(one.result.name),
        "file": _clean(one.place.file),
        "line": str(one.place.line),
        "time": f"{one.seconds:.3f}",
    }
    case = SubElement(suite, "testcase", about)
    if not one.result.passed:
        said = [str(failure) for failure in one.result.failures]
        failure = SubElement(case, "failure", {"type": "test-failed", "message": _clean(said[0])})
        failure.text = _clean("\n".join([*said, one.result.table()]))


def _counts(tests: Sequence[Ran]) -> dict[str, str]:
    failed = sum(not one.result.passed for one in tests)
    seconds = sum(one.seconds for one in tests)
    return {"tests": str(len(tests)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}


def _clean(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)
