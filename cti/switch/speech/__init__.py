"""Speech recognition by the switch's own interface: `detect_speech` of mod_dptools and the event DETECTED_SPEECH.

Any module that registers an ASR interface can be the engine (mod_unimrcp, mod_vosk, mod_pocketsphinx; mod_test in the
switch's own tests). docs/freeswitch.md says what each needs.
"""

from cti.switch.speech.ears import SPEECH_EVENTS, Ears
from cti.switch.speech.recogniser import SwitchSpeech
from cti.switch.speech.requests import Engine

__all__ = ["SPEECH_EVENTS", "Ears", "Engine", "SwitchSpeech"]
