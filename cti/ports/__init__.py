"""What the runtime needs from the outside, as Protocols. Adapters implement them; `cti.app` joins the two."""

from cti.ports.clock import Clock
from cti.ports.cluster import Bus, Leader, Member, Message
from cti.ports.services import (
    CallbackDesk,
    FaxPages,
    LookupSource,
    MessageChannel,
    NoticeSource,
    Once,
    OrderTaker,
    Prompts,
    Recogniser,
    RequestSink,
    WebhookSender,
)
from cti.ports.store import FlowHistory, OwnerBook, RequestFiles, Store
from cti.ports.switch import CallSink, LegControl, LegSink, MusicControl, Switch

__all__ = [
    "Bus",
    "CallSink",
    "CallbackDesk",
    "Clock",
    "FaxPages",
    "FlowHistory",
    "Leader",
    "LegControl",
    "LegSink",
    "LookupSource",
    "Member",
    "Message",
    "MessageChannel",
    "MusicControl",
    "NoticeSource",
    "Once",
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
