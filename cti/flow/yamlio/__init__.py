"""YAML as flow authors write it: read with limits, every value with its place, every trap named."""

from cti.flow.yamlio.located import Mapping, Node, Scalar, Sequence
from cti.flow.yamlio.read import MAX_BYTES, read_yaml

__all__ = ["MAX_BYTES", "Mapping", "Node", "Scalar", "Sequence", "read_yaml"]
