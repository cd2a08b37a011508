"""What newcomers met (docs/newcomer-trial.md): one mistake is one finding, and the finding says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.app import check_flows
from cti.flow import load_entry, load_flow
from cti.flow.catalog import Catalog, LookupSignature
from tests.flow.flowkit import flow_text

PIN = LookupSignature.parse({"msisdn": "phone", "pin": "text!"}, {}, ("wrong",))
SAYING = "start: a\nlanguages: {default: en-US}\n"
BUSY = "flow: busy\n" + SAYING + "nodes: {a: {type: play, say: Busy., next: z}, z: {type: end}}\n"


def messages(text: str) -> list[str]:
    return [issue.message for issue in load_flow(text, "t.yaml", catalog=Catalog(lookups={"pin.check": PIN})).issues]


def folder(path: Path, **files: str) -> list[str]:
    for name, text in {"busy": BUSY, **files}.items():
        (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return [f"{Path(issue.place.file).name} {issue.code}" for issue in check_flows(path)]


def test_a_flow_with_findings_is_not_also_a_missing_one(tmp_path: Path) -> None:
    broken = "flow: line\n" + SAYING + "nodes: {a: {type: play, say: x, next: b}, z: {type: end}}\n"
    table = 'entries: [{flow: line, called: "1"}, {flow: lines}]\n'
    found = folder(tmp_path, line=broken, entry=table)
    assert "line.yaml unknown-node" in found
    assert found.count("entry.yaml unknown-flow") == 1  # `lines`, which no file has


def test_warnings_are_told_beside_errors(tmp_path: Path) -> None:
    unread = "flow: line\n" + SAYING + 'vars: {n: "int?"}\nnodes: {a: {type: end}}\n'
    found = folder(tmp_path, line=unread, entry="entries: [{flow: nobody}]\n")
    assert found == ["line.yaml unused-variable", "entry.yaml unknown-flow"]


def test_notices_are_checked_with_the_flows(tmp_path: Path) -> None:
    telling = (
        "flow: line\nstart: a\nlanguages: {default: zh-CN, also: [en-US]}\n"
        "nodes: {a: {type: notice, next: z}, z: {type: end}}\n"
    )
    notices = "notices: [{id: n, say: {zh-CN: 停电。}, starts: tomorrow}]\n"
    found = folder(tmp_path, line=telling, entry="entries: [{flow: line}]\n", notices=notices)
    assert sorted(found) == ["notices.yaml bad-option", "notices.yaml missing-prompt"]


def test_the_parts_of_a_mapping_are_named() -> None:
    (told,) = messages(
        flow_text(
            'a: {type: collect, say: "?", save: n, digits: 4, to: {else: b}}\n'
            'b: {type: play, say: "${default(n, 0)}", next: z}\nz: {type: end}',
            'vars: {n: "int?"}',
        )
    )
    assert told.endswith("is a mapping of {min: …, max: …, end: …, pattern: …}, as far as needed; here is '4'")


def test_reading_back_names_what_was_typed() -> None:
    (told,) = messages(
        flow_text(
            'a: {type: collect, say: "?", save: n, confirm: true, confirm_say: "${n}", to: {else: z}}\nz: {type: end}',
            'vars: {n: "text?"}',
        )
    )
    assert told == "'n' may be absent when this is said; what was typed is ${value} here"


@pytest.mark.parametrize(("kind", "found"), [("text?", 1), ("text?!", 0)])
def test_what_a_source_keeps_secret_is_secret_in_the_flow(kind: str, found: int) -> None:
    told = messages(
        flow_text(
            'a: {type: collect, say: "?", save: pin, to: {filled: b, else: z}}\n'
            'b: {type: lookup, ask: pin.check, with: {msisdn: "10086", pin: =pin}, to: {else: z}}\nz: {type: end}',
            f'vars: {{pin: "{kind}"}}',
        )
    )
    assert told == ["pin.check keeps 'pin' secret; so must this flow: pin: text?!"] * found


def test_an_entry_does_not_ask_for_a_number_that_a_caller_can_withhold() -> None:
    flow = load_flow(
        flow_text('a: {type: play, say: "${digits(caller)}", next: z}\nz: {type: end}', "inputs: {caller: phone}"),
        "t.yaml",
    ).flow
    assert flow is not None
    (issue,) = load_entry("entries: [{flow: t}]\n", "entry.yaml", flows={"t": flow}).issues
    assert issue.message == "flow t needs 'caller', which not every call has; write caller: phone? in the flow"


def test_a_swallowed_hash_shows_the_whole_text() -> None:
    told = messages(flow_text("a: {type: play, say: {zh-CN: Your code, then #.}, next: z}\nz: {type: end}"))
    assert any('"Your code, then #."' in message for message in told)
