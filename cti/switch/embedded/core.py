"""The switch itself, without sockets: channels, globals, phones, scheduler, API table. Runs on any clock."""

from __future__ import annotations

import logging
import random
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cti.switch.embedded import (  # noqa: F401 - register applications
    app_bridge,
    apps_media,
    apps_play,
    asr,
    conference,
    eavesdrop,
    recording,
)
from cti.switch.embedded.apps import APPLICATIONS, App
from cti.switch.embedded.bridging import Bridging
from cti.switch.embedded.channel import Channel
from cti.switch.embedded.clock import Scheduler
from cti.switch.embedded.dialplan import Dialplan, Extension, PlatformDialplan
from cti.switch.embedded.event import EventBus
from cti.switch.embedded.files import DiskFiles, Files
from cti.switch.embedded.names import State
from cti.switch.embedded.phones import Directory, PhoneBehaviour, VirtualPhone, demo_phones
from cti.switch.embedded.profile import Profile, without_references
from cti.switch.embedded.schedule import TaskList
from cti.switch.embedded.session import execute, session_steps, start_extension
from cti.switch.embedded.task import FRAME_S, Task
from cti.switch.embedded.utterance import Utterance
from cti.switch.embedded.wire import Block, Header

logger = logging.getLogger(__name__)

VERSION = "1.10.12-release"
DTMF_DURATION = 1600  # samples: what RFC 2833 digits of 200 ms carry
LOG_LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")


@dataclass(frozen=True)
class SwitchConfig:
    """Settings of an embedded switch. Seconds; ``password`` must not be FreeSWITCH's well-known ``ClueCon`` in use."""

    password: str = "ClueCon"
    host: str = "127.0.0.1"
    port: int = 0
    hostname: str = "embedded"
    domain: str = "127.0.0.1"
    heartbeat_s: float = 20.0
    auth_timeout_s: float = 25.0
    max_sessions: int = 10_000
    sessions_per_second: int = 1000
    event_queue: int = 100_000
    sound_dir: str = ""
    hold_music: str = "tone_stream://%(2000,4000,440,480)"
    seed: int | None = None
    acl: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    phones: tuple[VirtualPhone, ...] = ()
    gateways: Mapping[str, bool] = field(default_factory=lambda: {"trunk": True})
    dialplan: Dialplan = field(default_factory=PlatformDialplan)


class Core:
    """One switch process. Everything happens in the thread of its clock."""

    def __init__(self, config: SwitchConfig, clock: Scheduler, files: Files | None = None) -> None:
        self.config = config
        self.files: Files = files or DiskFiles()
        self.clock = clock
        self.random = random.Random(config.seed)
        self.core_uuid = self.new_uuid()
        identity: list[Header] = [
            ("Core-UUID", self.core_uuid),
            ("FreeSWITCH-Hostname", config.hostname),
            ("FreeSWITCH-Switchname", config.hostname),
            ("FreeSWITCH-IPv4", config.domain),
            ("FreeSWITCH-IPv6", "::1"),
        ]
        self.bus = EventBus(clock, identity)
        self.applications: dict[str, App] = APPLICATIONS
        self.dialplan: Dialplan = config.dialplan
        self.directory = Directory(config.domain)
        self.directory.add(config.phones or demo_phones())
        self.directory.gateways.update(config.gateways)
        self.bridging = Bridging(self)
        self.tasks = TaskList(clock)
        self.globals: dict[str, str] = {
            "hostname": config.hostname,
            "switchname": config.hostname,
            "domain": config.domain,
            "local_ip_v4": config.domain,
            "core_uuid": self.core_uuid,
            "hold_music": config.hold_music,
        }
        self.channels: dict[str, Channel] = {}
        self.rooms: dict[str, conference.Room] = {}
        self.log_listeners: list[Callable[[int, str, str], None]] = []
        self.started = clock.now()
        self.session_count = 0
        self.peak = 0
        self.peak_rate = 0
        self._recent: deque[float] = deque()
        self._transferred: set[str] = set()
        self.paused_inbound = False
        self.paused_outbound = False
        self.shutting_down = False
        self.on_shutdown: Callable[[], object] | None = None
        self.max_sessions = config.max_sessions
        self._heartbeat()

    media_variables: tuple[Header, ...] = (
        ("audio_media_flow", "sendrecv"),
        ("read_codec", "PCMU"),
        ("original_read_codec", "PCMU"),
        ("read_rate", "8000"),
        ("original_read_rate", "8000"),
        ("write_codec", "PCMU"),
        ("write_rate", "8000"),
        ("dtmf_type", "rfc2833"),
    )
    profile_variables: tuple[Header, ...] = (
        ("sofia_profile_name", "internal"),
        ("recovery_profile_name", "internal"),
        ("sofia_profile_url", "sip:mod_sofia@127.0.0.1:5060"),
    )

    def new_uuid(self) -> str:
        """Random, or from the seed when there is one, so that a test sees the same ids again."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    # ---- channels --------------------------------------------------------------------------------------------------

    def may_create(self) -> bool:
        return len(self.channels) < self.max_sessions and not self.paused_outbound and not self.shutting_down

    def new_channel(self, profile: Profile, *, outbound: bool) -> Channel:
        self.session_count += 1
        channel = Channel(self, profile, outbound=outbound, session_id=self.session_count)
        self.channels[channel.uuid] = channel
        self.peak = max(self.peak, len(self.channels))
        self._recent.append(self.clock.now())
        self.peak_rate = max(self.peak_rate, self.rate())
        return channel

    def launch(self, channel: Channel) -> None:
        """Start the session thread."""
        channel.task = Task(self.clock, session_steps(channel), FRAME_S)

        def ended() -> None:
            if channel.uuid in self.channels and channel.state < State.DESTROY:
                self.channels.pop(channel.uuid, None)  # a bug ended the thread: do not leave a dead channel behind
                channel.state = State.DESTROY
                channel.far.gone("CRASH")

        channel.task.on_done = ended
        channel.task.start()

    def forget(self, channel: Channel) -> None:
        if self.channels.get(channel.uuid) is channel:
            del self.channels[channel.uuid]
        self._transferred.discard(channel.uuid)
        self.tasks.delete_group(channel.uuid)

    def channel_down(self, channel: Channel) -> None:
        """The channel reached CS_HANGUP: what waits for it is told."""
        channel.private.clear()
        channel.dtmf.clear()

    def find(self, uuid_text: str) -> Channel | None:
        """A channel that can still be worked on (switch_core_session_locate refuses one that was hung up)."""
        channel = self.channels.get(uuid_text)
        return channel if channel is not None and channel.up() else None

    def stop_all_recordings(self, channel: Channel) -> None:
        recording.stop_session_recording(channel, "all")

    def stop_listening(self, channel: Channel) -> None:
        asr.stop_listening(channel)

    def tell_detected(self, channel: Channel, kind: str, body: str) -> None:
        asr.fire_detected(channel, kind, body)

    def say(self, channel: Channel, text: str, confidence: float, seconds: float) -> None:
        """The far end speaks from now on; whoever listens, or begins to before it ends, hears it."""
        channel.utterance = Utterance(text, confidence, self.clock.now() + seconds)
        asr.hear(channel, channel.utterance)

    def mark_transferred(self, channel: Channel) -> None:
        self._transferred.add(channel.uuid)

    def is_transferred(self, channel: Channel) -> bool:
        return channel.uuid in self._transferred

    def rate(self) -> int:
        """Sessions made in the last second."""
        limit = self.clock.now() - 1.0
        while self._recent and self._recent[0] <= limit:
            self._recent.popleft()
        return len(self._recent)

    def execute_on(self, channel: Channel, variable: str) -> None:
        """Run what the variable says (``<application>`` or ``<application>:<argument>``), one that takes no time, on
        whoever's turn it is (switch_channel_execute_on)."""
        if wanted := channel.getvar(variable):
            name, _, argument = wanted.partition(":")
            for _ in execute(channel, name, argument):
                pass

    def type_keys(self, channel: Channel, keys: str, source: str = "RTP") -> None:
        """Digits arrive on a channel's media; beyond the queue's bound they are lost, as on the real switch."""
        for key in keys:
            if key in "0123456789*#ABCDabcdwWfF" and len(channel.dtmf) < 100:
                channel.dtmf.append((key, DTMF_DURATION, source))
        channel.poke()

    def set_behaviour(self, phone: VirtualPhone, behaviour: PhoneBehaviour) -> None:
        """From now on; a phone that registers or unregisters by it is told of (sofia_reg.c)."""
        before, phone.behaviour = phone.behaviour, behaviour
        if before.registered != behaviour.registered and phone.extension in self.directory.phones:
            about: list[Header] = [("profile-name", "phones"), ("from-user", phone.extension)]
            about += [("from-host", self.directory.domain), ("contact", f"sip:{phone.contact}")]
            subclass = "sofia::register" if behaviour.registered else "sofia::unregister"
            self.bus.fire("CUSTOM", lambda: [Block(about)], subclass=subclass)

    # ---- globals and log -------------------------------------------------------------------------------------------

    def set_global(self, name: str, value: str) -> None:
        if value:
            self.globals[name] = without_references(value)
        else:
            self.globals.pop(name, None)

    def log(self, level: str, text: str, uuid_text: str = "") -> None:
        """A line for clients that said ``log``; unknown levels count as DEBUG."""
        word = level.upper()
        number = LOG_LEVELS.index(word) if word in LOG_LEVELS else 7
        for listener in list(self.log_listeners):
            listener(number, text, uuid_text)

    # ---- life ------------------------------------------------------------------------------------------------------

    def uptime_s(self) -> float:
        return self.clock.now() - self.started

    def _heartbeat(self) -> None:
        def beat() -> None:
            if self.shutting_down and not self.channels:
                return
            self.bus.fire("HEARTBEAT", lambda: [Block(self._heartbeat_headers())])
            self._heartbeat()

        if self.config.heartbeat_s > 0:
            self.clock.call_at(self.clock.now() + self.config.heartbeat_s, beat)

    def _heartbeat_headers(self) -> list[Header]:
        return [
            ("Event-Info", "System Ready"),
            ("Up-Time", uptime_words(self.uptime_s())),
            ("FreeSWITCH-Version", f"{VERSION}~64bit"),
            ("Uptime-msec", str(int(self.uptime_s() * 1000))),
            ("Session-Count", str(len(self.channels))),
            ("Max-Sessions", str(self.max_sessions)),
            ("Session-Per-Sec", str(self.config.sessions_per_second)),
            ("Session-Per-Sec-Last", str(self.rate())),
            ("Session-Per-Sec-Max", str(self.peak_rate)),
            ("Session-Per-Sec-FiveMin", str(self.peak_rate)),
            ("Session-Since-Startup", str(self.session_count)),
            ("Session-Peak-Max", str(self.peak)),
            ("Session-Peak-FiveMin", str(self.peak)),
            ("Idle-CPU", "90.000000"),
        ]

    def run_on(self, channel: Channel, application: str, argument: str) -> None:
        """Let a leg execute one application (``originate … &app(arg)``)."""
        start_extension(channel, Extension(application, [(application, argument)]))

    def hangup_all(self, cause: str, where: Callable[[Channel], bool] = lambda _: True) -> int:
        count = 0
        for channel in list(self.channels.values()):
            if channel.up() and where(channel):
                channel.hangup(cause)
                count += 1
        return count


def uptime_words(seconds: float) -> str:
    """``0 years, 0 days, 0 hours, 1 minute, 39 seconds, 924 milliseconds, 196 microseconds``."""
    micro = int(seconds * 1_000_000)
    whole, micro = divmod(micro, 1_000_000)
    parts = [
        (whole // 31_536_000, "year"),
        (whole // 86_400 % 365, "day"),
        (whole // 3600 % 24, "hour"),
        (whole // 60 % 60, "minute"),
        (whole % 60, "second"),
        (micro // 1000, "millisecond"),
        (micro % 1000, "microsecond"),
    ]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts)
