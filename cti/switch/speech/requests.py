"""What `detect_speech` is told: engine, parameters, grammar. The switch splits it at blanks, so none may be in it.

``detect_speech <engine> {name=value,…}<grammar> <name> [<profile>]`` (mod_dptools.c: detect_speech_function; the
parameters: switch_core_asr.c: switch_core_asr_load_grammar).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cti.core.commands import Listen
from cti.core.errors import CtiError
from cti.switch.speech.srgs import root_of, write_grammar

Kind = Literal["srgs", "inline", "builtin"]
#: Grammars that a recogniser brings along, by our rules (RFC 6787, 9.5.1 and VoiceXML 2.0, appendix P).
BUILTINS = {
    "digits": "digits",
    "int": "number",
    "money": "currency",
    "date": "date",
    "time": "time",
    "yes_no": "boolean",
}
#: Inside of quotes the splitter takes a backslash for an escape (switch_utils.c: separate_string_blank_delim).
_QUOTED = str.maketrans({"\\": "\\\\", "'": "\\'"})


@dataclass(frozen=True, slots=True)
class Engine:
    """A recogniser as the configuration describes it. ``languages``: a flow's language to the engine's name of it;
    empty: every language by its own name. ``grammars``: by rule (digits, money, …), in the place of what ``grammar``
    says. ``folder``: where grammar files go; the switch must read it. ``announces``: it tells when speech begins."""

    name: str
    profile: str = ""
    grammar: Kind = "srgs"
    grammars: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    scale: str = "auto"
    announces: bool = True
    folder: Path = Path("grammars")

    def language(self, tag: str) -> str | None:
        """The engine's name for a flow's language; None when it does not understand that."""
        return self.languages.get(tag) if self.languages else tag

    def argument(self, wanted: Listen) -> str | None:
        """For `detect_speech`; None when this engine cannot hear what is wanted. Raises CtiError for a grammar file
        that cannot be written."""
        language = self.language(wanted.language)
        grammar = self._grammar(wanted, language) if language is not None else None
        if language is None or grammar is None:
            return None
        params = {
            "start-input-timers": "true",
            "no-input-timeout": str(round(wanted.silence_s * 1000)),
            "recognition-timeout": str(round(wanted.longest_s * 1000)),
            "speech-timeout": str(round(wanted.longest_s * 1000)),
            "speech-language": language,
            **self.params,
        }
        told = "{" + ",".join(f"{name}={value}" for name, value in params.items() if value) + "}" + grammar
        words = (self.name, _word(told), root_of(wanted.expects) if not wanted.words else "words")
        return " ".join((*words, self.profile) if self.profile else words)

    def _grammar(self, wanted: Listen, language: str) -> str | None:
        root = "words" if wanted.words else root_of(wanted.expects)
        fixed = self.grammars.get(root)
        if fixed is not None:
            return fixed
        if self.grammar == "builtin" and root in BUILTINS:
            return f"builtin:speech/{BUILTINS[root]}?language={language}"
        text = write_grammar(wanted.expects, wanted.language, wanted.words)
        if text is None:
            return None
        return f"inline:{text}" if self.grammar == "inline" else str(write_file(self.folder, text))


def write_file(folder: Path, text: str) -> Path:
    """Once for each text, under a name that follows from it. Raises CtiError."""
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.grxml"
    if path.exists():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)  # the switch runs as somebody else
        os.replace(name, path)
    except OSError as error:
        raise CtiError(
            f"the grammar {path} cannot be written: {error.strerror}",
            code="unwritable-folder",
            remedy="give the engine's user the right to write there, or set `speech: {grammar: inline}`",
        ) from error
    return path


def _word(text: str) -> str:
    return f"'{text.translate(_QUOTED)}'" if any(char in text for char in " '\\") else text
