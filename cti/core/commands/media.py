"""What is kept of a call or exchanged in it: voicemail, recordings, faxes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller (voicemail). Ends with `RecordEnded(ref)`; stops at ``max_s`` or after ``silence_s`` quiet."""

    ref: int
    max_s: float
    silence_s: float = 5.0


@dataclass(frozen=True, slots=True)
class StopRecord:
    ref: int


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record the call, both sides of it, until `StopRecording` or its end. There is one such recording at a time.
    Nothing ends it: a recording that cannot be made is noted in the call's record, and the call goes on."""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """``on``: what follows is left out; else go on, in the same file."""

    on: bool = True


@dataclass(frozen=True, slots=True)
class MaskRecording:
    """``on``: what follows is silence of the same length; else record again."""

    on: bool = True


@dataclass(frozen=True, slots=True)
class StopRecording:
    pass


@dataclass(frozen=True, slots=True)
class SendFax:
    """Send a document to the fax machine at the other end of the call. Ends with `FaxEnded(ref)`.

    ``document`` is a TIFF file, relative to the prompts folder; or ``text`` is set on as many pages as it takes.
    """

    ref: int
    document: str = ""
    text: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ReceiveFax:
    """Receive what the fax machine at the other end sends. Ends with `FaxEnded(ref)`."""

    ref: int


@dataclass(frozen=True, slots=True)
class StopFax:
    """It took too long. `FaxEnded(ref)` still comes and is then ignored."""

    ref: int
