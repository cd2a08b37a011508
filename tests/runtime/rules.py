"""The alarm rules that are shipped, and the metrics that they ask for."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
#: Words of PromQL, and labels, that look like names of metrics.
NAME = re.compile(r"\b((?:cti|process)_[a-z0-9_]+)\b")
#: The group of what only processes with roles apart tell.
CLUSTER = "cti-cluster"


def expressions(*, cluster: bool) -> list[str]:
    """Of the rules about a cluster, or of all others."""
    groups = yaml.safe_load((OPERATIONS / "alarms.yaml").read_text("utf-8"))["groups"]
    return [rule["expr"] for group in groups if (group["name"] == CLUSTER) is cluster for rule in group["rules"]]
