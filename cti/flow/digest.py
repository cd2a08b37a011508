"""The content of a file without its comments, spacing and tests: what decides whether a flow has changed."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from cti.flow.yamlio import Mapping, Node, Scalar, Sequence


def digest_of(top: Mapping) -> str:
    entries = tuple((key, value) for key, value in top if key.text not in ("tests", "title"))
    canonical = json.dumps(_plain(Mapping(entries, top.place)), ensure_ascii=False, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def _plain(node: Node) -> Any:
    """Order is kept: it means something (the node below, cases, keys)."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return {"": [[key.text, _plain(value)] for key, value in node]}
