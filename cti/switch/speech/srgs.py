"""Grammars for the types of the flow language: SRGS 1.0 in its XML form (W3C, 2004), without semantic tags, because
`cti.flow.dictation` reads the words. Whatever such a grammar accepts, it understands; a test goes through both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from cti.flow.dictation import find_reader

__all__ = ["Alt", "Rep", "Rule", "Seq", "grammar_rules", "write_grammar"]

NAMESPACE = "http://www.w3.org/2001/06/grammar"


@dataclass(frozen=True, slots=True)
class Seq:
    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    choices: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Rep:
    """``item`` from ``least`` to ``most`` times."""

    item: Rule
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Ref:
    """Another rule of the same grammar."""

    name: str


Rule = Seq | Alt | Rep | Ref | str
"""A text is one token, or several with blanks between."""
Rules = Mapping[str, Rule]


def seq(*parts: Rule) -> Seq:
    return Seq(parts)


def one_of(words: str | Sequence[Rule]) -> Alt:
    return Alt(tuple(words.split()) if isinstance(words, str) else tuple(words))


def maybe(*parts: Rule) -> Rep:
    return Rep(parts[0] if len(parts) == 1 else Seq(parts), 0, 1)


def _chinese() -> dict[str, Rule]:
    digit = one_of("零 幺 一 二 两 三 四 五 六 七 八 九")
    one = one_of("一 二 三 四 五 六 七 八 九")
    counted = one_of("一 二 两 三 四 五 六 七 八 九")
    below_100: Rule = Alt((one, seq(maybe(one), "十", maybe(one))))
    hundreds = seq(counted, "百", maybe(Alt((seq("零", one), seq(one, maybe("十", maybe(one)))))))
    thousands = seq(counted, "千", maybe(Alt((seq("零", Alt((one, seq(one, "十", maybe(one))))), Ref("hundreds")))))
    section: Rule = Alt((Ref("below_100"), "两", Ref("hundreds"), Ref("thousands")))
    whole = Alt(("零", seq(Ref("section"), maybe("万", maybe(Alt((Ref("thousands"), seq("零", one))))))))
    decimal = seq(Ref("whole"), maybe("点", Rep(digit, 1, 4)))
    money = Alt((Ref("decimal"), seq(Ref("whole"), one_of("元 块"), maybe(one, maybe(one_of("角 毛"))))))
    year = seq(one_of(["一 九", "二 零"]), Rep(one_of("零 一 二 三 四 五 六 七 八 九"), 2, 2), "年")
    month = seq(Alt((one, "十", "十 一", "十 二")), "月")
    day = seq(Alt((one, seq("十", maybe(one)), seq("二 十", maybe(one)), "三 十", "三 十 一")), one_of("日 号"))
    hour = Alt((counted, "零", seq("十", maybe(one)), seq("二 十", maybe(one_of("一 二 三")))))
    minute = Alt((seq("零", one), seq(maybe(one_of("二 三 四 五")), "十", maybe(one))))
    half = one_of(["早 上", "上 午", "中 午", "下 午", "晚 上"])
    clock = seq(maybe(half), hour, "点", maybe(Alt(("半", "整", "一 刻", "三 刻", seq(minute, maybe("分"))))))
    return {
        "digits": Rep(digit, 1, 32),
        "below_100": below_100,
        "hundreds": hundreds,
        "thousands": thousands,
        "section": section,
        "whole": whole,
        "int": whole,
        "decimal": decimal,
        "money": money,
        "date": seq(year, month, day),
        "time": clock,
        "yes_no": one_of(["是", "是 的", "对", "没 错", "正 确", "好 的", "不", "不 是", "不 对", "错 了"]),
    }


def _english() -> dict[str, Rule]:
    digit = one_of("zero oh one two three four five six seven eight nine")
    ones = one_of("one two three four five six seven eight nine")
    teens = one_of("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
    tens = one_of("twenty thirty forty fifty sixty seventy eighty ninety")
    below_100 = Alt((ones, teens, seq(tens, maybe(ones))))
    section = Alt((Ref("below_100"), seq(ones, "hundred", maybe(maybe("and"), Ref("below_100")))))
    whole = Alt(("zero", seq(Ref("section"), maybe("thousand", maybe(maybe("and"), Ref("section"))))))
    decimal = seq(Ref("whole"), maybe("point", Rep(digit, 1, 4)))
    coins = seq(maybe("and"), Ref("below_100"), one_of("cents fen"))
    money = Alt((Ref("decimal"), seq(Ref("whole"), one_of("yuan dollars"), maybe(coins))))
    months = "January February March April May June July August September October November December"
    ordinals = "first second third fourth fifth sixth seventh eighth ninth"
    teenth = (
        "tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
    )
    day = Alt((one_of(ordinals), one_of(teenth), seq("twenty", one_of(ordinals)), "thirtieth", "thirty first"))
    year = Alt(
        (
            seq(one_of("nineteen twenty"), Alt((seq("oh", ones), teens, seq(tens, maybe(ones))))),
            seq("two thousand", maybe(maybe("and"), Alt((ones, teens)))),
        )
    )
    hour = Alt((ones, one_of("ten eleven twelve")))
    minute = Alt((seq("oh", ones), teens, seq(one_of("twenty thirty forty fifty"), maybe(ones))))
    half = one_of(["a m", "p m"])
    past = seq(one_of(["half past", "quarter past", "quarter to"]), hour)
    clock = Alt((seq(hour, maybe(minute), maybe(half)), seq(past, maybe(half))))
    return {
        "digits": Rep(Alt((digit, seq("double", digit), seq("triple", digit))), 1, 32),
        "below_100": below_100,
        "section": section,
        "whole": whole,
        "int": whole,
        "decimal": decimal,
        "money": money,
        "date": seq(one_of(months), day, year),
        "time": clock,
        "yes_no": one_of(["yes", "yeah", "right", "correct", "no", "nope", "wrong"]),
    }


_BUILDERS: dict[str, Callable[[], dict[str, Rule]]] = {"zh": _chinese, "en": _english}


def root_of(expects: str) -> str:
    """The rule for a type as `Listen` names it: ``phone(mobile)`` and ``text`` are digits, ``decimal`` is money."""
    kind = expects.partition("(")[0].partition("[")[0].rstrip("?!")
    return {"text": "digits", "phone": "digits", "decimal": "money"}.get(kind, kind)


def grammar_rules(expects: str, language: str, words: Sequence[str] = ()) -> tuple[str, Rules] | None:
    """The name of the root rule, and the rules that it needs; None where there is no grammar: another language than
    Chinese and English, or another type."""
    if words:
        return "words", {"words": one_of([_tokens(word, language) for word in words])}
    build = _BUILDERS.get(language.split("-")[0].lower()) if find_reader(language) is not None else None
    root = root_of(expects)
    rules = build() if build is not None else {}
    if root not in rules:
        return None
    needed: dict[str, Rule] = {}
    _collect(root, rules, needed)
    return root, needed


def _tokens(word: str, language: str) -> str:
    """Chinese is not written with blanks; engines want them between characters."""
    return " ".join(_spaced(word)) if language.startswith("zh") else word


def _spaced(word: str) -> list[str]:
    spaced = "".join(f" {char} " if ord(char) > 0x2E7F else char for char in word)
    return spaced.split()


def _collect(name: str, rules: Rules, needed: dict[str, Rule]) -> None:
    if name not in needed:
        needed[name] = rules[name]
        for other in _refs(rules[name]):
            _collect(other, rules, needed)


def _refs(rule: Rule) -> list[str]:
    if isinstance(rule, Ref):
        return [rule.name]
    inside = rule.parts if isinstance(rule, Seq) else rule.choices if isinstance(rule, Alt) else ()
    return [name for part in inside for name in _refs(part)] + (_refs(rule.item) if isinstance(rule, Rep) else [])


def write_grammar(expects: str, language: str, words: Sequence[str] = ()) -> str | None:
    """An SRGS document on one line; None as `grammar_rules`."""
    found = grammar_rules(expects, language, words)
    if found is None:
        return None
    root, rules = found
    about = {"xmlns": NAMESPACE, "version": "1.0", "mode": "voice", "root": root, "xml:lang": language}
    grammar = ElementTree.Element("grammar", about)
    for name, rule in rules.items():
        element = ElementTree.SubElement(
            grammar, "rule", {"id": name, "scope": "public" if name == root else "private"}
        )
        _write(rule, element)
    return '<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(grammar, encoding="unicode")


def _write(rule: Rule, parent: ElementTree.Element) -> None:
    if isinstance(rule, Ref):
        ElementTree.SubElement(parent, "ruleref", {"uri": f"#{rule.name}"})
    elif isinstance(rule, Rep):
        _write(rule.item, ElementTree.SubElement(parent, "item", {"repeat": f"{rule.least}-{rule.most}"}))
    elif isinstance(rule, Alt):
        element = ElementTree.SubElement(parent, "one-of")
        for choice in rule.choices:
            _write(choice, ElementTree.SubElement(element, "item"))
    elif isinstance(rule, Seq):
        for part in rule.parts:
            _write(part, ElementTree.SubElement(parent, "item"))
    else:
        parent.text = rule
