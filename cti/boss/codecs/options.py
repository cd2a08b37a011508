"""How a body is written, as configuration says it, and what no schema can tell of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, Protocol

from pydantic import Field

from cti.boss.codecs.charset import is_charset
from cti.boss.codecs.delimited import Delimited, Fixed
from cti.boss.codecs.fields import FieldOptions, Path, prove_field
from cti.boss.codecs.form_body import FormBody
from cti.boss.codecs.json_body import JsonBody
from cti.boss.codecs.pairs import Mml, Pairs
from cti.boss.codecs.tlv import Tlv
from cti.boss.codecs.xml_body import NAME, SoapBody, XmlBody
from cti.boss.way import Finding
from cti.validating import Section


class Codec(Protocol):
    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError and nothing else."""

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError and nothing else."""


class MmlColumns(Section):
    names: str = Field("ATTR", description="the parameter that names columns, parted by &")
    values: str = Field("RESULT", description="the one with their values, parted by |, rows by &")


class BodyOptions(Section):
    """``charset`` None: the surrounding way's."""

    codec: Literal["delimited", "fixed", "keyvalue", "mml", "json", "tlv", "xml", "soap", "form"]
    fields: tuple[FieldOptions, ...] = ()
    charset: str | None = None
    sep: str | None = Field(None, min_length=1, max_length=8, description="delimited: between fields; keyvalue: pairs")
    rows: str | None = Field(None, min_length=1, max_length=8, description="delimited: between records, then `rows`")
    escape: str | None = Field(None, min_length=1, max_length=1, description="before a separator that is data")
    assign: str = Field("=", min_length=1, max_length=8, description="keyvalue: between a name and its value")
    command: str | None = Field(None, pattern=r"^[A-Za-z][A-Za-z0-9_ ]{0,79}$", description="mml: the command")
    columns: MmlColumns | None = Field(None, description="mml: an answer that names its columns and gives their values")
    root: str = Field("request", pattern=f"^{NAME.pattern}$", description="xml, soap: the element around the fields")
    namespace: str | None = Field(None, max_length=200, description="xml, soap: of the root and what is in it")
    version: Literal["1.1", "1.2"] = Field("1.1", description="soap: of the envelope")
    length_size: Literal[1, 2, 4] = Field(2, description="tlv: bytes of each length")
    order: Literal["big", "little"] = Field("big", description="tlv: of the lengths")


#: Which option is for which codecs; `codec`, `fields` and `charset` are for all.
_USED_BY: Mapping[str, Collection[str]] = {
    "sep": ("delimited", "keyvalue"),
    "rows": ("delimited",),
    "escape": ("delimited", "keyvalue"),
    "assign": ("keyvalue",),
    "command": ("mml",),
    "columns": ("mml",),
    "root": ("xml", "soap"),
    "namespace": ("xml", "soap"),
    "version": ("soap",),
    "length_size": ("tlv",),
    "order": ("tlv",),
}
#: Codecs that carry a field by its place: without a list of fields they mean nothing.
BY_PLACE = ("delimited", "fixed", "tlv")


def prove_body(options: BodyOptions, path: Path) -> Iterator[Finding]:
    """Every finding, each at its own option below ``path``."""
    for option in sorted(options.model_fields_set & _USED_BY.keys()):
        if options.codec not in _USED_BY[option]:
            users = " and ".join(_USED_BY[option])
            yield Finding((*path, option), "bad-option", f"'{option}' is for codec {users}, not for {options.codec}")
    if options.charset is not None and not is_charset(options.charset):
        yield unknown_charset(options.charset, (*path, "charset"))
    if options.codec in BY_PLACE and not options.fields:
        yield Finding(path, "missing-option", f"codec {options.codec} needs 'fields', in their order")
    seen: set[str] = set()
    for at, field in enumerate(options.fields):
        yield from prove_field(field, options.codec, (*path, "fields", at))
        if field.name in seen:
            yield Finding((*path, "fields", at), "duplicate-key", f"'{field.name}' is among the fields already")
        seen.add(field.name)
    if len({len(field.tag or "") for field in options.fields}) > 1:
        yield Finding((*path, "fields"), "bad-option", "all tags must have the same number of bytes")
    marks = [mark for mark in (_separator(options), options.rows, options.escape) if mark]
    if len(set(marks)) < len(marks):
        yield Finding((*path, "sep"), "bad-option", "'sep', 'rows' and 'escape' must differ")
    yield from _order_of_optional(options, path)


def _order_of_optional(options: BodyOptions, path: Path) -> Iterator[Finding]:
    """A short record must be unambiguous: what may be left out stands last (or is sent empty)."""
    if options.codec == "delimited" and len(options.fields) == 1 and not options.fields[0].required and options.rows:
        where = (*path, "fields", 0)
        yield Finding(where, "bad-option", "a record with one field that may be missing cannot be told from none")


def unknown_charset(name: str, path: Path) -> Finding:
    remedy = "write one that Python knows, such as gb18030, utf-8, ascii or big5"
    return Finding(path, "unknown-charset", f"'{name[:40]}' is no charset: {remedy}")


def make_codec(options: BodyOptions, charset: str) -> Codec:
    """Of proven options. ``charset``: where they name none."""
    charset = options.charset or charset
    match options.codec:
        case "delimited":
            sep = _separator(options) or "|"
            return Delimited(options.fields, charset, sep, rows=options.rows, escape=options.escape)
        case "fixed":
            return Fixed(options.fields, charset)
        case "keyvalue":
            sep = _separator(options) or "&"
            return Pairs(options.fields, charset, sep, options.assign, escape=options.escape)
        case "mml":
            columns = (options.columns.names, options.columns.values) if options.columns else None
            return Mml(options.fields, charset, options.command, columns)
        case "json":
            return JsonBody(options.fields, charset)
        case "xml":
            return XmlBody(options.fields, charset, options.root, options.namespace)
        case "soap":
            return SoapBody(options.fields, charset, options.root, options.namespace, options.version)
        case "form":
            return FormBody(options.fields, charset)
        case "tlv":
            return Tlv(options.fields, charset, options.length_size, options.order)


def _separator(options: BodyOptions) -> str | None:
    return options.sep or {"delimited": "|", "keyvalue": "&"}.get(options.codec)
