"""`cti flow graph`: the drawing as it is asked for from the command line."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cti.cli import main
from cti.cli.flow_graph import READABLE_NODES
from cti.core.records import CallStarted, NodeVisit
from cti.store import open_store

ROOT = Path(__file__).resolve().parents[2]
FLOWS = ROOT / "ivr_flows"
SVG = "{http://www.w3.org/2000/svg}"


def texts_of(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_a_flow_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "graph", "hotline", "--flows", str(FLOWS)]) == 0
    assert {"welcome", "main", "agent"} <= set(texts_of(capsys.readouterr().out))


def test_in_another_language_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "csat.svg"
    assert main(["flow", "graph", "csat", "--flows", str(FLOWS), "--language", "en-US", "--out", str(file)]) == 0
    assert any("Please rate" in text for text in texts_of(file.read_text(encoding="utf-8")))
    assert capsys.readouterr().out == ""


def test_a_broken_flow_is_drawn_with_its_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS, folder)
    flow = folder / "own.yaml"
    flow.write_text(
        "flow: own\nstart: a\nnodes:\n  a: {type: menu, say: x, wiat: 5s, keys: {1: b}}\n  b: {type: end}\n"
    )
    assert main(["flow", "graph", "own", "--flows", str(folder)]) == 1
    told = capsys.readouterr()
    assert "✖ unknown-option" in texts_of(told.out)
    assert f"{flow}:4:27 [unknown-option] 'wiat' is not an option of menu" in told.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["hotlin"], "[unknown-flow] there is no flow 'hotlin' (did you mean 'hotline'?)"),
        (["csat", "--language", "fr"], "[unknown-language] the flow has no text in 'fr' (it has zh-CN, en-US)"),
        (["csat", "--from", "asc"], "[unknown-node] the flow has no node 'asc' (did you mean 'ask'?)"),
        (["csat", "--counts", "no.json"], "no.json: [unreadable-file] cannot read the figures"),
    ],
)
def test_what_cannot_be_drawn_is_told(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "graph", *arguments, "--flows", str(FLOWS)]) == 2
    assert error in capsys.readouterr().err


def chain(folder: Path, nodes: int) -> None:
    steps = "".join(f"  n{at}: {{type: play, say: x, next: n{at + 1}}}\n" for at in range(nodes - 1))
    folder.mkdir()
    (folder / "long.yaml").write_text(f"flow: long\nstart: n0\nnodes:\n{steps}  n{nodes - 1}: {{type: end}}\n")


@pytest.mark.parametrize(
    ("nodes", "more", "told"),
    [
        (READABLE_NODES, [], False),
        (READABLE_NODES + 1, [], True),
        (READABLE_NODES + 1, ["--whole"], False),
        (READABLE_NODES + 1, ["--from", "n3", "--steps", "2"], False),
    ],
    ids=["readable", "too large", "asked for whole", "a part"],
)
def test_a_drawing_that_nobody_can_read_comes_with_the_remedy(
    nodes: int, more: list[str], told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain(tmp_path / "flows", nodes)
    main(["flow", "graph", "long", "--flows", str(tmp_path / "flows"), *more])
    said = capsys.readouterr()
    assert (f"a drawing of {nodes} nodes is hard to read" in said.err) == told
    assert ("--from n0 --steps 4" in said.err) == told
    assert ("n80" in texts_of(said.out)) == (nodes > READABLE_NODES and "--from" not in more)


def test_a_part_of_a_flow(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flow", "graph", "hotline", "--flows", str(FLOWS), "--from", "survey", "--steps", "1"]) == 0
    texts = texts_of(capsys.readouterr().out)
    assert {"survey", "bye"} <= set(texts)
    assert "welcome" not in texts


def test_figures_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    file.write_text(json.dumps({"nodes": {"ask": 40}, "exits": {"ask": {"1": 30}}}))
    assert main(["flow", "graph", "csat", "--flows", str(FLOWS), "--counts", str(file)]) == 0
    assert {"40", "75%"} <= {part for text in texts_of(capsys.readouterr().out) for part in text.split(" · ")}


@pytest.mark.parametrize("text", ["[]", "{", '{"nodes": {"a": -1}}', '{"nodes": {"a": "1"}}', '{"node": {}}'])
def test_figures_that_are_none(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text)
    assert main(["flow", "graph", "csat", "--flows", str(FLOWS), "--counts", str(file)]) == 2
    assert f"{file}: [bad-counts]" in capsys.readouterr().err


def test_figures_from_the_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'cti.db'}", tmp_path / "data" / "keys.json")
    now = time.time()
    for number, exit in enumerate(["1", "1", "1", "no_input", ""]):
        call = f"call-{number}"
        store.record(CallStarted(call, "fs1", "4001", now - 60, flow="csat"))
        store.record(NodeVisit(call, "csat", "ask", "menu", 1, now - 50, now - 40, exit))
    store.record(CallStarted("old", "fs1", "4001", now - 7200, flow="csat"))
    store.record(NodeVisit("old", "csat", "ask", "menu", 1, now - 7200, now - 7190, "1"))
    store.record(NodeVisit("old", "hotline", "ask", "menu", 1, now - 50, now - 40, "1"))
    assert store.flush(10.0)
    store.close(10.0)
    config = tmp_path / "cti.yaml"
    config.write_text("data: data\nswitches: [{kind: embedded, password: a-long-enough-one}]\n")
    command = ["flow", "graph", "csat", "--flows", str(FLOWS), "--config", str(config), "--since"]
    assert main([*command, "1h"]) == 0
    texts = texts_of(capsys.readouterr().out)
    assert "5" in texts
    assert any(text.endswith("60%") for text in texts)
    assert main([*command, "1d"]) == 0
    assert "6" in texts_of(capsys.readouterr().out)


def test_since_is_a_duration(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["flow", "graph", "csat", "--since", "yesterday"])
    assert "a duration such as 30m, 12h, 7d" in capsys.readouterr().err
