"""Places virtual calls on an embedded switch over its event socket (`api cti_call`), wherever its process is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cti.core.errors import CommandRefused, CtiError
from cti.core.script import script_json

if TYPE_CHECKING:
    from cti.core.script import Step

PLACE_TIMEOUT_S = 5.0


class SwitchSandbox:
    """Implements `cti.api.demo.Sandbox`. ``links`` is a `cti.switch.links.SwitchLinks`."""

    def __init__(self, links: Any) -> None:
        self._links = links

    def place(self, caller: str, called: str, script: list[Step]) -> str:
        wish = json.dumps({"caller": caller, "called": called, "script": script_json(script)})
        try:
            answer: str = self._links.api("cti_call", wish, timeout_s=PLACE_TIMEOUT_S)
        except CommandRefused as refused:
            if "not found" in refused.message:  # a real switch does not know the command
                raise CtiError("this is a real switch; it places no virtual calls", code="no-sandbox") from refused
            raise
        return answer.removeprefix("+OK").strip()
