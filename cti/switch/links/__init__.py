"""Connections to a switch: greenswitch's client on a wire layer of our own, an event and a command link per switch."""

from cti.switch.links.errors import AccessRefused, LinkLost
from cti.switch.links.link import Link
from cti.switch.links.pending import Pending
from cti.switch.links.settings import LinkSettings, LinkSink, LinkState
from cti.switch.links.switch_links import SwitchLinks

__all__ = ["AccessRefused", "Link", "LinkLost", "LinkSettings", "LinkSink", "LinkState", "Pending", "SwitchLinks"]
