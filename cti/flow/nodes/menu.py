"""`menu`: one key chooses the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from cti.flow import types as t
from cti.flow.expressions import Scope
from cti.flow.model import Flow, Node
from cti.flow.nodes.asking import ASKING_OPTIONS, Asking
from cti.flow.nodes.extra_kinds import Variable
from cti.flow.nodes.key_kinds import Keys, KeyTarget, Words, plain_word
from cti.flow.nodes.targets import check_target, check_variable
from cti.flow.readers import KEY_NAMES
from cti.flow.registry import CheckContext, Edge, Names, Option, Options, Taking, register
from cti.flow.step import Leave, Step


@register
class Menu(Asking):
    name, group = "menu", "Asking"
    doc = (
        "Asks for one key. Keys are 0 to 9, star and hash; each names a node, or `{to, value}` together with `save`. "
        "In a conversation by text the answer is the key, or one of its `words`."
    )
    options: ClassVar[Options] = {
        **ASKING_OPTIONS,
        "keys": Option(Keys(with_values=True), "the nodes that keys lead to", required=True),
        "words": Option(Words(), "what a caller may write instead of a key, in an SMS or a chat", default={}),
        "save": Option(Variable(), "where a key's `value` goes"),
    }
    exits = ("no_input", "no_match")
    good_exits = tuple(KEY_NAMES.values())
    example = """
main:
  type: menu
  say: {zh-CN: "查话费请按1，人工服务请按0。", en-US: "For your balance press 1, for an agent press 0."}
  keys: {1: balance, 0: agent}
  reprompt: {no_input: 2, no_match: 2}
  to: {else: agent}
"""

    def ways(self, node: Node) -> Iterator[Edge]:
        save = node.get("save")
        for sign, target in (node.get("keys") or {}).items():
            gives = frozenset({save.name}) if save and target.value is not None else frozenset()
            yield Edge(KEY_NAMES[sign], target.ref, gives)

    def effects(self, node: Node, exit: str, flow: Flow, scope: Scope) -> tuple[Names, Names]:
        return frozenset(), frozenset()

    def taking(self, node: Node, exit: str, flow: Flow) -> Taking:
        if exit in self.exits:
            return self.failing(node, exit)
        return Taking(chosen=True, keys=1, bounds=True)

    def check(self, node: Node, ctx: CheckContext) -> None:
        keys: dict[str, KeyTarget] = node.get("keys") or {}
        if node.get("keys") == {}:
            ctx.report(node.at("keys"), "missing-option", "a menu without keys asks for nothing")
        self._words(node, ctx)
        save = node.get("save")
        kind = check_variable(save, ctx) if save else None
        for target in keys.values():
            if target.value is None:
                continue
            if save is None:
                ctx.report(target.value.place, "missing-option", "a key has a value, but the menu has no 'save'")
            elif kind is not None:
                check_target(save.name, target.value, kind, ctx)

    def _words(self, node: Node, ctx: CheckContext) -> None:
        meant: dict[str, str] = {plain_word(sign): sign for sign in node.get("keys") or {}}
        for sign, words in (node.get("words") or {}).items():
            if sign not in (node.get("keys") or {}):
                ctx.report(node.at("words"), "unknown-key", f"the menu has no key {KEY_NAMES[sign]} for these words")
            for word in words:
                other = meant.setdefault(plain_word(word), sign)
                if other != sign:
                    message = f"'{word[:40]}' means {KEY_NAMES[other]} already, and cannot mean {KEY_NAMES[sign]}"
                    ctx.report(node.at("words"), "duplicate-key", message)

    def enter(self, step: Step) -> Leave | None:
        if not step.option("type_ahead"):
            step.flush_keys()
        return self.ask(step)

    def written(self, step: Step, text: str) -> Leave | None:
        said = plain_word(text)
        for sign in step.option("keys"):
            if said in (sign, KEY_NAMES[sign], *map(plain_word, step.option("words").get(sign, ()))):
                return self.key(step, sign)
        return self.again(step, "no_match", note="a text that means nothing here")

    def means(self, step: Step, key: str) -> bool | None:
        return key in step.option("keys")

    def key(self, step: Step, key: str) -> Leave | None:
        target: KeyTarget | None = step.option("keys").get(key)
        if target is None:
            return self.again(step, "no_match", note=KEY_NAMES[key])
        save = step.option("save")
        if save is not None and target.value is not None:
            step.set(save.name, step.value(target.value, t.ANY), step.tainted(target.value))
        return Leave(KEY_NAMES[key], target.ref.name, note=KEY_NAMES[key])
