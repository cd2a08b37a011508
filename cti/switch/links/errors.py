"""How a link fails. greenswitch's own exceptions are bases, so that code written for it catches the same things."""

from __future__ import annotations

from greenswitch.esl import NotConnectedError

from cti.core.errors import SwitchUnavailable


class LinkLost(SwitchUnavailable, NotConnectedError):
    """The connection is not there: never made, ended by the switch, cut, or given up.

    Codes: ``switch-unreachable``, ``switch-silent``, ``link-lost``, ``link-stopped``, ``link-busy``.
    """

    code = "link-lost"


class AccessRefused(LinkLost, ValueError):
    """The switch does not want us. Asking again at once would only fill its log.

    Codes: ``password-refused``, ``acl-rejected``.
    """

    code = "password-refused"
