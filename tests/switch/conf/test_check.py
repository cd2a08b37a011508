"""`cti switch check` against switches that are wrong in each way; a real one is examined in tests/real."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cti.switch.conf import SwitchSettings, check, cli_check, cli_config, parse_settings
from cti.switch.conf.verdict import Verdict

PASSWORD = "a password of ours".replace(" ", "-")
GOOD: dict[str, str] = {
    "version": "FreeSWITCH Version 1.10.12-release~64bit\n",
    "fsctl api_expansion": "+OK api_expansion is off \n",
    "global_getvar disable_system_api_commands": "true",
    "xml_locate dialplan context name trunks": '<context name="trunks">… presence_data=${cti_owner_$5} …</context>',
    "xml_locate dialplan context name phones": '<context name="phones">… presence_data=${cti_owner_$5} …</context>',
    "fsctl max_sessions": "+OK max sessions: 2000\n",
    "fsctl sps": "+OK sessions per second: 200\n",
    "sofia status": (
        "   trunks\tprofile\t  sip:mod_sofia@192.0.2.1:5080\tRUNNING (0)\n"
        "   phones\tprofile\t  sip:mod_sofia@192.0.2.1:5060\tRUNNING (0)\n"
    ),
    "sofia status profile phones reg": "Registrations:\nUser:    \t1002@cti.local\nTotal items returned: 1\n",
    "acl 127.0.0.9 cti_trunks": "true",
    "sofia xmlstatus gateway telecom": "<state>REGED</state><status>UP</status><pingtime>4.20</pingtime>",
}
TRUNK = "trunks:\n  - {name: telecom, address: 127.0.0.9, register: {user: u1, password: secret}}\n"
Script = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], int]]:
    """Start a one-connection server that plays ``script``; its port."""
    opened: list[socket.socket] = []

    def start(script: Script) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def play() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            script(connection)

        threading.Thread(target=play, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for each in opened:
        each.close()


def switch(answers: Mapping[str, str]) -> Script:
    """A switch that knows ``answers``; other commands get what a real one says."""

    def play(connection: socket.socket) -> None:
        connection.sendall(b"Content-Type: auth/request\n\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                command = line.decode().strip()
                if command.startswith("auth "):
                    reply = "+OK accepted" if command == f"auth {PASSWORD}" else "-ERR invalid"
                    connection.sendall(f"Content-Type: command/reply\nReply-Text: {reply}\n\n".encode())
                elif command.startswith("api "):
                    name = command.removeprefix("api ")
                    known = "true" if name.startswith("module_exists") else f"-ERR {name} Command not found!\n"
                    body = answers.get(name, known).encode()
                    connection.sendall(b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body))

    return play


def settings(port: int, more: str = TRUNK) -> SwitchSettings:
    return parse_settings(f"event_socket: {{port: {port}}}\n{more}")


def findings(port: int, more: str = TRUNK) -> list[tuple[str, str]]:
    report = check(settings(port, more), PASSWORD, timeout_s=2)
    assert all(finding.remedy for finding in report.findings if finding.verdict is not Verdict.OK)
    return [(finding.verdict.value, finding.code) for finding in report.findings]


ALL_WELL = [
    "event-socket",
    "version",
    "modules",
    "safety",
    "dialplan",
    "load",
    "profile",
    "profile",
    "trunk",
    "emergency",
]


def test_a_good_switch(serve: Callable[[Script], int]) -> None:
    assert findings(serve(switch(GOOD))) == [("ok", code) for code in ALL_WELL]


def test_a_module_of_the_settings_is_missed(serve: Callable[[Script], int]) -> None:
    script = switch({**GOOD, "module_exists mod_vosk": "false"})
    assert ("fail", "module-missing") in findings(serve(script), TRUNK + "modules: [mod_vosk]\n")


@pytest.mark.parametrize(
    ("command", "answer", "expected"),
    [
        ("version", "FreeSWITCH Version 1.8.7\n", ("warn", "version")),
        ("version", "what?", ("fail", "version")),
        ("module_exists mod_sofia", "false", ("fail", "module-missing")),
        ("module_exists mod_spandsp", "false", ("warn", "module-optional")),
        ("fsctl api_expansion", "+OK api_expansion is on \n", ("fail", "api-expansion")),
        ("fsctl api_expansion", "-ERR what\n", ("fail", "api-expansion")),
        ("global_getvar disable_system_api_commands", "", ("fail", "system-commands")),
        ("xml_locate dialplan context name trunks", "can't find anything", ("warn", "dialplan-missing")),
        ("xml_locate dialplan context name phones", '<context name="phones"/>', ("fail", "dialplan-old")),
        ("fsctl max_sessions", "+OK max sessions: 1000\n", ("warn", "load-differs")),
        ("sofia status", GOOD["sofia status"].replace("phones", "other"), ("fail", "profile-down")),
        ("sofia status", GOOD["sofia status"].replace(":5060\tRUNNING", ":5060\tDOWN"), ("fail", "profile-down")),
        ("sofia status", GOOD["sofia status"].replace("5060", "5061"), ("warn", "profile-differs")),
        ("sofia status profile phones reg", "Total items returned: 0\n", ("warn", "emergency-empty")),
        ("acl 127.0.0.9 cti_trunks", "false", ("fail", "trunk-barred")),
        ("sofia xmlstatus gateway telecom", "Invalid Gateway!\n", ("fail", "trunk-unknown")),
        (
            "sofia xmlstatus gateway telecom",
            "<state>FAIL_WAIT</state><status>DOWN</status>",
            ("fail", "trunk-unregistered"),
        ),
        ("sofia xmlstatus gateway telecom", "<state>REGED</state><status>DOWN</status>", ("fail", "trunk-silent")),
        ("sofia xmlstatus gateway telecom", "<state>REGED</state><status>UP</status>", ("warn", "trunk-unprobed")),
    ],
)
def test_each_thing_that_is_wrong_is_told(
    serve: Callable[[Script], int], command: str, answer: str, expected: tuple[str, str]
) -> None:
    found = findings(serve(switch({**GOOD, command: answer})))
    assert [item for item in found if item[0] != "ok"] == [expected]


def test_no_trunk_at_all(serve: Callable[[Script], int]) -> None:
    assert ("warn", "no-trunk") in findings(serve(switch(GOOD)), "")


def _says(text: bytes) -> Script:
    return lambda connection: connection.sendall(text)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (_says(b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"), "switch-acl"),
        (_says(b"Content-Type: auth/request\nContent-Length: -1\n\n"), "switch-garbled"),
        (lambda connection: connection.shutdown(socket.SHUT_WR), "switch-lost"),
        (lambda connection: None, "deadline-exceeded"),
    ],
    ids=["acl", "garbage", "closed", "silent"],
)
def test_a_switch_that_does_not_let_us_in(serve: Callable[[Script], int], script: Script, code: str) -> None:
    report = check(settings(serve(script)), PASSWORD, timeout_s=1)
    assert [(finding.verdict, finding.code) for finding in report.findings] == [(Verdict.FAIL, code)]
    assert report.status == 1


def test_wrong_password_and_the_notorious_one(serve: Callable[[Script], int]) -> None:
    port = serve(switch(GOOD))
    assert [finding.code for finding in check(settings(port), "not-that-one-either").findings] == ["switch-password"]
    (refused,) = check(settings(1), "ClueCon").findings  # not even tried
    assert (refused.code, refused.verdict) == ("switch-password", Verdict.FAIL)


def test_the_command(serve: Callable[[Script], int], tmp_path: Path) -> None:
    file = tmp_path / "switch.yaml"
    assert cli_check(None, tmp_path / "to").status == 2  # nothing rendered there
    file.write_text(f"event_socket: {{port: {serve(switch(GOOD))}, password: {PASSWORD}}}\n{TRUNK}")
    assert cli_config(file, tmp_path / "to").status == 0
    outcome = cli_check(file, tmp_path / "to", timeout_s=2)
    assert outcome.status == 0
    assert "ok    trunk telecom: answers in 4.20 ms, registered as u1\n" in outcome.text


def test_films_that_cannot_be_played_are_told(serve: Callable[[Script], int]) -> None:
    port = serve(switch({**GOOD, "module_exists mod_av": "false"}))
    films = ("b.mov", "a.mp4", "c.fsv", "d.avi")
    report = check(settings(port), PASSWORD, timeout_s=2, films=films)
    found = {(f.verdict.value, f.code, f.subject) for f in report.findings if f.code.startswith("video")}
    assert found == {
        ("warn", "video-module", "a.mp4, b.mov"),
        ("ok", "video", "c.fsv"),
        ("warn", "video-kind", "d.avi"),
    }
    assert report.status == 0
