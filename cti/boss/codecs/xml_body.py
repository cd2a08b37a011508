"""XML, in any charset, and SOAP 1.1 and 1.2 around it. Pure.

A field is an element below the root, at a path of local names (``account.balance``); ``@id`` as the last step is an
attribute. Read, the root is a tree: elements by their local names, several of one name as a list, an element with
neither children nor attributes as its text. A document type is refused, and with it every entity of its own.

SOAP: fields and answer stand in the first element of the body (SOAP 1.1, section 4.3). What it reads has ``fault``: its
``code`` (the local name, so `Client` and `Sender` without their prefix; empty where there is none) and ``text``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from lxml import etree

from cti.boss.codecs import charset as cs
from cti.boss.codecs.errors import CodecError
from cti.boss.codecs.fields import FieldOptions, from_text
from cti.boss.codecs.pairs import TypedFields

#: Deeper, and more elements, than any answer of a back office.
MOST_DEEP, MOST_ELEMENTS = 40, 20_000
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,79}")
ENVELOPES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
_DECLARED = re.compile(rb"^\s*<\?xml[^>]*\?>")


class XmlBody:
    """``root``: the element around the fields that are written; ``namespace``: its default one."""

    def __init__(self, fields: Sequence[FieldOptions], charset: str, root: str, namespace: str | None) -> None:
        self._typed, self._fields, self._charset = TypedFields(fields), tuple(fields), charset
        self._root, self._namespace = root, namespace

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        return _document(self._tree(fields), self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        return self._read(read_xml(body, self._charset))

    def _tree(self, fields: Mapping[str, Any]) -> etree._Element:
        default: Any = {None: self._namespace} if self._namespace else None
        root = etree.Element(self._named(self._root), nsmap=default)
        for name, text in self._typed.texts(fields):
            at, (*outer, last) = root, name.split(".")
            for step in outer:
                found = next((one for one in at if one.tag == self._named(step)), None)
                at = etree.SubElement(at, self._named(step)) if found is None else found
            try:
                if last.startswith("@"):
                    at.set(_checked(last[1:]), text)
                else:
                    etree.SubElement(at, self._named(last)).text = text
            except ValueError:  # a control character has no spelling in XML
                raise CodecError("bad-value", name) from None
        return root

    def _read(self, root: etree._Element) -> dict[str, Any]:
        found = _value(root)
        tree = found if isinstance(found, dict) else {"#text": found}
        for field in self._fields:
            _type(tree, field)
        return tree

    def _named(self, name: str) -> str:
        return f"{{{self._namespace}}}{_checked(name)}" if self._namespace else _checked(name)


class SoapBody(XmlBody):
    """The same in an envelope."""

    def __init__(
        self,
        fields: Sequence[FieldOptions],
        charset: str,
        root: str,
        namespace: str | None,
        version: Literal["1.1", "1.2"],
    ) -> None:
        super().__init__(fields, charset, root, namespace)
        self._envelope = ENVELOPES[version]

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Raises CodecError."""
        envelope = etree.Element(f"{{{self._envelope}}}Envelope", nsmap={"soap": self._envelope})
        etree.SubElement(envelope, f"{{{self._envelope}}}Body").append(self._tree(fields))
        return _document(envelope, self._charset)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Raises CodecError."""
        root = read_xml(body, self._charset)
        inner = next((one for one in root if _local(one) == "Body"), None)
        if _local(root) != "Envelope" or inner is None:
            raise CodecError("bad-body")
        answer = next(iter(inner), None)
        if answer is None:
            return {"fault": {"code": "", "text": ""}}
        if _local(answer) == "Fault":
            return {"fault": _fault(answer)}
        return {**self._read(answer), "fault": {"code": "", "text": ""}}


def read_xml(body: bytes, charset: str) -> etree._Element:
    """The root. The charset is what the configuration says, whatever the declaration claims. Raises CodecError."""
    text = cs.to_text(_DECLARED.sub(b"", body), charset).lstrip("\ufeff")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode("utf-8", "strict"), parser)
    except (etree.XMLSyntaxError, ValueError):
        raise CodecError("bad-body") from None
    about: Any = root.getroottree().docinfo
    if about.doctype:
        raise CodecError("document-type")
    if _deep(root) > MOST_DEEP or sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        raise CodecError("bad-body")
    return root


def _document(root: etree._Element, charset: str) -> bytes:
    text = etree.tostring(root, encoding="unicode")
    return cs.to_bytes(f'<?xml version="1.0" encoding="{charset}"?>{text}', charset)


def _deep(root: etree._Element) -> int:
    deepest, level = 0, [root]
    while level and deepest <= MOST_DEEP:
        deepest += 1
        level = [inner for one in level for inner in one]
    return deepest


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _value(element: etree._Element) -> Any:
    found: dict[str, Any] = {f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()}
    text = element.text or ""
    if not found and not len(element):
        return text
    for inner in element:
        name, value = _local(inner), _value(inner)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if text.strip():
        found["#text"] = text
    return found


def _fault(fault: etree._Element) -> dict[str, str]:
    """Of SOAP 1.1 (``faultcode``, ``faultstring``) and 1.2 (``Code/Value``, the innermost ``Subcode``; ``Reason``)."""
    codes = [*_texts(fault, "faultcode"), *_texts(fault, "Value")]
    texts = [*_texts(fault, "faultstring"), *_texts(fault, "Text")]
    return {"code": codes[-1].strip().rpartition(":")[2] if codes else "unknown", "text": texts[0] if texts else ""}


def _texts(element: etree._Element, name: str) -> Iterable[str]:
    return (one.text or "" for one in element.iter() if _local(one) == name)


def _type(tree: dict[str, Any], field: FieldOptions) -> None:
    """Puts the value in the place of the text."""
    at: Any = tree
    *outer, last = field.name.split(".")
    for step in outer:
        at = at.get(step) if isinstance(at, dict) else None
    text = at.get(last) if isinstance(at, dict) else None
    if isinstance(text, dict):  # attributes beside it
        text = text.get("#text")
    if text is None:
        if field.required:
            raise CodecError("missing-field", field.name)
        return
    if not isinstance(text, str):
        raise CodecError("bad-field", field.name)
    at[last] = from_text(field, text)


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise CodecError("bad-value", name)
    return name
