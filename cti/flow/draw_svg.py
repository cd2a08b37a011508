"""A plan as SVG: plain shapes and text, no scripts, nothing from outside; every text of the flow's escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape as _escape
from xml.sax.saxutils import quoteattr

from cti.core.issue import Issue, Severity
from cti.flow.draw_model import Box, Link, Look, Picture
from cti.flow.draw_plan import Line, Plan, Shape
from cti.flow.draw_ports import LABEL_SIZE, link_label, text_width
from cti.flow.draw_words import NAME_SIZE, ROW, WORD_SIZE, clip, inset_of, rows_of

_MARGIN, _HEAD = 24.0, 66.0
_FONTS = "'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif"
_COLOURS = {
    "Saying": "#3b82c4",
    "Asking": "#7c5cc4",
    "Deciding": "#c48a1a",
    "Data": "#2a9d8f",
    "People": "#c2557a",
    "Media": "#6b8e23",
    "Structure": "#64748b",
}
_OTHER = "#94a3b8"
_STROKES = {Look.HAPPY: ("#1f6f43", 2.4), Look.PLAIN: ("#5b6675", 1.3), Look.LIGHT: ("#b4bdc9", 1.1)}
_INKS = {Look.HAPPY: "#1f6f43", Look.PLAIN: "#3d4653", Look.LIGHT: "#7b8594"}
_RED, _AMBER = "#c81e1e", "#b45309"
_DASH = ' stroke-dasharray="4 3"'
_MOST_FINDINGS, _LONGEST = 40, 1000.0


def escape(text: str) -> str:
    """Escaped, and without what XML may not hold."""
    return _escape("".join(char if char.isprintable() else " " for char in text))


def render(picture: Picture, plan: Plan) -> str:
    findings = [*picture.findings, *(issue for box in picture.boxes.values() for issue in box.findings)]
    listed = _listed(sorted(findings, key=lambda issue: issue.place))
    width = max(plan.width, 560.0, *(text_width(text, 11) for text, _ in listed)) + 2 * _MARGIN
    below = _HEAD + plan.height + 34
    height = below + 16 * len(listed) + _MARGIN
    shift = _MARGIN + (width - 2 * _MARGIN - plan.width) / 2
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" font-family={quoteattr(_FONTS)}>',
        f"<title>{escape(picture.title)}</title>",
        _markers(),
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        _text(_MARGIN, 24, picture.title, 16, "#111827", ' font-weight="600"'),
        _legend(picture),
        f'<g transform="translate({shift:.1f} {_HEAD:.0f})">',
        *(_line(line) for line in sorted(plan.lines, key=_prominence)),
        *(_loop(link, shape) for link, shape in plan.loops),
        *(_shape(shape) for shape in plan.shapes),
        *(_label(line) for line in plan.lines),
        "</g>",
    ]
    for row, (text, colour) in enumerate(listed):
        y = below + 16 * row
        body.append(f'<text x="{_MARGIN:.0f}" y="{y:.0f}" font-size="11" fill="{colour}">{escape(text)}</text>')
    return "\n".join([*body, "</svg>"]) + "\n"


def _prominence(line: Line) -> int:
    return [Look.LIGHT, Look.PLAIN, Look.HAPPY].index(line.link.look)


def _listed(findings: Sequence[Issue]) -> list[tuple[str, str]]:
    rows = [(clip(str(issue), 11, _LONGEST), _colour(issue)) for issue in findings[:_MOST_FINDINGS]]
    more = len(findings) - len(rows)
    return rows + ([(f"and {more} more", _RED)] if more else [])


def _colour(issue: Issue) -> str:
    return _RED if issue.severity is Severity.ERROR else _AMBER


def _markers() -> str:
    ends = "".join(
        f'<marker id="end-{look}" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 0.6 L8 4 L0 7.4 z" fill="{_STROKES[look][0]}"/></marker>'
        for look in Look
    )
    return f"<defs>{ends}</defs>"


def _legend(picture: Picture) -> str:
    groups = dict.fromkeys(box.group for box in picture.boxes.values() if box.group)
    parts, x = [], _MARGIN
    for group in groups:
        parts.append(f'<rect x="{x:.1f}" y="34" width="10" height="10" rx="2" fill="{_COLOURS.get(group, _OTHER)}"/>')
        parts.append(_text(x + 14, 43, group, 10, "#4b5563"))
        x += 26 + text_width(group, 10)
    for look, text in ((Look.HAPPY, "happy path"), (Look.PLAIN, "other ways"), (Look.LIGHT, "when it goes wrong")):
        stroke, wide = _STROKES[look]
        dash = _DASH if look is Look.LIGHT else ""
        parts.append(f'<path d="M{x:.1f} 39 h18" stroke="{stroke}" stroke-width="{wide}"{dash}/>')
        parts.append(_text(x + 23, 43, text, 10, "#4b5563"))
        x += 36 + text_width(text, 10)
    return "".join(parts)


def _text(x: float, y: float, text: str, size: float, fill: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}"{more}>{escape(text)}</text>'


# ---- links -----------------------------------------------------------------------------------------------------------


def _line(line: Line) -> str:
    (x, y), *rest = line.points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.5:
            path.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            half = (to_y - y) / 2
            path.append(f"C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    return _stroke(line.link, " ".join(path))


def _stroke(link: Link, path: str) -> str:
    colour, wide = _STROKES[link.look]
    wide += 2.0 * (link.share or 0.0)
    never = ' opacity="0.45"' if link.share == 0 else ""
    dash = _DASH if link.look is Look.LIGHT else ""
    label = escape(" ".join(f"{link.source} {link.label} → {link.target}".split()))
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{wide:.1f}"{dash}{never} '
        f'marker-end="url(#end-{link.look})"><title>{label}</title></path>'
    )


def _loop(link: Link, shape: Shape) -> str:
    x, y = shape.right, shape.y + shape.height / 2
    path = f"M{x:.1f} {y + 10:.1f} C{x + 26:.1f} {y + 16:.1f} {x + 26:.1f} {y - 16:.1f} {x:.1f} {y - 10:.1f}"
    return _stroke(link, path) + _text(x + 8, y + 28, link_label(link), LABEL_SIZE, _INKS[link.look])


def _label(line: Line) -> str:
    text = link_label(line.link)
    if not text:
        return ""
    x, y = line.points[0]
    base = y - 6 if line.back else y + 13
    wide = text_width(text, LABEL_SIZE) + 3
    ground = f'<rect x="{x - wide / 2:.1f}" y="{base - 9:.1f}" width="{wide:.1f}" height="11.5" fill="#ffffff"/>'
    return ground + _text(x, base, text, LABEL_SIZE, _INKS[line.link.look], ' text-anchor="middle"')


# ---- boxes -----------------------------------------------------------------------------------------------------------


def _shape(shape: Shape) -> str:
    if shape.box is not None:
        return _box(shape.box, shape)
    rim = f'stroke="{_STROKES[shape.look][0]}" stroke-width="0.8"'
    middle = (shape.left + shape.right) / 2
    words = _text(middle, shape.y + 12.5, shape.text, LABEL_SIZE, _INKS[shape.look], ' text-anchor="middle"')
    return f'<rect {_frame(shape)} rx="9" fill="#f8fafc" {rim}/>{words}'


def _frame(shape: Shape) -> str:
    size = f'width="{shape.right - shape.left:.1f}" height="{shape.height:.1f}"'
    return f'x="{shape.left:.1f}" y="{shape.y:.1f}" {size}'


def _box(box: Box, shape: Shape) -> str:
    left, right, top = shape.left + inset_of(box), shape.right - 10, shape.y
    bad = any(issue.severity is Severity.ERROR for issue in box.findings)
    own = _COLOURS.get(box.group, _OTHER)
    rim, ink = (_RED, _RED) if bad else (_AMBER, _AMBER) if box.findings else (own, "#4b5563")
    told = "\n".join([f"{box.name} ({box.type})", box.words, *map(str, box.findings)])
    radius = min(20.0, shape.height / 2) if box.ends else 6
    parts = [
        f"<g><title>{escape(told.strip())}</title>",
        f'<rect {_frame(shape)} rx="{radius:g}" fill="{"#fef2f2" if bad else "#ffffff"}" stroke="{rim}" '
        f'stroke-width="{2.4 if box.findings else 1.2}"/>',
    ]
    if not box.ends:
        band = f"h-1 a4 4 0 0 0 -4 4 v{shape.height - 10:.1f} a4 4 0 0 0 4 4 h1 z"
        parts.append(f'<path d="M{shape.left + 6:.1f} {top + 1:.1f} {band}" fill="{rim}"/>')
    parts.append(_text(left, top + 17, box.name, NAME_SIZE, "#111827", ' font-weight="600"'))
    parts.append(_text(right, top + 17, box.type, LABEL_SIZE, own, ' text-anchor="end"'))
    for row, words in enumerate(rows_of(box, shape.right - shape.left)):
        parts.append(_text(left, top + 32 + ROW * row, words, WORD_SIZE, ink))
    return "".join([*parts, *_tags(box, shape.left + 12, top), _visits(box, right, top)]) + "</g>"


def _tags(box: Box, x: float, top: float) -> Iterator[str]:
    """Small flags on the upper edge."""
    for tag in box.tags:
        wide = text_width(tag, 9) + 10
        colour = {"start": "#1f6f43", "person": _COLOURS["People"]}.get(tag, "#6b7583")
        yield f'<rect x="{x:.1f}" y="{top - 8:.1f}" width="{wide:.1f}" height="13" rx="6.5" fill="{colour}"/>'
        yield _text(x + wide / 2, top + 2, tag, 9, "#ffffff", ' text-anchor="middle"')
        x += wide + 4


def _visits(box: Box, right: float, top: float) -> str:
    """Left of the type."""
    if box.visits is None:
        return ""
    text = f"{box.visits:,}"
    wide = text_width(text, LABEL_SIZE) + 10
    left = right - text_width(box.type, LABEL_SIZE) - 8 - wide
    ground = f'<rect x="{left:.1f}" y="{top + 6:.1f}" width="{wide:.1f}" height="14" rx="7" fill="#374151"/>'
    return ground + _text(left + wide / 2, top + 16.5, text, LABEL_SIZE, "#ffffff", ' text-anchor="middle"')
