"""Agents' and supervisors' legs on one switch: the `LegControl` port spoken over the event socket."""

from cti.switch.legs.control import Legs

__all__ = ["Legs"]
