"""Agents who sign in by the API, with SIP phones, on a real switch: callers of the shipped hotline wait for them, are
whispered, talk, are given from one to the other; and every contact is in the counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cti.app import open_accounts
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant
from cti.core.people import AgentProfile, Team

from .audio import loudest, loudness, read_wav, share_of
from .engine import ROOT, EngineProcess
from .esl import Tap, wait_until
from .media import Media, tone_frame
from .records import record_of, sealed
from .sipp import Pause, Press, Result, Step, WaitBye, may_press, run_callers
from .sipp_phones import SippPhone
from .switch import RealSwitch
from .test_load import NEEDS_RAW
from .trunk import FakeCarrier
from .ua import Phone

pytestmark = pytest.mark.real

AGENTS = {"anna": "1001", "ben": "1002"}
SKILLS = {"billing": 8, "lang.zh-CN": 9}
PASSWORD = "correct horse battery staple"
WRAPUP_S = 4
WITH_WORK = f"{{wrapup_s: {WRAPUP_S}, record: true, dispositions: {{solved: Solved}}}}"
VOICES_HZ = {"anna": 500, "ben": 900}
CALLER_HZ = 700
TALK = 8_000  # samples: FreeSWITCH holds back the first half second of a recording
CLEAR = 0.02  # amplitude of a voice that is surely there, as a share of full scale
WHISPERED = 100.0
HEARD = 0.3  # share of the energy of what is heard


DIALING = 'dialing: {trunks: [telecom], allowed: ["1380"]}\n'


@pytest.fixture(scope="module")
def engine(real_switch: RealSwitch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    running = EngineProcess(real_switch, tmp_path_factory.mktemp("agents"))
    config = running.config.read_text()
    running.config.write_text(config.replace("{agents: [1011]}", WITH_WORK) + DIALING)
    running.start()
    add_agents(running, AGENTS)
    yield running
    running.stop()


def add_agents(engine: EngineProcess, extensions: Mapping[str, str]) -> None:
    """``extensions``: by the name of the user."""
    with open_accounts(load_settings(engine.config)) as accounts:
        deed = accounts.deed(SYSTEM, reason="test")
        accounts.store.people.save_team(Team("service"), deed)
        for skill in SKILLS:
            accounts.store.agents.save_skill(skill, skill, deed)
        for name, extension in extensions.items():
            user, _ = accounts.add_user(name, [Grant.parse("agent@team:service")], deed)
            accounts.set_password(user.user_id, PASSWORD, deed)
            accounts.store.agents.save(
                [AgentProfile(extension, user.user_id, name.title(), "service", SKILLS, phone=extension)], deed
            )


class Agent:
    """Somebody with a client of the API and a phone."""

    def __init__(self, engine: EngineProcess, name: str, extension: str = "") -> None:
        """With a phone that is registered."""
        self.engine, self.name, self.extension = engine, name, extension or AGENTS[name]
        self.hertz = VOICES_HZ.get(name, 0)
        self.token, self.status = "", 0
        self.token = self.ask("POST", "/v1/sessions", {"name": name, "password": PASSWORD})["access_token"]
        self.ask("POST", "/v1/me/sign-in", {})
        self.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "study"})  # the test before left it READY

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        if not self.token:
            del headers["Authorization"]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.engine.api_port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text, self.status = answer.read(), answer.status
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def ready(self) -> None:
        self.ask("PUT", "/v1/me/heartbeat")
        self.ask("PUT", "/v1/me/state", {"state": "READY"})

    def contacts(self) -> list[dict[str, Any]]:
        self.ask("PUT", "/v1/me/heartbeat")
        found: list[dict[str, Any]] = self.ask("GET", "/v1/me/contacts")["items"]
        return found

    def talking(self) -> str:
        """The contact that this agent talks with, as soon as there is one."""

        def there() -> bool:
            return any(contact["activity"] == "talking" for contact in self.contacts())

        wait_until(there, 30, f"{self.name} talks with somebody", 0.2)
        return next(str(contact["contact"]) for contact in self.contacts() if contact["activity"] == "talking")

    def do(self, contact: str, command: str, body: Any = None) -> Any:
        return self.ask("POST", f"/v1/me/contacts/{contact}/{command}", body or {})


@contextmanager
def sipp_agent(engine: EngineProcess, switch: RealSwitch, sipp: Path, folder: Path, name: str) -> Iterator[Agent]:
    number = AGENTS[name]
    with SippPhone(sipp, folder, switch.conf.phones_port, number, switch.conf.phones[number], VOICES_HZ[name]) as phone:
        yield Agent(engine, name)
        assert not phone.told()


@contextmanager
def ua_agent(engine: EngineProcess, switch: RealSwitch, name: str) -> Iterator[tuple[Agent, Phone]]:
    """With a phone of which the tests know what it hears."""
    with Phone(AGENTS[name], password=switch.conf.phones[AGENTS[name]]) as phone:
        assert phone.register(switch.conf.phones_port) == 200
        yield Agent(engine, name), phone


class Line:
    """SIPp callers of the hotline: each does its steps; `over` says that all of them went as they should."""

    def __init__(self, sipp: Path, folder: Path, switch: RealSwitch) -> None:
        self._sipp, self._folder, self._port = sipp, folder, switch.conf.trunks_port
        self._pool = ThreadPoolExecutor(5)
        self._running: list[Future[Result]] = []

    def dial(self, *numbers: str, steps: Sequence[Step]) -> None:
        folder = self._folder / f"callers-{len(self._running)}"
        how = {"calls": len(numbers), "callers": numbers, "per_second": 2, "timeout_s": 90.0}
        self._running.append(self._pool.submit(run_callers, self._sipp, folder, self._port, "4000", steps, **how))

    def over(self) -> None:
        for running in self._running:
            result = running.result(100)
            assert (result.failed, result.successful) == (0, result.created), result.errors
        self._pool.shutdown()


#: Through the welcome, then: a person.
WANTS_A_PERSON = (Pause(2), Press("0"))


def test_two_agents_and_five_callers(
    engine: EngineProcess, real_switch: RealSwitch, carrier: FakeCarrier, sipp: Path, tmp_path: Path
) -> None:
    """Everybody is SIPp, but for the one who is called back."""
    if not may_press():
        pytest.skip(NEEDS_RAW)
    line = Line(sipp, tmp_path, real_switch)
    with ExitStack() as stack:
        anna, ben = (stack.enter_context(sipp_agent(engine, real_switch, sipp, tmp_path, name)) for name in AGENTS)
        tap = stack.enter_context(real_switch.tap())
        earlier = len(carrier.calls)
        line.dial("13800000000", steps=[*WANTS_A_PERSON, WaitBye()])
        wait_until(lambda: waiting(engine) == 1, 30, "the first waits", 0.2)
        anna.ready()
        first = anna.talking()
        whispered(tap, first)
        anna.do(first, "hold")
        assert [contact["state"] for contact in anna.contacts()] == ["HOLD"]
        anna.do(first, "retrieve")

        # One agent, who is busy: the wait is told as long, and a callback is offered.
        line.dial("13800000001", steps=[*WANTS_A_PERSON, Pause(4), Press("1"), Pause(2), Press("1"), WaitBye()])
        wait_until(lambda: states(engine) == ["queued"], 40, "a callback is promised", 0.3)
        ben.ready()
        back = ben.talking()
        called = carrier.calls[earlier:]
        assert len(called) == 1
        called[0].media.wait_audio(1.0, 10)
        wait_until(lambda: share_of(called[0].media.pcm()[-4000:], ben.hertz) > HEARD, 30, "ben's voice", 0.2)
        assert states(engine) == ["reached"]
        ben.ask("PUT", "/v1/me/next", {"state": "READY"})
        ben.do(back, "hangup")
        assert [contact["state"] for contact in ben.contacts()] == ["WORK"]
        ben.do(back, "finish", {"disposition": "solved", "notes": "balance explained"})

        anna.ask("PUT", "/v1/me/next", {"state": "NOT_READY", "reason": "break"})
        anna.do(first, "consult", {"to": {"agent": ben.extension}})
        ben.talking()
        anna.do(first, "complete")
        assert [contact["state"] for contact in anna.contacts()] == ["WORK"]
        wait_until(lambda: not anna.contacts(), WRAPUP_S + 10, "the work timer ends it", 0.3)
        assert anna.ask("GET", "/v1/me")["work"]["state"] == "NOT_READY"

        line.dial("13800000002", "13800000005", "13800000006", steps=[*WANTS_A_PERSON, WaitBye()])
        wait_until(lambda: waiting(engine) == 3, 40, "three wait", 0.3)
        taken = ben.talking()
        ben.do(taken, "hangup")
        ben.do(taken, "finish", {})
        second = ben.talking()
        assert second != taken
        ben.do(second, "transfer", {"to": {"queue": "service"}})  # it waits on, in its old rank: before the others
        [work] = ben.contacts()
        assert (work["contact"], work["state"]) == (second, "WORK")
        ben.do(second, "finish", {})
        again = ben.talking()
        assert call_of(again) == call_of(second)
        assert again != second
        ben.do(again, "hangup")
        anna.ready()  # the two who are left, one after the other or one each
        serve_all(engine, anna, ben)
        line.over()
    engine.finished(6, 40)  # five who called, one who was called
    wait_until(lambda: not anna.contacts() and not ben.contacts(), 30, "no work is left", 0.5)
    reconcile(engine)
    counted_once(engine)


def serve_all(engine: EngineProcess, *agents: Agent) -> None:
    """Whoever talks hangs up, until nobody waits or talks."""

    def done() -> bool:
        talks = [(agent, one) for agent in agents for one in agent.contacts() if one["activity"] == "talking"]
        for agent, one in talks:
            agent.do(one["contact"], "hangup")
        return not talks and waiting(engine) == 0 and not any(agent.contacts() for agent in agents)

    wait_until(done, 60, "everybody is served", 0.5)


def call_of(contact: str) -> str:
    """The call that a contact is about: what it is after a transfer has another name, with a number behind `~`."""
    return contact.partition("~")[0]


def whispered(tap: Tap, call: str) -> None:
    """Before they met, something was played to the agent's leg to its end."""
    met = tap.wait(lambda event: event.name == "CHANNEL_BRIDGE" and call in sides(event), 30)
    [leg] = sides(met) - {call}
    before = [event.name for event in tap.events[: tap.events.index(met)] if event.get("Unique-ID") == leg]
    assert before.index("PLAYBACK_START") < before.index("PLAYBACK_STOP")


def sides(event: Any) -> set[str]:
    return {event.get("Bridge-A-Unique-ID"), event.get("Bridge-B-Unique-ID")}


def states(engine: EngineProcess) -> list[str]:
    """Of all callbacks, the newest first."""
    with open_accounts(load_settings(engine.config)) as accounts:
        return [str(one.state) for one in accounts.store.callbacks.list(limit=10)]


def counted_once(engine: EngineProcess) -> None:
    """Five have called, and each has one outcome; the callback is that of one of them. The row has one entry more, of
    the contact that was given back to the queue."""
    report = engine.get(f"/v1/reports/queues?from={day(-1)}T00:00:00Z&to={day(2)}T00:00:00Z")
    names = ("offered", "answered", "callback", "abandoned", "flow_out", "lost", "in_progress")
    [row], total = report["items"], report["total"]
    assert [total[name] for name in names] == [5, 4, 1, 0, 0, 0, 0]
    assert [row[name] for name in names] == [6, 5, 1, 0, 0, 0, 0]
    assert row["callbacks_answered"] == 1


def test_a_consultation_is_completed(engine: EngineProcess, real_switch: RealSwitch, tmp_path: Path) -> None:
    """And each agent's talk is a recording: the customer and this agent, nothing of what the two said to each other."""
    before = len(engine.calls())
    with ExitStack() as stack:
        anna, desk_phone = stack.enter_context(ua_agent(engine, real_switch, "anna"))
        ben, second_phone = stack.enter_context(ua_agent(engine, real_switch, "ben"))
        phone = stack.enter_context(Phone("13800000001"))
        dialog = phone.call("4000", real_switch.conf.trunks_port)
        dialog.wait_answered()
        dialog.media.wait_audio(0.3, 10)
        dialog.press("0")
        anna.ready()
        contact = anna.talking()
        at_desk = desk_phone.wait_call(1)
        assert loudness(at_desk.media.pcm()) > WHISPERED  # the caller is silent: this was the whisper
        dialog.media.voice, at_desk.media.voice = tone_frame(CALLER_HZ), tone_frame(VOICES_HZ["anna"])
        heard_for(dialog.media, VOICES_HZ["anna"])
        ben.ready()
        anna.do(contact, "consult", {"to": {"agent": ben.extension}})
        ben.talking()
        second_phone.wait_call(1).media.voice = tone_frame(VOICES_HZ["ben"])
        wait_until(lambda: share_of(at_desk.media.pcm()[-4000:], VOICES_HZ["ben"]) > HEARD, 30, "ben's voice", 0.2)
        anna.do(contact, "complete")
        assert [one["state"] for one in anna.contacts()] == ["WORK"]
        [taken] = ben.contacts()
        assert taken["state"] == "TALKING"
        assert not dialog.finished.is_set()
        heard_for(dialog.media, VOICES_HZ["ben"])
        ben.do(taken["contact"], "hangup")
        dialog.hang_up()
        engine.finished(before + 1, 30)
        wait_until(lambda: not anna.contacts() and not ben.contacts(), 30, "no work is left", 0.5)
    reconcile(engine)
    tapes = record_of(engine, call_of(contact))["recordings"]
    assert [tape["kind"] for tape in tapes] == ["talk", "talk"]
    for tape, own, other in zip(tapes, ("anna", "ben"), ("ben", "anna"), strict=True):
        pcm = read_wav(sealed(engine, tape, tmp_path / f"{own}.wav"))
        for voice in (CALLER_HZ, VOICES_HZ[own]):
            assert loudest(pcm, voice) > CLEAR, (own, voice)
        assert loudest(pcm, VOICES_HZ[other]) < CLEAR / 10, own


def heard_for(media: Media, hertz: int) -> None:
    """A voice, for a second on end."""
    parts = range(TALK // 4, TALK + 1, TALK // 4)
    wait_until(lambda: all(share_of(media.pcm()[-at:][: TALK // 4], hertz) > HEARD for at in parts), 30, "a voice", 0.2)


def waiting(engine: EngineProcess) -> int:
    return int(next(queue for queue in engine.get("/v1/queues")["items"] if queue["queue"] == "service")["waiting"])


def day(from_now: int) -> str:
    return (date.today() + timedelta(days=from_now)).isoformat()


def reconcile(engine: EngineProcess) -> None:
    """`cti report verify` recounts everything from the raw rows."""
    done = subprocess.run(
        [sys.executable, "-m", "cti", "report", "verify", "--from", day(-1), "--to", day(2),
         "--config", str(engine.config)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
