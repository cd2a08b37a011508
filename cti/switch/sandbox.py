"""Places virtual calls on an embedded switch over its event socket (`api cti_call`), wherever its process is."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from cti.core.errors import CommandRefused, CtiError
from cti.core.script import HangUp, Hear, Press, Silence

if TYPE_CHECKING:
    from cti.core.script import Step
    from cti.switch.links import SwitchLinks

PLACE_TIMEOUT_S = 5.0


class SwitchSandbox:
    """Implements `cti.api.demo.Sandbox`."""

    def __init__(self, links: SwitchLinks) -> None:
        self._links = links

    def place(self, caller: str, called: str, script: list[Step]) -> str:
        # base64: an api argument may hold no quotes (`cti.esl.safe_argument`).
        wish = json.dumps({"number": caller, "called": called, "script": [script_item(step) for step in script]})
        try:
            answer = self._links.api("cti_call", _base64(wish), timeout_s=PLACE_TIMEOUT_S)
        except CommandRefused as refused:
            if "not found" in refused.message:  # a real switch does not know the command
                raise CtiError("this is a real switch; it places no virtual calls", code="no-sandbox") from refused
            raise
        return answer.removeprefix("+OK").strip()


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def script_item(step: Step) -> Any:
    """The step in the words of `cti.switch.embedded.caller`."""
    match step:
        case Press(keys):
            return {"keys": keys}
        case Hear(text):
            return {"hear": text}
        case Silence(seconds):
            return {"wait": seconds}
        case HangUp():
            return "h"
