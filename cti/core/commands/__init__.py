"""What a run asks the outside to do, and the facts it reports. Returned by the interpreter, executed by the runtime.

``ref`` pairs a command with the event that ends it (`cti.core.events`): a number that rises within one run and is
never reused, so an ending that comes late (after the flow went on) is recognised by its number and ignored.
"""

from __future__ import annotations

from cti.core.commands.audio import (
    AudioPart,
    Listen,
    Pause,
    Play,
    PlayVideo,
    Say,
    Sound,
    StopListen,
    StopPlay,
    StopVideo,
    Tone,
)
from cti.core.commands.call import (
    Answer,
    CancelTimer,
    EnterQueue,
    Hangup,
    LeaveQueue,
    StartTimer,
    Transfer,
)
from cti.core.commands.facts import (
    FlowError,
    GoalReached,
    NodeEntered,
    NodeLeft,
    NoticeHeard,
    RunEnded,
)
from cti.core.commands.media import (
    MaskRecording,
    PauseRecording,
    ReceiveFax,
    Record,
    SendFax,
    StartRecording,
    StopFax,
    StopRecord,
    StopRecording,
)
from cti.core.commands.office import (
    FindNotices,
    Lookup,
    Reply,
    Request,
    RequestCallback,
    SendMessage,
)

Command = (
    Answer
    | Play
    | StopPlay
    | StartTimer
    | CancelTimer
    | Lookup
    | Request
    | FindNotices
    | Transfer
    | EnterQueue
    | LeaveQueue
    | RequestCallback
    | Record
    | StopRecord
    | StartRecording
    | PauseRecording
    | MaskRecording
    | StopRecording
    | SendFax
    | ReceiveFax
    | StopFax
    | PlayVideo
    | StopVideo
    | Listen
    | StopListen
    | SendMessage
    | Reply
    | Hangup
)
Fact = NodeEntered | NodeLeft | GoalReached | NoticeHeard | FlowError | RunEnded
Work = Command | Fact
Sprint = list[Work]

__all__ = [
    "Answer",
    "AudioPart",
    "CancelTimer",
    "Command",
    "EnterQueue",
    "Fact",
    "FindNotices",
    "FlowError",
    "GoalReached",
    "Hangup",
    "LeaveQueue",
    "Listen",
    "Lookup",
    "MaskRecording",
    "NodeEntered",
    "NodeLeft",
    "NoticeHeard",
    "Pause",
    "PauseRecording",
    "Play",
    "PlayVideo",
    "ReceiveFax",
    "Record",
    "Reply",
    "Request",
    "RequestCallback",
    "RunEnded",
    "Say",
    "SendFax",
    "SendMessage",
    "Sound",
    "Sprint",
    "StartRecording",
    "StartTimer",
    "StopFax",
    "StopListen",
    "StopPlay",
    "StopRecord",
    "StopRecording",
    "StopVideo",
    "Tone",
    "Transfer",
    "Work",
]
