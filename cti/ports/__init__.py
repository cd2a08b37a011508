"""What the runtime needs from the outside, as Protocols. Adapters implement them; `cti.app` joins the two."""

from cti.ports.clock import Clock
from cti.ports.services import (
    CallbackDesk,
    FaxPages,
    LookupSource,
    MessageChannel,
    NoticeSource,
    OrderTaker,
    Prompts,
    Recogniser,
    RequestSink,
    WebhookSender,
)
from cti.ports.store import FlowHistory, OwnerBook, RequestFiles, Store
from cti.ports.switch import CallSink, LegControl, LegSink, Switch

__all__ = [
    "CallSink",
    "CallbackDesk",
    "Clock",
    "FaxPages",
    "FlowHistory",
    "LegControl",
    "LegSink",
    "LookupSource",
    "MessageChannel",
    "NoticeSource",
    "OrderTaker",
    "OwnerBook",
    "Prompts",
    "Recogniser",
    "RequestFiles",
    "RequestSink",
    "Store",
    "Switch",
    "WebhookSender",
]
