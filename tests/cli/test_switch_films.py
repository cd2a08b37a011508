"""`cti switch check --config`: which videos the flows of an installation play."""

from __future__ import annotations

from pathlib import Path

from cti.cli.switch import films_of

CONFIG = """
node: films
data: data
flows: flows
switches:
  - {name: fs, host: 127.0.0.1, port: 18021, password: a-password-of-ours, domain: cti.local}
"""
FILM = """
flow: film
start: show
languages: {default: en-US}
media: [voice, video]
nodes:
  show: {type: video, file: film.mp4, to: {next: more, unsupported: bye}}
  more: {type: video, file: more.fsv, to: {next: bye, unsupported: bye}}
  bye: {type: end}
"""
BUSY = "flow: busy\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end, outcome: busy}\n"


def test_the_videos_of_the_flows(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (tmp_path / "cti.yaml").write_text(CONFIG)
    (flows / "film.yaml").write_text(FILM)
    (flows / "busy.yaml").write_text(BUSY)
    (flows / "entry.yaml").write_text("entries:\n  - {name: film, medium: voice, flow: film}\n")
    assert films_of(tmp_path / "cti.yaml") == {"film.mp4", "more.fsv"}
