"""Between our words and theirs: inputs become the back end's fields, the answer's fields our outputs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cti.boss.paths import MISSING, FieldPath
from cti.core.numbers import normalise_number
from cti.flow import types as t
from cti.flow.catalog import LookupSignature
from cti.flow.types import BadValue, convert

KEY = "key"
OK = "ok"


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes into one field of theirs: an input, the request's key, or always the same text."""

    name: str
    source: str | None = None
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """How one target speaks. ``send`` empty: the inputs by their own names, and the key of a write as ``key``.

    ``take``: for each output where it stands; what is not named is looked for by its own name. ``errors``: code ->
    outcome; ``good``: codes that mean ok (empty: every code that is not among the errors).
    """

    send: tuple[Sent, ...] = ()
    take: Mapping[str, FieldPath] | None = None
    code: FieldPath | None = None
    good: frozenset[str] = frozenset()
    errors: Mapping[str, str] | None = None


class UnknownCode(Exception):
    """The back end answered with a code that nobody has declared. ``code``: shortened, printable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def bind(signature: LookupSignature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared input by its type; telephone numbers in the national spelling. Raises BadValue."""
    if unknown := set(arguments) - set(signature.inputs):
        raise BadValue(f"{', '.join(sorted(unknown))} is not among its inputs")
    values: dict[str, Any] = {}
    for name, kind in signature.inputs.items():
        try:
            value = convert(kind, arguments.get(name))
        except BadValue as error:
            raise BadValue(f"{name}: {error}") from None
        values[name] = normalise_number(value) if kind.kind == "phone" and value is not None else value
    return values


def outgoing(mapped: Mapped, inputs: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    """The back end's fields."""
    known = {**inputs, KEY: key} if key is not None else inputs
    if not mapped.send:
        return dict(known)
    return {sent.name: sent.constant if sent.source is None else known[sent.source] for sent in mapped.send}


def outcome_of(mapped: Mapped, fields: Mapping[str, Any]) -> str:
    """ok or a declared outcome, by the answer's code. Raises UnknownCode."""
    if mapped.code is None:
        return OK
    found = mapped.code.find(fields)
    code = "" if found is MISSING or found is None else str(found).strip()
    errors = mapped.errors or {}
    if code in errors:
        return errors[code]
    if (mapped.good and code not in mapped.good) or found is MISSING:
        raise UnknownCode("".join(char for char in code[:32] if char.isprintable()) or "(none)")
    return OK


def incoming(
    mapped: Mapped, signature: LookupSignature, fields: Mapping[str, Any], filled: Collection[str] = ()
) -> dict[str, Any]:
    """The declared outputs by their types. Raises BadValue, which names the field and never its value.

    ``filled``: outputs that we fill in where the answer has none; left out here.
    """
    values: dict[str, Any] = {}
    for name, kind in signature.outputs.items():
        path = (mapped.take or {}).get(name)
        found = path.find(fields) if path is not None else fields.get(name, MISSING)
        if found is MISSING and name in filled:
            continue
        if found is MISSING and not kind.optional:
            raise BadValue(f"the answer has no {path.text if path else name} for '{name}'")
        try:
            values[name] = convert(kind, None if found is MISSING else _plain(kind, found))
        except BadValue as error:
            raise BadValue(f"{name}: {error}") from None
    return values


def _plain(kind: t.Type, found: Any) -> Any:
    """An empty text where no text is wanted says that there is nothing; a whole decimal does for a number."""
    if isinstance(found, str) and kind.kind not in ("text", "any"):
        stripped = found.strip()
        return stripped if stripped or not kind.optional else None
    if kind.kind == "int" and isinstance(found, Decimal) and found == found.to_integral_value():
        return int(found)
    return found
