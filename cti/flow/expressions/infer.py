"""Static check of an expression: every name declared, nothing absent read, types that fit."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cti.core.issue import Issue
from cti.flow import types as t
from cti.flow.expressions.functions import FUNCTIONS, Function, pattern_fault
from cti.flow.expressions.narrow import narrow_tree
from cti.flow.expressions.syntax import Expression
from cti.flow.suggest import did_you_mean

_SPANS = ("date", "datetime", "duration")


@dataclass(frozen=True)
class Scope:
    """The variables that can be read here, and which of the optional ones are certainly given."""

    variables: Mapping[str, t.Type]
    given: frozenset[str] = frozenset()

    def knowing(self, names: frozenset[str]) -> Scope:
        return replace(self, given=self.given | names)

    def adding(self, extra: Mapping[str, t.Type]) -> Scope:
        return replace(self, variables={**self.variables, **extra}) if extra else self


def infer(expression: Expression, scope: Scope, issues: list[Issue]) -> t.Type:
    """The expression's type (`ANY` where it cannot be known); what is wrong goes to ``issues``.

    The type is optional only for a bare variable that may be absent: the caller knows whether absence is allowed
    there. Sensitive when sensitive data flows into the value.
    """
    walker = _Walker(expression, issues)
    if isinstance(expression.tree, ast.Name):
        return walker.name(expression.tree, scope, may_be_absent=True)
    return walker.visit(expression.tree, scope)


class _Walker:
    def __init__(self, expression: Expression, issues: list[Issue]) -> None:
        self.expression = expression
        self.issues = issues

    def fault(self, node: ast.AST, code: str, message: str) -> t.Type:
        self.issues.append(Issue(self.expression.at(node), code, message))
        return t.ANY

    def visit(self, node: ast.expr, scope: Scope) -> t.Type:
        match node:
            case ast.Constant():
                return _constant(node.value)
            case ast.Name():
                return self.name(node, scope)
            case ast.Attribute():
                return self.attribute(node, scope)
            case ast.UnaryOp():
                return self.unary(node, scope)
            case ast.BinOp():
                return self.arithmetic(node, scope)
            case ast.BoolOp():
                return self.boolean(node, scope)
            case ast.Compare():
                return self.compare(node, scope)
            case ast.IfExp():
                return self.choice(node, scope)
            case ast.Call():
                return self.call(node, scope)
            case ast.List() | ast.Tuple():
                kinds = [self.visit(item, scope) for item in node.elts]
                joined = kinds[0] if kinds else t.ANY
                for kind in kinds[1:]:
                    joined = t.join(joined, kind) or t.ANY
                return t.Type("list", item=joined)
        return self.fault(node, "bad-expression", "this is not part of the language")

    def name(self, node: ast.Name, scope: Scope, may_be_absent: bool = False) -> t.Type:
        kind = scope.variables.get(node.id)
        if kind is None:
            return self.undefined(node, scope)
        if not kind.optional or node.id in scope.given:
            return kind.given()
        if may_be_absent:
            return kind
        message = f"'{node.id}' may be absent here; ask given({node.id}) before, or use default({node.id}, …)"
        self.fault(node, "absent-value", message)
        return kind.given()

    def undefined(self, node: ast.Name, scope: Scope) -> t.Type:
        values = {value for kind in scope.variables.values() for value in kind.values}
        if node.id in values:
            hint = f"; did you mean the text '{node.id}'? Texts stand in quotes"
        elif node.id in FUNCTIONS:
            hint = f"; the function is written {node.id}(…)"
        else:
            hint = did_you_mean(node.id, scope.variables) or f"; if you mean the text, write '{node.id}' in quotes"
        return self.fault(node, "undefined-variable", f"'{node.id}' is no variable of this flow{hint}")

    def attribute(self, node: ast.Attribute, scope: Scope) -> t.Type:
        assert isinstance(node.value, ast.Name)
        record = self.name(node.value, scope)
        if record.kind == "any" or (record.kind == "record" and not record.fields):
            return replace(t.ANY, sensitive=record.sensitive)
        field = record.field(node.attr) if record.kind == "record" else None
        if field is None:
            hint = did_you_mean(node.attr, dict(record.fields)) if record.fields else ""
            message = f"'{node.value.id}' has no field '{node.attr}'{hint}"
            return self.fault(node, "undefined-variable", message)
        return field

    def unary(self, node: ast.UnaryOp, scope: Scope) -> t.Type:
        kind = self.visit(node.operand, scope)
        if isinstance(node.op, ast.Not):
            self.expect(node.operand, kind, (t.BOOL,), "'not'")
            return t.BOOL
        self.expect(node.operand, kind, (t.DECIMAL, t.DURATION), "'-'")
        return kind

    def expect(self, node: ast.AST, kind: t.Type, accepted: tuple[t.Type, ...], what: str) -> None:
        if not any(t.fits(one, kind) for one in accepted):
            wanted = " or ".join(dict.fromkeys(one.kind for one in accepted))
            self.fault(node, "type-mismatch", f"{what} takes {wanted}, this is {_shown(kind)}")

    def arithmetic(self, node: ast.BinOp, scope: Scope) -> t.Type:
        left, right = self.visit(node.left, scope), self.visit(node.right, scope)
        secret = left.sensitive or right.sensitive
        kind = _arithmetic(node.op, left, right)
        if kind is None:
            sign = ast.unparse(node).removeprefix(ast.unparse(node.left)).split()[0]
            return self.fault(node, "type-mismatch", f"{_shown(left)} {sign} {_shown(right)} has no meaning")
        return replace(kind, sensitive=secret)

    def boolean(self, node: ast.BoolOp, scope: Scope) -> t.Type:
        for value in node.values:
            self.expect(value, self.visit(value, scope), (t.BOOL,), "'and'/'or'")
            true, false = narrow_tree(value)
            scope = scope.knowing(true if isinstance(node.op, ast.And) else false)
        return t.BOOL

    def compare(self, node: ast.Compare, scope: Scope) -> t.Type:
        left_node, left = node.left, self.visit(node.left, scope)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.visit(right_node, scope)
            self.pair(operator, left_node, left, right_node, right)
            left_node, left = right_node, right
        return t.BOOL

    def pair(self, operator: ast.cmpop, left_node: ast.expr, left: t.Type, right_node: ast.expr, right: t.Type) -> None:
        if isinstance(operator, ast.In | ast.NotIn):
            if right.kind == "list":
                right = right.item or t.ANY
            elif not (t.fits(t.TEXT, right) and t.fits(t.TEXT, left)):
                self.fault(right_node, "type-mismatch", f"'in' looks into a list or a text, this is {_shown(right)}")
                return
            else:
                return
        elif not isinstance(operator, ast.Eq | ast.NotEq):
            before = len(self.issues)
            self.expect(left_node, left, _ORDERED, "'<'/'>'")
            if len(self.issues) == before:
                self.expect(right_node, right, _ORDERED, "'<'/'>'")
            if len(self.issues) > before:
                return
        if left.kind == right.kind == "enum":
            self.enum_values(left_node, left, right_node, right)
        elif t.join(left, right) is None:
            message = f"{_shown(left)} is never equal to {_shown(right)}"
            self.fault(right_node, "type-mismatch", message)

    def enum_values(self, left_node: ast.expr, left: t.Type, right_node: ast.expr, right: t.Type) -> None:
        for node, literal, declared in ((right_node, right, left), (left_node, left, right)):
            if isinstance(node, ast.Constant | ast.List | ast.Tuple):
                for value in literal.values:
                    if value not in declared.values:
                        hint = did_you_mean(value, declared.values)
                        listed = ", ".join(declared.values)
                        self.fault(node, "type-mismatch", f"'{value}' is none of {listed}{hint}")
                return

    def choice(self, node: ast.IfExp, scope: Scope) -> t.Type:
        self.expect(node.test, self.visit(node.test, scope), (t.BOOL,), "'if'")
        true, false = narrow_tree(node.test)
        one, other = self.visit(node.body, scope.knowing(true)), self.visit(node.orelse, scope.knowing(false))
        joined = t.join(one, other)
        if joined is None:
            return self.fault(
                node, "type-mismatch", f"gives {_shown(one)} or {_shown(other)}; both must be of one type"
            )
        return replace(joined, sensitive=one.sensitive or other.sensitive)

    def call(self, node: ast.Call, scope: Scope) -> t.Type:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            return self.fault(node, "bad-expression", f"there is no function '{name}'{did_you_mean(name, FUNCTIONS)}")
        kinds = self.arguments(node, function, scope)
        if not self.counted(node, function):
            return t.ANY
        for index, (argument, kind) in enumerate(zip(node.args, kinds, strict=True)):
            accepted = function.params[min(index, len(function.params) - 1)]
            self.expect(argument, kind, accepted, f"{name}()")
        if name == "matches":
            self.pattern(node.args[1])
        result = function.result if isinstance(function.result, t.Type) else function.result(kinds)
        return replace(result, sensitive=not function.clean and any(kind.sensitive for kind in kinds))

    def arguments(self, node: ast.Call, function: Function, scope: Scope) -> list[t.Type]:
        """Types of the arguments; the first of given() and default() is the one that may be absent."""
        kinds: list[t.Type] = []
        for index, argument in enumerate(node.args):
            lenient = index == 0 and function.name in ("given", "default")
            if lenient and isinstance(argument, ast.Name):
                kinds.append(self.name(argument, scope, may_be_absent=True).given())
            elif lenient and isinstance(argument, ast.Attribute):
                kinds.append(self.attribute(argument, scope).given())
            else:
                if function.name == "given":
                    self.fault(argument, "bad-expression", "given() takes the name of a variable")
                kinds.append(self.visit(argument, scope))
        return kinds

    def counted(self, node: ast.Call, function: Function) -> bool:
        most, least = len(function.params), len(function.params) - function.optional
        count = len(node.args)
        if least <= count <= most or (function.many and count >= 1):
            return True
        wanted = f"{least}" if least == most else f"{least} to {most}"
        self.fault(node, "bad-expression", f"{function.name}() takes {wanted} values, here are {count}")
        return False

    def pattern(self, node: ast.expr) -> None:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            self.fault(node, "bad-expression", "the pattern of matches() is written out as a text")
            return
        fault = pattern_fault(node.value)
        if fault:
            self.fault(node, "bad-expression", fault)


_ORDERED = (t.DECIMAL, t.DATE, t.TIME, t.DATETIME, t.DURATION)


def _constant(value: object) -> t.Type:
    if isinstance(value, bool):
        return t.BOOL
    if isinstance(value, str):
        return t.enum(value)
    return t.INT if isinstance(value, int) else t.DECIMAL


def _shown(kind: t.Type) -> str:
    if kind.kind == "enum" and len(kind.values) == 1:
        return f"the text '{kind.values[0]}'"
    return replace(kind, optional=False, sensitive=False).__str__()


def _arithmetic(operator: ast.operator, left: t.Type, right: t.Type) -> t.Type | None:
    if "any" in (left.kind, right.kind):
        return t.ANY
    numbers = {left.kind, right.kind} <= {"int", "decimal"}
    if numbers:
        if isinstance(operator, ast.Div) or "decimal" in (left.kind, right.kind):
            return t.DECIMAL
        return t.INT
    if isinstance(operator, ast.Add) and t.fits(t.TEXT, left) and t.fits(t.TEXT, right):
        return t.TEXT
    if isinstance(operator, ast.Add | ast.Sub):
        if left.kind in _SPANS and right.kind == "duration":
            return left.given()
        if isinstance(operator, ast.Sub) and left.kind == right.kind and left.kind in _SPANS:
            return t.DURATION
        if isinstance(operator, ast.Add) and left.kind == "duration" and right.kind in _SPANS:
            return right.given()
    if isinstance(operator, ast.Mult) and {left.kind, right.kind} in ({"duration", "int"},):
        return t.DURATION
    return None
