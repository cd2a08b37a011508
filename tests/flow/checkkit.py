"""What the tests of the checker share: what surrounds their flows, and the codes that have a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.flow.flowkit import CATALOG

PAGES = Path(__file__).parents[2] / "docs" / "codes"
#: Flows are looked for in the closure, so that those of a test are enough.
SKILLS, PLATFORMS = frozenset({"billing", "lang.zh-CN", "lang.en-US"}), frozenset({"old"})
AROUND = replace(CATALOG, skills=SKILLS, flows=None, speech=False, platforms=PLATFORMS)
CODES = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "index")
#: Codes about the entry table, notices, and tests that were run.
NOT_OF_FLOWS = {"bad-name", "test-failed", "unreachable-entry"}
