"""Node types. Importing this package fills the registry; a new type is a module here and a line below."""

from cti.flow.nodes import (
    callback,
    collect,
    deciding,
    lookup,
    media,
    menu,
    message,
    notice,
    play,
    queue,
    repeat,
    request,
    structure,
    transfer,
    voicemail,
)

__all__ = [
    "callback",
    "collect",
    "deciding",
    "lookup",
    "media",
    "menu",
    "message",
    "notice",
    "play",
    "queue",
    "repeat",
    "request",
    "structure",
    "transfer",
    "voicemail",
]
