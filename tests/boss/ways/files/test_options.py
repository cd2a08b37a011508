"""Options of a way by files, proved when the configuration is read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cti.boss.way import Carried
from cti.boss.ways.files import KIND
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from tests.boss.ways.files.sendkit import ANSWERS, SEND


@pytest.mark.parametrize(
    ("send", "answers", "found"),
    [
        ({"name": "REQ_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ_{date:%d}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ_{date:%H}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "../{date:%Y%m%d}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "{other}_{date:%Y%m%d}_{seq:03d}"}, {}, [("bad-option", ("send", "name"))]),
        ({"temp": "{name}"}, {}, [("bad-option", ("send", "temp"))]),
        ({"temp": "{name}.chk"}, {}, [("bad-option", ("send", "temp"))]),
        ({"done": {"name": "x/{name}"}}, {}, [("bad-option", ("send", "done", "name"))]),
        ({"done": {"body": "{name}|{sum}"}}, {}, [("bad-option", ("send", "done", "body"))]),
        ({"key": "nobody"}, {}, [("unknown-field", ("send", "key"))]),
        ({"charset": "klingon"}, {}, [("unknown-charset", ("send", "charset"))]),
        ({}, {"match": "("}, [("bad-option", ("answers", "match"))]),
        ({}, {"match": "x", "gap": "hold"}, [("missing-option", ("answers", "gap"))]),
        ({}, {"key": "nobody"}, [("unknown-field", ("answers", "key"))]),
    ],
)
def test_options_are_proved(send: dict[str, Any], answers: dict[str, Any], found: list[Any]) -> None:
    told = {"url": "out", "send": {**SEND, **send}, "answers": {**ANSWERS, **answers}}
    findings = KIND.prove_backend(FilesBackend.model_validate(told))
    assert [(finding.code, finding.path) for finding in findings] == found


def test_targets_are_proved() -> None:
    def codes(fields: set[str], *, write: bool = True, **told: Any) -> list[str]:
        backend = FilesBackend.model_validate({"url": "out", "send": SEND, **told})
        found = KIND.prove_target(backend, FilesTarget(), Carried(frozenset(fields), write))
        return [finding.code for finding in found]

    assert codes({"msisdn", "pack", "key"}) == []
    assert codes({"msisdn", "key", "other"}) == ["unknown-field"]
    assert codes({"pack", "key"}) == ["missing-field"]
    assert codes({"msisdn"}, write=False) == ["missing-option"]
    assert codes({"msisdn"}, write=False, answers=ANSWERS) == []
    for told in ({"url": "out"}, {"url": "out", "answers": ANSWERS}):
        with pytest.raises(ValueError, match=re.escape("'send'")):
            FilesBackend.model_validate(told)
