"""What is heard, kept and understood: prompts, faxes, recordings, speech."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from cti.validating import Section


class PromptSettings(Section):
    voices: dict[str, str] = Field(
        default_factory=lambda: {"zh-CN": "cmn-latn-pinyin", "en-US": "en-us"},
        description="language -> espeak-ng voice",
    )
    speed: Annotated[int, Field(ge=80, le=400)] = Field(160, description="words per minute")


class FaxSettings(Section):
    font: Path | None = Field(None, description="font file with every letter of the pages sent")


Days = Annotated[int, Field(ge=0, le=36500)]


class RecordingSettings(Section):
    """After how many days recordings are deleted, by kind; 0: never. What holds now holds for earlier ones, too."""

    talk_days: Days = Field(180, description="talks with agents, recorded by the policy of a queue")
    flow_days: Days = Field(180, description="what the node `recording` of a flow has recorded")
    voicemail_days: Days = Field(90, description="messages left with the node `voicemail`")
    fax_days: Days = Field(365, description="faxes received")


ENGINE, PARAM, GRAMMAR = r"^[A-Za-z][A-Za-z0-9_:-]{0,63}$", r"^[A-Za-z][A-Za-z0-9._-]{0,63}$", r"^[^\s'\\{}]{1,1000}$"
PARAM_VALUE = r"^[^{}=,\n\r]{0,200}$"
RULES = ("digits", "int", "money", "date", "time", "yes_no", "words")


class SpeechSettings(Section):
    """Who understands callers: a speech recogniser that the switch has as an ASR module. Without this section callers
    can only press keys."""

    engine: Annotated[str, Field(pattern=ENGINE)] = Field(description="the name of its interface: unimrcp, vosk, …")
    profile: Annotated[str, Field(pattern=ENGINE)] | None = Field(None, description="of mod_unimrcp: the MRCP server")
    grammar: Literal["srgs", "inline", "builtin"] = Field(
        "srgs",
        description="srgs: a file for each type in `data`/grammars, which the switch must be able to read; inline: the "
        "same in the command; builtin: the recogniser's own, `builtin:speech/digits`",
    )
    grammars: dict[str, Annotated[str, Field(pattern=GRAMMAR)]] = Field(
        default_factory=dict, description=f"another grammar for one of {', '.join(RULES)}: a URI or a name"
    )
    languages: dict[str, Annotated[str, Field(pattern=ENGINE)]] = Field(
        default_factory=dict, description="language of a flow -> the recogniser's name for it; others take keys only"
    )
    params: dict[Annotated[str, Field(pattern=PARAM)], Annotated[str, Field(pattern=PARAM_VALUE)]] = Field(
        default_factory=dict, description="further parameters of the recogniser"
    )
    confidence: Literal["auto", "fraction", "percent"] = Field(
        "auto", description="what its confidence counts to: 1 or 100; auto: above 1 it is percent"
    )
    announces: bool = Field(
        True, description="it tells when speech begins; without that, silence lasts as long as the longest answer"
    )

    @field_validator("grammars")
    @classmethod
    def _known(cls, grammars: dict[str, str]) -> dict[str, str]:
        unknown = next((name for name in grammars if name not in RULES), None)
        if unknown is not None:
            raise ValueError(f"there is no grammar {unknown!r}: write one of {', '.join(RULES)}")
        return grammars
