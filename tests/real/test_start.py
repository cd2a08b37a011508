"""The shipped configuration starts, clean and closed, and `cti switch check` tells its state."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cti.core.errors import SwitchUnavailable
from cti.switch.conf import Verdict, check
from cti.switch.conf.render import find_tree
from cti.switch.conf.talk import Talk

from .esl import Tap, wait_until
from .switch import RealSwitch, free_port
from .trunk import FakeCarrier
from .ua import Phone

pytestmark = pytest.mark.real

TROUBLE = re.compile(r"\[(ERR|CRIT|ALERT)\].*")


def test_starts_without_a_word_of_trouble(real_switch: RealSwitch, carrier: FakeCarrier, tap: Tap) -> None:
    assert carrier.registered.wait(20)
    assert "Created ip list cti_trunks" in real_switch.start_log
    assert [line for line in real_switch.start_log.splitlines() if TROUBLE.search(line)] == []
    assert "Error" not in real_switch.console()


def test_limits_and_switches_of_the_core(real_switch: RealSwitch, tap: Tap) -> None:
    assert tap.api("fsctl max_sessions") == "+OK max sessions: 400"
    assert tap.api("fsctl sps") == "+OK sessions per second: 200"
    assert tap.api("fsctl api_expansion") == "+OK api_expansion is off"
    assert tap.api("system id").startswith("-ERR")
    assert tap.api("bg_system id").startswith("-ERR")
    assert tap.api("global_getvar local_ip_v4") != ""


def test_no_secret_is_a_global_variable(real_switch: RealSwitch, tap: Tap) -> None:
    everything = tap.api("global_getvar")
    assert "cti_domain=cti.local" in everything
    for secret in (real_switch.conf.password, *real_switch.conf.phones.values()):
        assert secret not in everything


def test_wrong_password_is_refused_and_told_apart(real_switch: RealSwitch) -> None:
    with pytest.raises(SwitchUnavailable) as refused:
        Talk(real_switch.conf.host, real_switch.conf.port, "not the password")
    assert refused.value.code == "switch-password"
    with pytest.raises(SwitchUnavailable) as nobody:
        Talk("127.0.0.1", free_port(), "whatever it is")
    assert nobody.value.code == "switch-unreachable"


def test_check_finds_a_good_trunk_and_an_empty_emergency_group(
    real_switch: RealSwitch, carrier: FakeCarrier, tap: Tap
) -> None:
    assert carrier.registered.wait(20)
    assert carrier.probed.wait(20)
    wait_until(lambda: "<pingtime>0.00" not in tap.api("sofia xmlstatus gateway telecom"), 30, "first probe answered")
    report = check(real_switch.settings, real_switch.conf.password)
    found = {(finding.subject, finding.code): finding.verdict for finding in report.findings}
    assert found == {
        ("event socket", "event-socket"): Verdict.OK,
        ("version", "version"): Verdict.OK,
        ("modules", "modules"): Verdict.OK,
        ("safety", "safety"): Verdict.OK,
        ("dialplan", "dialplan"): Verdict.OK,
        ("load", "load"): Verdict.OK,
        ("phones", "profile"): Verdict.OK,
        ("trunks", "profile"): Verdict.OK,
        ("trunk callers", "trunk-unprobed"): Verdict.WARN,
        ("trunk telecom", "trunk"): Verdict.OK,
        ("trunk telecom", "trunk-outbound-only"): Verdict.WARN,
        ("emergency group", "emergency-empty"): Verdict.WARN,
    }
    assert report.status == 0
    with Phone("1002", password=real_switch.conf.phones["1002"]) as phone:
        assert phone.register(real_switch.conf.phones_port) == 200
        last = check(real_switch.settings, real_switch.conf.password).findings[-1]
        assert (last.verdict, last.message) == (Verdict.OK, "1002 registered")


def test_check_says_what_is_wrong_with_a_trunk(real_switch: RealSwitch, tap: Tap) -> None:
    from cti.switch.conf import parse_settings

    text = f"""
event_socket: {{port: {real_switch.conf.port}}}
sip: {{phones_port: {real_switch.conf.phones_port}, trunks_port: {real_switch.conf.trunks_port}}}
trunks:
  - {{name: nowhere, address: 192.0.2.1}}
  - {{name: telecom, address: no-such-host.invalid}}
"""
    report = check(parse_settings(text), real_switch.conf.password)
    codes = [(finding.subject, finding.code) for finding in report.findings if finding.verdict is Verdict.FAIL]
    assert codes == [("trunk nowhere", "trunk-unknown"), ("trunk telecom", "trunk-address")]
    assert report.status == 1
    assert all(finding.remedy for finding in report.findings if finding.verdict is not Verdict.OK)


def test_the_tree_as_shipped_starts_but_lets_nobody_in(freeswitch_binary: Path, tmp_path: Path) -> None:
    """Before `cti switch config`: no phone, no trunk, and an event socket that refuses every address."""
    if RealTree.port_in_use():
        pytest.skip("port 8021, 5060 or 5080 is used on this machine; the shipped tree cannot be told another one")
    tree = RealTree(freeswitch_binary, tmp_path)
    try:
        tree.wait_log("is_ready|switch_core.c.*FreeSWITCH|Created ip list cti_trunks", 60)
        assert TROUBLE.findall(tree.log()) == []
        with pytest.raises(SwitchUnavailable) as refused:
            Talk("127.0.0.1", 8021, "locked-locked-locked")
        assert refused.value.code == "switch-acl"
    finally:
        tree.stop()


class RealTree:
    """`freeswitch -conf freeswitch_conf` as it stands in the repository."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.folder = folder
        arguments = [str(binary), "-nonat", "-nf", "-nc", "-conf", str(find_tree())]
        for name in ("log", "db", "run", "scripts", "recordings", "sounds", "storage", "cache", "certs", "temp"):
            (folder / name).mkdir()
            arguments += [f"-{name}", str(folder / name)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    @staticmethod
    def port_in_use() -> bool:
        import socket

        for kind, port in ((socket.SOCK_STREAM, 8021), (socket.SOCK_DGRAM, 5060), (socket.SOCK_DGRAM, 5080)):
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind(("0.0.0.0", port))
                except OSError:
                    return True
        return False

    def log(self) -> str:
        path = self.folder / "log" / "freeswitch.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, pattern: str, timeout_s: float) -> None:
        wait_until(lambda: re.search(pattern, self.log()) is not None, timeout_s, f"log has {pattern}", 0.2)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
