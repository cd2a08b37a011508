"""Drawings: complete, well-formed, nothing on top of each other, the happy path straight."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.core.issue import Issue, Place, Severity
from cti.flow import Flow, load_flow
from cti.flow.draw import draw_flow
from cti.flow.draw_cut import part_of
from cti.flow.draw_layers import Arc, _cuts, find_back, order_layers, rank
from cti.flow.draw_model import Counts, Look, make_picture
from cti.flow.draw_place import _offsets, place
from cti.flow.draw_plan import Plan, Shape, make_plan
from cti.flow.draw_words import rows_of
from tests.flow.flowkit import CATALOG, FLOWS, flow_text, load, shipped

SVG = "{http://www.w3.org/2000/svg}"
SHIPPED = [file.stem for file in sorted(FLOWS.glob("*.yaml")) if file.stem not in ("entry", "queues")]
FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.yaml"))


def texts_of(drawing: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def plan_of(flow: Flow, **how: object) -> Plan:
    return make_plan(make_picture(flow, CATALOG, **how))  # type: ignore[arg-type]


def overlapping(shapes: tuple[Shape, ...]) -> list[tuple[str, str]]:
    def name(shape: Shape) -> str:
        return shape.box.name if shape.box else shape.text

    return [
        (name(one), name(other))
        for index, one in enumerate(shapes)
        for other in shapes[index + 1 :]
        if one.left < other.right
        and other.left < one.right
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    ]


def drafts() -> list[Flow]:
    files = [*(FLOWS / f"{name}.yaml" for name in SHIPPED), *FIXTURES]
    found = [load_flow(file.read_bytes(), file.name, catalog=CATALOG).draft for file in files]
    return [flow for flow in found if flow is not None]


@pytest.mark.parametrize("flow", drafts(), ids=lambda flow: flow.id)
def test_every_flow_is_drawn_whole(flow: Flow) -> None:
    picture = make_picture(flow, CATALOG)
    plan = make_plan(picture)
    assert {shape.box.name for shape in plan.shapes if shape.box} == set(flow.nodes)
    assert [line.link for line in plan.lines] == [link for link in picture.links if link.source != link.target]
    assert overlapping(plan.shapes) == []
    inside = [s.left >= 0 and s.right <= plan.width + 1e-6 and s.y + s.height <= plan.height for s in plan.shapes]
    assert all(inside)
    for language in flow.languages:
        drawing = draw_flow(flow, catalog=CATALOG, language=language)
        assert set(flow.nodes) <= set(texts_of(drawing))
        assert "<script" not in drawing


@pytest.mark.parametrize("flow", drafts(), ids=lambda flow: flow.id)
def test_links_begin_and_end_at_their_boxes(flow: Flow) -> None:
    plan = plan_of(flow)
    boxes = {shape.box.name: shape for shape in plan.shapes if shape.box}
    for line in plan.lines:
        (x, y), source = line.points[0], boxes[line.link.source]
        assert source.left <= x <= source.right
        assert y == pytest.approx(source.y if line.back else source.y + source.height)
        (x, y), target = line.points[-1], boxes[line.link.target]
        at_box = target.left <= x <= target.right and y in (target.y, target.y + target.height)
        at_stub = any(
            s.box is None and s.text == f"→ {line.link.target}" and s.left <= x <= s.right and y == s.y
            for s in plan.shapes
        )
        assert at_box or at_stub, line.link


@pytest.mark.parametrize("name", SHIPPED)
def test_the_happy_path_is_straight(name: str) -> None:
    plan = plan_of(shipped(name) if name in ("hotline", "csat", "fixed_line", "busy") else _draft(name))
    happy = [line for line in plan.lines if line.link.look is Look.HAPPY]
    assert happy
    assert len({round(x, 1) for line in happy for x, _ in line.points}) == 1


def _draft(name: str) -> Flow:
    draft = load_flow((FLOWS / f"{name}.yaml").read_bytes(), f"{name}.yaml", catalog=CATALOG).draft
    assert draft is not None
    return draft


def test_a_flow_of_the_size_of_the_hotline_is_on_one_screen() -> None:
    frame = ElementTree.fromstring(draw_flow(shipped("hotline"), catalog=CATALOG))
    assert int(frame.attrib["width"]) <= 1920
    assert int(frame.attrib["height"]) <= 1080


def test_the_happy_path_of_the_hotline_and_its_pale_ways() -> None:
    flow = load(
        flow_text(
            """
            a: {type: play, say: hello}
            ask: {type: lookup, ask: subscriber.get, with: {msisdn: "13800000000"}, to: {ok: m, else: sorry}}
            m: {type: menu, say: which, keys: {1: b, star: a, 0: q}, to: {no_input: q, no_match: bye}}
            b: {type: play, say: done, next: m}
            sorry: {type: play, say: sorry, next: q}
            q: {type: queue, queue: service, to: {talked: bye, else: late}}
            late: {type: play, say: too late, next: bye}
            bye: {type: end}
            """,
            "on: {error: sorry}",
        )
    )
    picture = make_picture(flow, CATALOG)
    assert picture.spine == ("a", "ask", "m", "b")
    told = {(link.source, link.target): (link.label, link.look) for link in picture.links}
    assert told == {
        ("a", "ask"): ("", Look.HAPPY),
        ("ask", "m"): ("ok", Look.HAPPY),
        ("ask", "sorry"): ("else", Look.LIGHT),
        ("m", "b"): ("1", Look.HAPPY),
        ("m", "a"): ("＊", Look.PLAIN),
        ("m", "q"): ("0, no_input", Look.PLAIN),
        ("m", "bye"): ("no_match", Look.LIGHT),
        ("b", "m"): ("", Look.PLAIN),
        ("sorry", "q"): ("", Look.PLAIN),
        ("q", "bye"): ("talked", Look.PLAIN),
        ("q", "late"): ("else", Look.LIGHT),
        ("late", "bye"): ("", Look.PLAIN),
    }
    assert picture.boxes["sorry"].tags == ("on error",)
    assert picture.boxes["a"].tags == ("start",)
    assert picture.boxes["q"].tags == ("person",)
    assert picture.boxes["bye"].ends


def test_findings_are_red_at_their_node_and_listed() -> None:
    text = flow_text("a: {type: play, sey: hello}\nb: {type: queue, queue: nobody, to: {else: c}}\nc: {type: end}")
    loaded = load_flow(text, "t.yaml", catalog=CATALOG)
    assert loaded.flow is None
    assert loaded.draft is not None
    warning = Issue(Place("t.yaml", 1, 1), "unused-variable", "a warning", Severity.WARNING)
    elsewhere = Issue(Place("other.yaml", 5, 1), "no-end", "of another file")
    issues = [*loaded.issues, warning, elsewhere]
    picture = make_picture(loaded.draft, CATALOG, issues=issues)
    assert [issue.code for issue in picture.boxes["b"].findings] == ["unknown-queue"]
    assert "unknown-option" in [issue.code for issue in picture.boxes["a"].findings]
    assert picture.boxes["c"].findings == ()
    assert picture.findings == (warning,)
    drawing = draw_flow(loaded.draft, catalog=CATALOG, issues=issues)
    red = [e.text for e in ElementTree.fromstring(drawing).iter(f"{SVG}text") if e.attrib["fill"] == "#c81e1e"]
    assert "✖ unknown-queue" in red
    assert str(next(issue for issue in loaded.issues if issue.code == "unknown-queue")) in red
    assert not any("another file" in text for text in texts_of(drawing))


def test_figures_stand_at_boxes_and_links() -> None:
    flow = load(flow_text("a: {type: menu, say: x, keys: {1: b, 2: c}, to: {else: c}}\nb: {type: end}\nc: {type: end}"))
    counts = Counts({"a": 1200, "b": 900}, {"a": {"1": 900, "2": 100, "no_input": 200}})
    drawing = draw_flow(flow, counts=counts)
    texts = texts_of(drawing)
    assert {"1,200", "900", "0", "1 · 75%", "2, else · 25%"} <= set(texts)


def test_texts_of_the_flow_are_escaped() -> None:
    nasty = '"<script>alert(1)</script> & ]]> \' 中文 🙂"'
    flow = load(f"flow: t\ntitle: {nasty}\nstart: a\nnodes:\n  a: {{type: play, say: {nasty}}}\n  b: {{type: end}}\n")
    drawing = draw_flow(flow)
    tree = ElementTree.fromstring(drawing)
    assert {element.tag for element in tree.iter()} <= {
        SVG + tag for tag in ("svg", "title", "defs", "marker", "path", "rect", "text", "g")
    }
    assert "<script>alert(1)</script> & ]]>" in (tree.find(f"{SVG}title").text or "")  # type: ignore[union-attr]
    assert "\u0007" not in drawing
    assert not re.search(r"\son\w+=|href|url\((?!#)", drawing)


def test_long_words_are_cut_and_chinese_rows_begin_with_no_comma() -> None:
    text = "查本机话费请按1，查其他号码请按2，宽带故障请按3，英语服务请按星号，人工服务请按0。" * 3
    flow = load(flow_text(f'a: {{type: play, say: "{text}"}}\nb: {{type: end}}'))
    box = make_picture(flow, CATALOG).boxes["a"]
    for width in range(120, 400, 7):
        first, second = rows_of(box, float(width))
        assert text.startswith(first)
        assert second.endswith("…")
        assert second[0] not in "，。"


@given(
    st.sampled_from(SHIPPED), st.integers(0, 90), st.integers(1, 6), st.sampled_from(["", "    to: {else: nowhere}"])
)
@settings(deadline=None, max_examples=60)
def test_a_draft_with_any_lines_missing_is_drawn(name: str, at: int, many: int, instead: str) -> None:
    lines = (FLOWS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    lines[at : at + many] = [instead] if instead else []
    loaded = load_flow("\n".join(lines), f"{name}.yaml", catalog=CATALOG)
    if loaded.draft is not None:
        drawing = draw_flow(loaded.draft, catalog=CATALOG, issues=loaded.issues)
        assert set(loaded.draft.nodes) <= set(texts_of(drawing))


def test_a_part_is_drawn_with_stubs_to_the_rest() -> None:
    flow = load(
        flow_text(
            """
            a: {type: menu, say: x, keys: {1: b, 2: c}, to: {else: c}}
            b: {type: menu, say: y, keys: {1: d, star: a}, to: {else: c}}
            d: {type: play, say: z, next: c}
            c: {type: end}
            """
        )
    )
    plan = make_plan(part_of(make_picture(flow, CATALOG), "d", 0))
    assert [(shape.box.name if shape.box else shape.text) for shape in plan.shapes] == ["d", "→ c"]
    plan = make_plan(part_of(make_picture(flow, CATALOG), "b", 1))
    assert sorted(shape.box.name for shape in plan.shapes if shape.box) == ["a", "b", "c", "d"]
    assert overlapping(plan.shapes) == []


def test_a_node_that_leads_to_itself_has_a_loop() -> None:
    flow = load(flow_text("a: {type: menu, say: x, keys: {1: b, 2: a}, to: {else: b}}\nb: {type: end}"))
    assert [link.label for link, _ in plan_of(flow).loops] == ["2"]


def test_a_link_that_would_cross_half_the_drawing_is_a_stub() -> None:
    steps = "\n".join(f"s{n}: {{type: play, say: step}}" for n in range(8))
    flow = load(
        flow_text(
            f"a: {{type: menu, say: x, keys: {{1: s0, 2: last}}, to: {{else: last}}}}\n{steps}\n"
            "last: {type: menu, say: again, keys: {1: a}, to: {else: bye}}\nbye: {type: end}"
        )
    )
    plan = plan_of(flow)
    assert sorted(shape.text for shape in plan.shapes if shape.box is None) == ["→ a", "→ last"]


# ---- the layout by itself --------------------------------------------------------------------------------------------

graphs = st.integers(2, 14).flatmap(
    lambda size: st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=30).map(
        lambda pairs: ([f"n{index}" for index in range(size)], sorted({(f"n{a}", f"n{b}") for a, b in pairs if a != b}))
    )
)


@given(graphs)
@settings(deadline=None)
def test_any_graph_is_laid_out(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, pairs = graph
    ways = {name: [b for a, b in pairs if a == name] for name in names}
    back = find_back(names, ways)
    arcs = [Arc(b, a, 1.0, True) if (a, b) in back else Arc(a, b, 1.0) for a, b in pairs]
    layer = rank(names, arcs, names[:1], frozenset())
    assert all(layer[arc.upper] < layer[arc.lower] for arc in arcs)
    drawn = order_layers(names, arcs, layer)
    assert sorted(name for level in drawn.order for name in level if name[0] != " ") == sorted(names)
    room = dict.fromkeys(names, (30.0, 50.0))
    x = place(drawn, arcs, room, frozenset(names[:1]), 10.0)
    assert x[names[0]] == pytest.approx(0.0, abs=0.1)
    for level in drawn.order:
        least = _offsets(level, room, 10.0)
        for index in range(1, len(level)):
            assert x[level[index]] - x[level[index - 1]] >= least[index] - least[index - 1] - 1e-6


@given(
    st.permutations(range(6)),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15),
)
def test_cuts_are_counted_exactly(order: list[int], pairs: list[tuple[int, int]]) -> None:
    upper, lower = [f"u{n}" for n in range(6)], [f"l{n}" for n in order]
    down: dict[str, list[str]] = {}
    for a, b in pairs:
        down.setdefault(f"u{a}", []).append(f"l{b}")
    ends = [(a, order.index(b)) for a, b in pairs]
    crossing = sum((a < c and b > d) or (a > c and b < d) for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :])
    assert _cuts([upper, lower], down) == crossing
