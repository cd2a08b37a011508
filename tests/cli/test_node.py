"""`cti node`: who is there, and draining."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.app import open_accounts
from cti.cli import main
from cti.config import load_settings
from cti.ports.cluster import LEADER_JOB, Member, holder_name
from cti.store import open_store
from cti.store.cluster import ClusterStore

CONFIG = "data: data\nnode: n1\nswitches: [{password: a-long-enough-one}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cti.yaml"
    file.write_text(CONFIG)
    (tmp_path / "data").mkdir()
    open_store(f"sqlite:///{tmp_path / 'data' / 'cti.db'}", tmp_path / "data" / "keys.json").close(10.0)
    return file


@pytest.fixture
def cluster(config: Path) -> Iterator[ClusterStore]:
    with open_accounts(load_settings(config)) as accounts:
        found = accounts.store.open_cluster()
        for address, role, switches in (("n1/1", "flow", ("a", "b")), ("n1/acd", "acd", ()), ("n2/api", "api", ())):
            member = Member(address, uuid.uuid4().hex, frozenset({role}), "http://10.0.0.1:1", switches)
            assert found.join(member, 1000.0, take=True) == 1
            if role == "acd":
                accounts.store.jobs.take(LEADER_JOB, holder_name(address, member.run), None)
            if role == "api":
                found.leave(member, 1, 2000.0)
        yield found
        found.close()


def listed(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr("cti.runtime.cluster.nodes.GONE_S", 0.25)
    assert main(["node", "list", "--json", "--config", str(config)]) == 0
    return {one["address"]: one["state"] for one in json.loads(capsys.readouterr().out)}


def test_everybody_is_listed_and_who_stands_still_is_silent(
    config: Path, cluster: ClusterStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(config, capsys, monkeypatch) == {"n1/1": "silent", "n1/acd": "silent", "n2/api": "gone"}
    assert main(["node", "list", "--config", str(config)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["ADDRESS", "ROLES", "STATE", "SINCE", "SWITCHES", "API"]
    assert shown[1].split() == ["n1/1", "flow", "silent", "1970-01-01", "00:16:40Z", "a,b", "http://10.0.0.1:1"]


def test_a_node_drains_until_it_is_told_otherwise_and_the_audit_knows(
    config: Path, cluster: ClusterStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def draining() -> list[str]:
        return [row.member.address for row in cluster.list_members() if row.member.draining]

    assert main(["node", "drain", "n1", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "n1/1 drains\nn1/acd drains\n"
    assert draining() == ["n1/1", "n1/acd"]
    member = cluster.list_members()[0].member
    assert cluster.join(Member("n1/1", "another run", member.roles), 3000.0, take=True) == 2
    assert draining() == ["n1/1", "n1/acd"]  # over a restart
    assert main(["node", "drain", "n1/acd", "--config", str(config)]) == 0
    assert main(["node", "undrain", "n1", "--config", str(config)]) == 0
    assert draining() == ["n1/acd"]
    with open_accounts(load_settings(config)) as accounts:
        lines = accounts.store.audit.lines(limit=10)
    assert [(line.action, line.target) for line in lines] == [
        ("node.undrain", "node:n1"),
        ("node.drain", "node:n1/acd"),
        ("node.drain", "node:n1"),
    ]


def test_a_node_that_nobody_knows_is_not_drained(
    config: Path, cluster: ClusterStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "drain", "n3", "--config", str(config)]) != 0
    assert "[unknown-node]" in capsys.readouterr().err
    assert cluster.drains() == []
