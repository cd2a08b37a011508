"""Which texts of a plan can be rendered ahead: fixed texts, fixed pieces, and the words of the values in between."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from cti.core.commands import Say
from cti.flow import types as t
from cti.flow.builtin_texts import find_text, fixed_texts, has_texts, offer_text, split_text
from cti.flow.expressions import Expression, Scope, infer
from cti.flow.model import Flow, Node, Prompt, SayText, Template, parts_of
from cti.flow.phrases import clean_text, fixed_pieces
from cti.flow.plan import Plan
from cti.flow.registry import REGISTRY
from cti.flow.spoken import SPOKEN_CURRENCIES, find_words
from cti.flow.spoken.currencies import CURRENCY

_SPEAKING = ("number", "digits", "date", "time", "duration")
_OF_TYPES: Mapping[str, tuple[str, ...]] = {
    "int": ("number",),
    "decimal": ("number",),
    "date": ("date",),
    "time": ("time",),
    "datetime": ("date", "time"),
    "duration": ("duration",),
    "any": ("number", "date", "time", "duration"),
}


def list_fixed_prompts(plan: Plan) -> list[Say]:
    """Every fixed text of the plan, once, in the order of the flows: what is rendered ahead.

    No value at run time needs a fixed piece that is not here.
    """
    found: dict[Say, None] = {}
    for flow in plan.flows.values():
        for node in flow.nodes.values():
            if node.type not in ("message", "fax"):  # those are read, not heard
                found.update(dict.fromkeys(_node(flow, node)))
    return list(found)


def _node(flow: Flow, node: Node) -> Iterator[Say]:
    scope = _scope(flow, node)
    for prompt in parts_of(node.options, Prompt):
        for item in prompt.items:
            for language, template in item.texts.items() if isinstance(item, SayText) else ():
                yield from _template(template, language, scope, _value_kinds(flow, node))
    for language in flow.languages:
        if node.type == "queue":
            yield from _queue(flow, node, language)
        if node.type == "recording" and node.get("consent") is True:
            yield Say(find_text("consent", language), language)
        if node.type == "collect" and node.get("confirm") and node.get("confirm_say") is None:
            yield from _builtin("confirm", language, _value_kinds(flow, node))
        if node.type == "callback" and node.get("confirm"):
            yield from _builtin("callback", language, ("digits",))


def _template(template: Template, language: str, scope: Scope, of_value: Iterable[str]) -> Iterator[Say]:
    if template.fixed:
        text = clean_text(template.fixed_text)
        if text:
            yield Say(text, language)
        return
    kinds: dict[str, None] = {}
    for expression in template.expressions():
        kinds.update(dict.fromkeys(_kinds(expression, scope)))
        if "value" in expression.names:
            kinds.update(dict.fromkeys(of_value))
    yield from _words(kinds, language, fixed_pieces(template.pieces, language))


def _words(kinds: Iterable[str], language: str, around: Iterable[Say]) -> Iterator[Say]:
    """``around`` and the words of ``kinds``; nothing where no value can be spoken from words."""
    words = find_words(language)
    kinds = list(kinds)
    if words is None or not kinds:
        return
    yield from around
    for kind in kinds:
        yield from (Say(word, language) for word in words.vocabulary(kind))


# ---- what kind of value an expression can give -----------------------------------------------------------------------


def _kinds(expression: Expression, scope: Scope) -> Iterator[str]:
    for node in ast.walk(expression.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in _SPEAKING:
                yield node.func.id
            elif node.func.id == "money":
                yield from (f"money:{currency}" for currency in _currencies(node))
    yield from _of_type(infer(expression, scope, []))


def _currencies(call: ast.Call) -> tuple[str, ...]:
    if len(call.args) < 2:
        return (CURRENCY,)
    given = call.args[1]
    if not isinstance(given, ast.Constant):
        return SPOKEN_CURRENCIES
    return (str(given.value),) if given.value in SPOKEN_CURRENCIES else ()


def _of_type(kind: t.Type) -> tuple[str, ...]:
    if kind.kind == "list":
        return _of_type(kind.item or t.ANY)
    return _OF_TYPES.get(kind.kind, ())


def _scope(flow: Flow, node: Node) -> Scope:
    scope = Scope(flow.scope())
    for option in REGISTRY[node.type].options.values():
        scope = scope.adding(option.extra)
    each = node.get("each") if node.type == "play" else None
    expression = getattr(each, "expression", None)
    if isinstance(expression, Expression):
        items = infer(expression, scope, [])
        scope = scope.adding({"item": items.item or t.ANY} if items.kind == "list" else {})
    return scope


# ---- what node types say by themselves -------------------------------------------------------------------------------


def _value_kinds(flow: Flow, node: Node) -> tuple[str, ...]:
    """How a `collect` reads back what was typed."""
    if node.type != "collect":
        return ()
    kind = flow.variables[node.get("save").name].type
    return _of_type(kind) or ("digits",)


def _queue(flow: Flow, node: Node, language: str) -> Iterator[Say]:
    if not has_texts(language):
        return
    yield from (Say(text, language) for text in fixed_texts(language))
    announce = node.get("announce") or {}
    if announce.get("position"):
        yield from _builtin("position", language, ("number",))
    if announce.get("wait"):
        yield from _builtin("wait", language, ("duration",))
    offers = node.get("offer") or {}
    for sign, target in (node.get("keys") or {}).items():
        if target.ref.name in offers:
            yield offer_text(flow.nodes[target.ref.name].type, sign, language)


def _builtin(name: str, language: str, kinds: Iterable[str]) -> Iterator[Say]:
    if has_texts(language):
        yield from _words(kinds, language, fixed_pieces(split_text(name, language), language))
