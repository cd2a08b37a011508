"""What a command loads: an engine that is started again while callers wait loads nothing that it has no use for yet."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from cti.cli import NOUNS, main, parser

#: Loaded when a prompt is rendered, a fax written, a calendar names a region, a database is upgraded; other commands'.
LATER = ("numpy", "PIL", "holidays", "cti.cli.demo", "cti.cli.flows", "alembic", "cti.switch.embedded")


def test_an_engine_loads_only_what_it_needs_to_begin() -> None:
    loaded = "from cti.cli import parser; parser('serve'); import cti.app, sys; "
    look = f"{loaded} print([module for module in {LATER} if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_each_noun_is_known_by_its_own_module(noun: str) -> None:
    action = next(one for one in parser(noun)._actions if one.dest == "noun")
    assert isinstance(action.choices, dict)
    assert list(action.choices) == [noun]


def test_the_collector_goes_on_after_the_options_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert gc.isenabled()
    assert capsys.readouterr().out.startswith("cti ")
