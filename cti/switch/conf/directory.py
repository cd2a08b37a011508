"""The switch's directory of agents' phones as XML: for mod_xml_curl, and as the file that answers when the API does
not. Pure; built by a serializer only.

Format: the directory of FreeSWITCH (domain, groups, users; params and variables). A phone's password is given as RFC
2617's HA1, which opens this domain only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import md5
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cti.core.people import PhoneAccount

#: As in freeswitch_conf/directory/phones.xml: how the switch rings a phone; the switch fills in which.
DIAL_STRING = "{^^:presence_id=${dialed_user}@${dialed_domain}}sofia/phones/${dialed_user}%${dialed_domain}"
GROUP = "agents"
_COMMAND = re.compile(rb"(?i)(x)-(pre-process)")
#: Included by freeswitch_conf/directory/phones.xml, below the switch's `conf` folder.
AGENTS_FILE = "local/agents.xml"


def directory_document(domain: str, phones: Iterable[PhoneAccount]) -> bytes:
    """What mod_xml_curl is answered: the domain with these users and no others."""
    root = Element("document", type="freeswitch/xml")
    section = SubElement(root, "section", name="directory")
    found = SubElement(section, "domain", name=domain)
    params = SubElement(found, "params")
    _param(params, "dial-string", DIAL_STRING)
    _param(params, "allow-empty-password", "false")
    group = SubElement(SubElement(found, "groups"), "group", name=GROUP)
    SubElement(group, "users").extend(_user(domain, phone) for phone in phones)
    return _written(root)


def not_found() -> bytes:
    """The switch goes on to its own files then."""
    root = Element("document", type="freeswitch/xml")
    SubElement(SubElement(root, "section", name="result"), "result", status="not found")
    return _written(root)


def agents_file(domain: str, phones: Iterable[PhoneAccount]) -> bytes:
    """`AGENTS_FILE`. The switch reads it line by line and drops those with ``<include>``: each element has its own."""
    root = Element("include")
    root.extend(_user(domain, phone) for phone in phones)
    if len(root):
        indent(root)
        return _written(root)
    return b"<include>\n</include>\n"


def ha1(user: str, domain: str, password: str) -> str:
    """RFC 2617 3.2.2.2: hexadecimal MD5 of ``user:realm:password``; the realm of phones is the domain."""
    return md5(f"{user}:{domain}:{password}".encode(), usedforsecurity=False).hexdigest()


def shown_name(name: str) -> str:
    """As the switch can keep it. It writes every user out again and reads that; after ``<!`` it escapes nothing
    (switch_xml.c, switch_xml_ampencode, 1.10.12), so that a name could end its attribute and add what it likes."""
    return name.replace("<!", "< !")


def _user(domain: str, phone: PhoneAccount) -> Element:
    user = Element("user", id=phone.number)
    _param(SubElement(user, "params"), "a1-hash", ha1(phone.number, domain, phone.secret))
    variables = SubElement(user, "variables")
    for name, value in (
        ("user_context", "phones"),
        ("cti_phone", phone.number),
        ("effective_caller_id_number", phone.number),
        ("effective_caller_id_name", shown_name(phone.name)),
    ):
        SubElement(variables, "variable", name=name, value=value)
    return user


def _param(parent: Element, name: str, value: str) -> None:
    SubElement(parent, "param", name=name, value=value)


def _written(root: Element) -> bytes:
    # Before it reads XML, in answers too, the switch expands `$${name}` in the text and drops each line with the name
    # of its commands (switch_xml.c, preprocess). Ours stand in values, where a reference to a character means the same.
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return without_commands(text.replace(b"$", b"&#36;")) + b"\n"


def without_commands(text: bytes) -> bytes:
    """For documents in which the switch may expand its own variables; see `_written`."""
    return _COMMAND.sub(rb"\1&#45;\2", text)
