"""Checks of what is written to variables, shared by every node type that saves something."""

from __future__ import annotations

from collections.abc import Mapping

from cti.flow import types as t
from cti.flow.expressions import Scope, infer
from cti.flow.model import Computed, NodeRef, Value
from cti.flow.nodes.extra_kinds import NamedValue
from cti.flow.readers import check_value
from cti.flow.registry import CheckContext, Names
from cti.flow.suggest import did_you_mean

READ_ONLY = ("called", "medium", "now")


def check_variable(ref: NodeRef, ctx: CheckContext) -> t.Type | None:
    """The type of the variable that is written to; None (reported) when there is none."""
    if ref.name in READ_ONLY:
        ctx.report(ref.place, "read-only-variable", f"'{ref.name}' cannot be set")
        return None
    declared = {**ctx.flow.variables, "language": None}
    if ref.name not in declared:
        hint = did_you_mean(ref.name, declared) or "; declare it under vars:"
        ctx.report(ref.place, "undefined-variable", f"'{ref.name}' is no variable of this flow{hint}")
        return None
    return ctx.flow.scope()[ref.name]


def check_target(name: str, value: Value, kind: t.Type, ctx: CheckContext, scope: Scope | None = None) -> None:
    """May ``value`` be written to a variable of ``kind``?"""
    check_value(value, kind, kind.optional, scope or ctx.scope, ctx.issues)


def check_saves(saves: Mapping[str, NamedValue] | None, ctx: CheckContext, scope: Scope) -> None:
    for name, named in (saves or {}).items():
        kind = check_variable(NodeRef(name, named.name_place), ctx)
        if kind is not None:
            check_target(name, named.value, kind, ctx, scope)


def save_effects(saves: Mapping[str, NamedValue] | None, scope: Scope) -> tuple[Names, Names]:
    """Which variables are given, and which perhaps absent, after the saves."""
    gives: set[str] = set()
    takes: set[str] = set()
    for name, named in (saves or {}).items():
        optional = isinstance(named.value, Computed) and infer(named.value.expression, scope, []).optional
        (takes if optional else gives).add(name)
    return frozenset(gives), frozenset(takes)
