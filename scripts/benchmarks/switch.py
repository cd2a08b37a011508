"""Calls per second on a real FreeSWITCH: hotline's first menu by the engine, and the same dialogue as native dialplan.

Both on the same switch, in turn, with SIPp as the callers: answer, welcome, menu, the caller presses 1, hears the
balance for a moment and hangs up (about seven seconds). The rate is raised until a call fails; printed are the highest
clean rates, their ratio, and the CPU that the switch and the engine took at each step.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from tests.real.engine import EngineProcess
from tests.real.esl import wait_until
from tests.real.sipp import HangUp, Pause, Press, may_press, run_callers
from tests.real.switch import MISSING, NO_SIPP, RealSwitch, find_binary, settings_for_test

ENGINE, NATIVE = "10086", "7000"
RATES = (20, 40, 60, 80, 100, 120, 150)
STEP_S = 6
DIALOGUE = (Pause(2.6), Press("1"), Pause(7.0), HangUp())  # the balance is spoken to its end
CALLERS = tuple(f"1380000000{digit}" for digit in range(4))  # none of them takes the short way for the elderly

NATIVE_EXTENSION = """\
  <extension name="native">
    <condition field="destination_number" expression="^7000$">
      <action application="answer"/>
      <action application="set" data="playback_terminators=none"/>
      <action application="playback" data="{welcome}"/>
      <action application="play_and_get_digits" data="1 1 3 5000 # {menu} silence_stream://250 key [0-9*]"/>
      <action application="playback" data="{balance}"/>
      <action application="park"/>
    </condition>
  </extension>
"""


def cpu_s(pid: int) -> float:
    """User and system time of a process, seconds (proc(5), stat fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def add_native_dialogue(switch: RealSwitch, engine_folder: Path) -> None:
    """With the very files that the engine has rendered for hotline."""
    from cti.core.commands import Say
    from cti.prompts import Renderer, WavPrompts

    prompts = WavPrompts(engine_folder / "flows" / "prompts", engine_folder / "data" / "prompts", renderer=Renderer())
    texts = {
        "welcome": "欢迎致电客户服务热线。",
        "menu": "查话费请按1，账单请按2，套餐请按3，充值请按4，故障申报请按5，"
        "投诉请按6，查其他号码请按7，换语言请按星号，人工服务请按0。",
        "balance": "您的余额是88元5角。",
    }
    files = {name: prompts.locate([Say(text, "zh-CN")], 30.0)[0] for name, text in texts.items()}
    file = switch.folder / "conf" / "dialplan" / "trunks.xml"
    text = file.read_text()
    file.write_text(
        text.replace('<context name="trunks">\n', '<context name="trunks">\n' + NATIVE_EXTENSION.format(**files))
    )
    with switch.tap("HEARTBEAT") as tap:
        tap.api("reloadxml")


def climb(what: str, called: str, switch: RealSwitch, engine: EngineProcess, sipp: Path, folder: Path) -> int:
    """The highest rate at which no call failed."""
    clean = 0
    for rate in RATES:
        before, engine_before = cpu_s(switch.pid), cpu_s(engine.process.pid if engine.process else 0)
        calls = rate * STEP_S
        done = run_callers(
            sipp, folder / f"{what}-{rate}", switch.conf.trunks_port, called, DIALOGUE,
            calls=calls, per_second=rate, callers=CALLERS, timeout_s=STEP_S + 30,
        )  # fmt: skip
        with switch.tap("HEARTBEAT") as tap:
            wait_until(lambda tap=tap: tap.api("show channels count").strip().startswith("0"), 60, "no channel left")
        on_switch = cpu_s(switch.pid) - before
        on_engine = cpu_s(engine.process.pid if engine.process else 0) - engine_before
        print(
            f"  {what:<7} {rate:>3}/s: {done.successful:>4} of {calls} clean; CPU a call: switch "
            f"{on_switch / calls * 1e3:5.1f} ms, engine {on_engine / calls * 1e3:5.1f} ms",
            flush=True,
        )
        if done.successful < calls:
            break
        clean = rate
    return clean


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=3)
    chosen = options.parse_args()
    import shutil

    binary, sipp = find_binary(), shutil.which("sipp")
    if binary is None or sipp is None or not may_press():
        print("not measured:", MISSING if binary is None else NO_SIPP if sipp is None else "SIPp needs a raw socket")
        return
    with tempfile.TemporaryDirectory(prefix="cti-bench-") as name:
        folder = Path(name)
        switch = RealSwitch(binary, folder / "switch", settings_for_test(max_sessions=1000))
        engine = EngineProcess(switch, folder / "engine")
        switch.start()
        try:
            engine.start()
            add_native_dialogue(switch, folder / "engine")
            found: dict[str, list[int]] = {"engine": [], "native": []}
            for turn in range(chosen.repeats):
                for what, called in (("native", NATIVE), ("engine", ENGINE)):
                    found[what].append(climb(what, called, switch, engine, Path(sipp), folder / str(turn)))
            goals = sum("balance" in call["goals"] for call in engine.calls())
        finally:
            engine.stop()
            switch.stop()
    for what, rates in found.items():
        print(f"{what}: clean up to {statistics.median(rates)}/s (each turn: {rates})")
    print(
        f"ratio engine to native: {statistics.median(found['engine']) / max(1, statistics.median(found['native'])):.2f}"
    )
    print(f"of the newest 500 records of the engine, {goals} reached the balance")


if __name__ == "__main__":
    sys.exit(main())
