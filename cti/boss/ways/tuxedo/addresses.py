"""Where a Tuxedo client goes: WSNADDR, in the spellings of Oracle's manual (`tuxenv`, "WSNADDR").

The client library connects by itself, so that the list of targets is asked when the environment is read and never
again; that is why a host must be listed there by what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from cti.core.targets import TargetRules

#: ``//host:port``, ``//[v6]:port``, ``\\x0002PPPPAAAAAAAA`` (family, port, address); several with , and | and brackets.
_PLACE = re.compile(r"//(?:\[([^\]]+)\]|([^/:,|()\[\]\s]+)):([0-9]{1,5})")
_HEX = re.compile(r"(?:0x|\\x)0002([0-9a-f]{4})([0-9a-f]{8})(?:0{16})?", re.IGNORECASE)
VARIABLE = "WSNADDR"


def refused_addresses(environment: Mapping[str, str], rules: TargetRules) -> Iterator[str]:
    """Why, of each that may be no target. What is taken from ``${NAME}`` is checked when it is known."""
    text = environment.get(VARIABLE, "")
    for part in re.split(r"[,|()]+", "" if text.startswith("${") else text):
        why = _refusal(part.strip(), rules) if part.strip() else None
        if why is not None:
            yield why


def _refusal(part: str, rules: TargetRules) -> str | None:
    found, packed = _PLACE.fullmatch(part), _HEX.fullmatch(part)
    if found is not None:
        return rules.refusal(found[1] or found[2], int(found[3]), final=True)
    if packed is not None:
        return rules.refusal(str(IPv4Address(int(packed[2], 16))), int(packed[1], 16), final=True)
    if not rules.limited:
        return None
    return "an address that cannot be read cannot be compared with security.targets: write //host:port"
