"""Prompts behind `cti.ports.Prompts`: as text for a switch that speaks, as files for one that plays."""

from cti.prompts.parts import prompt_name
from cti.prompts.renderer import EspeakMissing, Renderer
from cti.prompts.text import TextPrompts
from cti.prompts.wav import RenderReport, WavPrompts

__all__ = ["EspeakMissing", "RenderReport", "Renderer", "TextPrompts", "WavPrompts", "prompt_name"]
