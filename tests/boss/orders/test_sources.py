"""Orders that other systems place in files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cti.core.errors import StoreUnavailable
from cti.core.orders import Order, OrderKind
from tests.boss.orders.orderkit import TAKE, Rig, facts, rig
from tests.boss.ways.files.site import KINDS, Site

__all__ = ["rig"]  # the fixture

NAME = "ORD_20260302_001.txt"


def put(folder: Path, name: str, text: str, chk: str | None = None) -> None:
    data = text.encode()
    (folder / name).write_bytes(data)
    told = f"{name}|{len(data)}|{text.count(chr(10))}|{hashlib.md5(data).hexdigest()}\n" if chk is None else chk
    if told:
        (folder / f"{name}.chk").write_text(told)


def test_a_file_is_taken_once_and_its_result_says_what_became_of_each_line(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, NAME, "a|callback|13800000001|Ann\nb|message|95000|\nc|fax|1|\nd|notice|1|\nshort\n")
    runner = rig.runner(files={"url": "in", "take": TAKE})
    runner.look("crm")
    assert rig.taker.orders == [
        Order("crm", "a", OrderKind.CALLBACK, {"number": "13800000001", "text": "Ann"}),
        Order("crm", "b", OrderKind.MESSAGE, {"number": "95000", "text": ""}),
    ]
    result = (folder / f"RES_{NAME}").read_text()
    assert result.splitlines() == [
        "a|accepted|id-a|",
        "b|rejected||destination-denied",
        "c|rejected||unknown-kind",
        "d|rejected||kind-not-allowed",
        "|rejected||missing-field",
    ]
    told = (folder / f"RES_{NAME}.chk").read_text().strip().split("|")
    assert told == [f"RES_{NAME}", str(len(result)), "5", hashlib.md5(result.encode()).hexdigest()]
    before = facts(runner)
    assert before == (
        1,
        {"destination-denied": 1, "unknown-kind": 1, "kind-not-allowed": 1, "missing-field": 1},
        "missing-field",
    )
    runner.look("crm")
    assert len(rig.taker.orders) == 2
    assert facts(rig.runner(files={"url": "in", "take": TAKE})) == (0, {}, "")  # another engine
    assert sorted(one.name for one in folder.iterdir()) == sorted(
        [NAME, f"{NAME}.chk", f"RES_{NAME}", f"RES_{NAME}.chk"]
    )


def test_what_was_taken_before_a_death_is_not_taken_twice_and_the_result_is_the_same(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, NAME, "".join(f"k{n}|callback|1380000000{n}|\n" for n in range(5)))
    rig.taker.away = 4
    with pytest.raises(StoreUnavailable):
        rig.runner(files={"url": "in", "take": TAKE}).look("crm")
    assert not (folder / f"RES_{NAME}").exists()
    rig.taker.away = 0
    rig.runner(files={"url": "in", "take": TAKE}).look("crm")
    assert [order.key for order in rig.taker.orders] == [f"k{n}" for n in range(5)]
    assert (folder / f"RES_{NAME}").read_text().count("accepted") == 5


@pytest.mark.parametrize("kind", KINDS)
def test_by_a_folder_and_by_a_server(rig: Rig, tmp_path: Path, kind: str) -> None:
    site = Site(kind, tmp_path / "site")
    try:
        put(site.folder, NAME, "a|callback|13800000001|Ann\n")
        runner = rig.runner(files={"url": site.url, "take": {**TAKE, "after": "remove"}, **site.options()})
        runner.look("crm")
        assert facts(runner) == (1, {}, "")
        assert (site.folder / f"RES_{NAME}").read_text() == "a|accepted|id-a|\n"
        assert not (site.folder / NAME).exists()
        runner.close()
    finally:
        site.close()


@pytest.mark.parametrize(
    ("text", "chk", "name", "problem"),
    [
        ("a|callback|1|\n", "", NAME, "chk-missing"),
        ("a|callback|1|\n", f"{NAME}|5|1|x\n", NAME, "chk-bytes"),
        ("a|callback|1|\n", f"{NAME}|14|7|{'0' * 32}\n", NAME, "chk-rows"),
        ("a|callback|1|\n", f"{NAME}|14|1|{'0' * 32}\n", NAME, "chk-digest"),
        ("a|callback|1|\n", f"{NAME}|99|1|x\n", NAME, "truncated"),
        ("a|callback|" + "1" * 20_000 + "|\n", None, NAME, "too-long"),
        ("a|callback|1|\n", None, "ORD_20260302_003.txt", "sequence-gap"),
    ],
)
def test_files_that_cannot_be_trusted(
    rig: Rig, tmp_path: Path, text: str, chk: str | None, name: str, problem: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    put(folder, name, text, chk)
    runner = rig.runner(files={"url": "in", "take": TAKE})
    runner.look("crm")
    assert facts(runner)[2] == problem
    assert len(rig.taker.orders) == (problem == "sequence-gap")
