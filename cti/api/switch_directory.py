"""``/switch/directory``: a switch asks who its phones are (mod_xml_curl), and for all of them at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from cti.api.bodies import form_body
from cti.api.guard import access_of
from cti.api.once import Once
from cti.api.paging import known_only
from cti.api.problems import Problem
from cti.api.sessions import never_cached
from cti.core.access import Permission, ResourceScope
from cti.core.access.policy import OUT_OF_SCOPE
from cti.core.errors import CtiError
from cti.switch.conf.configuration import SOFIA, TRUNKS, addresses_document, sofia_document
from cti.switch.conf.directory import agents_file, directory_document, not_found
from cti.switch.conf.render import find_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import falcon

    from cti.runtime.account_services import AccountServices
    from cti.store.agents import Agents
    from cti.switch.conf.configuration import TrunkSettings

log = logging.getLogger("cti.api")

XML = "text/xml; charset=utf-8"
#: What is read of a request; a switch sends much more, such as headers that a phone has made up.
_FIELDS = ("section", "user", "domain", "key_value")
_FIELD_MAX = 256


@dataclass(frozen=True, slots=True)
class Switches:
    """``domains``: of each switch of ours, the one in which agents' phones register. ``trunks``: the settings of
    switches that are told theirs."""

    domains: Mapping[str, str]
    trunks: Mapping[str, TrunkSettings]


NO_SWITCHES = Switches(MappingProxyType({}), MappingProxyType({}))


class SwitchDirectory:
    """``POST`` as mod_xml_curl does: ``section``, ``tag_name``, ``key_name``, ``key_value``, ``user``, ``domain`` and
    more; the answer is a document with that user, or ``not found``, at which the switch goes on to its own files.
    ``?switch=`` names one whose settings we have: it is told its trunks as well.
    ``GET ?domain=``: what those files are to hold.

    Each is told of its own domain and its own trunks: a key is one switch's. Of other switches nothing is known.
    """

    def __init__(self, agents: Agents, switches: Switches) -> None:
        self._agents, self._domains, self._trunks = agents, switches.domains, switches.trunks

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        form = form_body(req)
        asked = {name: _one(form.get(name, []), name) for name in _FIELDS}
        known_only(req, ("switch",))
        domains, switch = self._own_domains(req), req.get_param("switch") or ""
        found = None
        if switch in self._trunks:
            scope = ResourceScope.of(switch=switch)
            access_of(req).require(Permission.PHONES_DIRECTORY, scope, f"switch:{switch}")
            found = self._configured(switch, asked)
        if found is None:
            found = self._answer(asked["section"], asked["user"], asked["domain"], domains)
        resp.content_type, resp.data = XML, found
        never_cached(resp)

    def _own_domains(self, req: falcon.Request) -> set[str]:
        sight = access_of(req).visible(Permission.PHONES_DIRECTORY)
        return {domain for switch, domain in self._domains.items() if sight.shows(ResourceScope.of(switch=switch))}

    def _configured(self, switch: str, asked: Mapping[str, str]) -> bytes | None:
        """None: it is not about trunks, or their settings cannot be read: the switch has the last good ones."""
        trunks = self._trunks[switch]
        try:
            if asked["section"] == "configuration" and asked["key_value"] == SOFIA:
                return sofia_document(trunks.read(), find_tree())
            if asked["section"] == "directory" and asked["domain"] == TRUNKS:
                return addresses_document(trunks.read(), asked["user"])
        except CtiError as error:
            log.error("switch %s goes by the trunks that it has: %s", switch, error)
        return None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        known_only(req, ("domain",))
        domain = req.get_param("domain") or ""
        if domain not in self._own_domains(req):
            target = f"domain:{domain[:80]}"
            access_of(req).note(Permission.PHONES_DIRECTORY, target, allowed=False, reason=OUT_OF_SCOPE)
            raise Problem("not-found", f"no switch of yours has the domain {domain[:80]!r}")
        resp.content_type, resp.data = XML, agents_file(domain, self._agents.list_phones())
        never_cached(resp)

    on_head = on_get

    def _answer(self, section: str, user: str, domain: str, domains: Collection[str]) -> bytes:
        # Requests without a user are for gateways and address lists: those of a switch stand in its own files.
        if section != "directory" or not user or domain not in domains:
            return not_found()
        phone = self._agents.find_phone(user)
        return not_found() if phone is None else directory_document(domain, [phone])


class PhonePassword:
    """``POST /v1/phones/{agent}/password``: a new one for the agent's phone, shown once. The old one ends with the
    phone's next registration."""

    def __init__(self, services: AccountServices) -> None:
        self._agents = services.store.agents
        self._once: Once[str] = Once()

    def on_post(self, req: falcon.Request, resp: falcon.Response, agent: str) -> None:
        profile = self._agents.find(agent)
        if profile is None:
            # Decided first: whoever may see no agent here is told the same of one that is there.
            access_of(req).require(Permission.PHONES_ROTATE, ResourceScope(), f"agent:{agent[:64]}")
            raise Problem("unknown-agent", f"there is no agent {agent[:64]!r}")
        access = access_of(req)
        access.require(Permission.PHONES_ROTATE, ResourceScope.of(team=profile.team), f"agent:{agent}")
        deed = access.deed(Permission.PHONES_ROTATE)
        password = self._once.do(req, {}, lambda: self._agents.rotate_sip_password(agent, deed))
        never_cached(resp)
        resp.media = {"agent_id": agent, "phone": profile.phone or None, "password": password}


def _one(values: list[str], name: str) -> str:
    """The field's only value, "" where it is not given; the switch sends some twice. Raises Problem (bad-request)."""
    if len(set(values)) > 1:
        raise Problem("bad-request", f"{name} is given twice, and differently")
    value = values[0] if values else ""
    if len(value) > _FIELD_MAX or not value.isprintable() or "\ufffd" in value:
        raise Problem("bad-request", f"{name} must be {_FIELD_MAX} printable characters at most")
    return value
