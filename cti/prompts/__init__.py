"""Prompts behind `cti.ports.Prompts`: as text for a switch that speaks, as files for one that plays."""

from cti.prompts.importing import RecordingsRefused, check_files, find_files, put_in_place
from cti.prompts.parts import prompt_name
from cti.prompts.renderer import EspeakMissing, Renderer
from cti.prompts.script import ScriptLine, State, find_unused, make_script
from cti.prompts.text import TextPrompts
from cti.prompts.wav import RenderReport, WavPrompts

__all__ = [
    "EspeakMissing",
    "RecordingsRefused",
    "RenderReport",
    "Renderer",
    "ScriptLine",
    "State",
    "TextPrompts",
    "WavPrompts",
    "check_files",
    "find_files",
    "find_unused",
    "make_script",
    "prompt_name",
    "put_in_place",
]
