"""The form of expressions: what of Python's grammar is ours, and within which bounds."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from cti.core.issue import Issue, Place
from cti.flow.expressions.compiling import Code, compile_whole
from cti.flow.expressions.flowing import flowing_names

MAX_LENGTH = 500
MAX_DEPTH = 20
MAX_DIGITS = 18

_ALLOWED: tuple[type[ast.AST], ...] = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.In,
    ast.NotIn,
    ast.IfExp,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Attribute,
    ast.List,
    ast.Tuple,
)
_REFUSED = {
    "Pow": "'**' is not part of the language",
    "Lambda": "lambda is not part of the language",
    "ListComp": "comprehensions are not part of the language",
    "SetComp": "comprehensions are not part of the language",
    "DictComp": "comprehensions are not part of the language",
    "GeneratorExp": "comprehensions are not part of the language",
    "JoinedStr": "f-strings are not part of the language; a prompt takes ${…}",
    "NamedExpr": "':=' is not part of the language; use a `set` node",
    "Is": "'is' is not part of the language; use ==, or given(x)",
    "IsNot": "'is not' is not part of the language; use !=, or given(x)",
    "Subscript": "[…] is not part of the language",
}


@dataclass(frozen=True)
class Expression:
    """A parsed expression. ``place`` is where its first character stands in the file."""

    source: str
    place: Place
    tree: ast.expr

    def at(self, node: ast.AST) -> Place:
        """Where a part of it stands (exact unless the YAML scalar has escapes or several lines)."""
        offset = getattr(node, "col_offset", 0)
        # ast counts bytes of UTF-8; people count characters.
        chars = len(self.source.encode()[:offset].decode(errors="ignore"))
        return Place(self.place.file, self.place.line, self.place.col + chars)

    @cached_property
    def names(self) -> frozenset[str]:
        """Variables it reads."""
        called = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        found = (node for node in ast.walk(self.tree) if isinstance(node, ast.Name) and id(node) not in called)
        return frozenset(node.id for node in found)

    @cached_property
    def bare_name(self) -> str | None:
        """The variable's name when the expression is nothing but a variable."""
        return self.tree.id if isinstance(self.tree, ast.Name) else None

    @cached_property
    def flowing(self) -> frozenset[str]:
        """Variables, and fields of them, whose contents flow into its value."""
        return flowing_names(self.tree)

    @cached_property
    def code(self) -> Code:
        """What `evaluate` runs."""
        return compile_whole(self.tree)

    def __getstate__(self) -> dict[str, object]:
        return {"source": self.source, "place": self.place}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        parsed = parse(str(self.source), self.place)
        assert isinstance(parsed, Expression), "an expression that was stored was checked before"
        self.__dict__["tree"] = parsed.tree


def parse(source: str, place: Place) -> Expression | Issue:
    """The expression, or the issue (``bad-expression``) that says where it leaves the language."""
    text = source.strip()
    place = Place(place.file, place.line, place.col + len(source) - len(source.lstrip()))
    if not text:
        return Issue(place, "bad-expression", "the expression is empty")
    if len(text) > MAX_LENGTH:
        return Issue(place, "bad-expression", f"{len(text)} characters; an expression has at most {MAX_LENGTH}")
    if "\n" in text or "\r" in text or "\0" in text:
        return Issue(place, "bad-expression", "an expression stands in one line")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        col = max((error.offset or 1) - 1, 0)
        # Python's advice after the first sentence is about Python.
        message = f"cannot be read: {error.msg.split('. ')[0]}{_hint(text)}"
        return Issue(Place(place.file, place.line, place.col + col), "bad-expression", message)
    except (ValueError, MemoryError, RecursionError):
        return Issue(place, "bad-expression", "cannot be read: nested too deeply")
    expression = Expression(text, place, tree)
    fault = _fault(expression, tree, 1)
    if fault is not None:
        return fault
    return Expression(text, place, _exact(text, tree))


def _hint(text: str) -> str:
    if "&&" in text or "||" in text or "!" in text.replace("!=", ""):
        return " (write and, or, not)"
    if "=" in text.replace("==", "").replace("!=", "").replace("<=", "").replace(">=", ""):
        return " (compare with ==)"
    return ""


def _fault(expression: Expression, node: ast.AST, depth: int) -> Issue | None:
    def issue(message: str, where: ast.AST = node) -> Issue:
        return Issue(expression.at(where), "bad-expression", message)

    if depth > MAX_DEPTH:
        return issue(f"nested more than {MAX_DEPTH} deep; use a `set` node for a part of it")
    if not isinstance(node, _ALLOWED):
        kind = type(node).__name__
        return issue(_REFUSED.get(kind, f"{kind} is not part of the language"))
    if isinstance(node, ast.Constant):
        message = _bad_constant(expression, node)
        return issue(message) if message else None
    if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or not isinstance(node.value, ast.Name)):
        return issue(f"'.{node.attr}' is no field of a look-up's result")
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name):
            return issue("only the published functions can be called")
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            return issue(f"{node.func.id}() takes plain arguments only")
    for child in ast.iter_child_nodes(node):
        anchor = child if hasattr(child, "col_offset") else node
        fault = _fault(expression, child, depth + (anchor is child))
        if fault is not None:
            return fault if fault.place.col != expression.place.col or anchor is child else issue(fault.message)
    return None


def _bad_constant(expression: Expression, node: ast.Constant) -> str | None:
    value = node.value
    if isinstance(value, bool | str):
        return None
    if value is None:
        return "None is not part of the language; ask given(x), or use default(x, v)"
    if not isinstance(value, int | float):
        return "only texts, numbers, True and False are literals"
    written = ast.get_source_segment(expression.source, node) or ""
    if not all(char.isdigit() or char == "." for char in written) or len(written) > MAX_DIGITS:
        return f"'{written[:24]}' is no number here; write at most {MAX_DIGITS} digits and a point"
    return None


def _exact(source: str, tree: ast.expr) -> ast.expr:
    """Decimal literals keep the digits that were written; a float would not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            node.value = Decimal(ast.get_source_segment(source, node) or "0")  # type: ignore[assignment]
    return tree
