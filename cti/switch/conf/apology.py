"""What a caller hears when no engine lives: spoken at configuration time, because then nobody is there to speak."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from cti.switch.conf.settings import Emergency

APOLOGIES = {
    "zh": "抱歉，自助服务暂时不可用，正在为您转接工作人员，请稍候。",
    "en": "We are sorry, self-service is not available at the moment. Please hold, we are connecting you to our staff.",
}


def speak_apology(emergency: Emergency, folder: Path) -> tuple[str | None, tuple[str, ...]]:
    """The playback argument (None: the built-in tone) and, where espeak-ng cannot help, a note that says so."""
    language = emergency.language
    text = emergency.apology or APOLOGIES.get(language.split("-")[0], APOLOGIES["en"])
    speaker = shutil.which("espeak-ng")
    if speaker is None:
        return None, (
            "espeak-ng is not installed: callers hear a tone instead of an apology; install it and run again",
        )
    path = folder / f"apology-{sha256(f'{language} {text}'.encode()).hexdigest()[:12]}.wav"
    if not path.is_file():
        voice = "cmn" if language.startswith("zh") else language.lower()
        new = path.with_suffix(".new")
        done = subprocess.run(
            [speaker, "-v", voice, "-w", str(new), "--stdin"],
            input=text.encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        if done.returncode or not new.is_file():
            return None, (f"espeak-ng cannot speak {language}: callers hear a tone instead of an apology",)
        os.replace(new, path)
    return str(path), ()
