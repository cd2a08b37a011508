"""The settings file: what is accepted, and for each mistake the place, the code and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.switch.conf import SettingsError, SwitchSettings, load_settings, parse_settings

FULL = """
name: fs1
sip: {address: 192.0.2.10, advertised: 203.0.113.10, domain: hotline.example, codecs: [PCMU]}
rtp: {first_port: 20000, last_port: 29999}
event_socket: {address: 127.0.0.2, port: 8022}
load: {max_sessions: 5000, sessions_per_second: 300}
phones: {first: 2001, last: 2100}
emergency: {phones: ["2001", 2002], ring: in_turn, ring_s: 15, apology: Bitte warten., language: de}
folders: {prompts: /var/lib/cti/prompts/, recordings: /var/lib/cti/rec}
log_level: info
trunks:
  - name: telecom
    address: sip.carrier.example
    transport: tcp
    register: {user: "861012345678", password: 012, realm: carrier.example}
    probe_s: 60
    codecs: [PCMA]
    outgoing_number: +861012345678
    dtmf: inband
    inbound_from: [203.0.113.0/24, 198.51.100.7]
    order: 20
  - {name: unicom, address: 198.51.100.9}
"""


def test_everything_at_once() -> None:
    settings = parse_settings(FULL)
    telecom = settings.trunks[0]
    assert settings.phones.numbers()[0::99] == ("2001", "2100")
    assert settings.emergency.phones == ("2001", "2002")
    assert settings.folders.prompts == "/var/lib/cti/prompts"
    assert telecom.networks() == ("203.0.113.0/24", "198.51.100.7/32")
    assert telecom.outgoing_number == "+861012345678"  # YAML would make a number of it
    assert telecom.register_as is not None
    assert telecom.register_as.secret() == "012"
    assert [trunk.name for trunk in settings.trunks_in_order()] == ["unicom", "telecom"]
    assert settings.trunks[1].networks() == ("198.51.100.9/32",)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_nothing_written_means_all_defaults(text: str) -> None:
    assert parse_settings(text) == SwitchSettings()


CORE_DB = "core_db: {host: 192.0.2.30, name: core, user: switch"
WRONG = [
    (
        f"name: fs1\nsip: {{address: 192.0.2.1}}\npair:\n  peer: fs1\n  {CORE_DB}}}\n",
        "s.yaml:4:9 [duplicate-name] 'fs1' is this switch itself; write the other one's name.",
    ),
    (
        f"pair:\n  peer: fs2\n  {CORE_DB}}}\n",
        "s.yaml:2:3 [floating-address] a pair needs the address that moves between the two; write sip.address,",
    ),
    (
        f"sip: {{address: 192.0.2.1}}\npair:\n  peer: fs2\n  {CORE_DB}, password_env: NOT_SET_HERE}}\n",
        "s.yaml:4:71 [missing-secret] the environment variable NOT_SET_HERE is not set; set it, or write `password`",
    ),
    (
        "pair:\n  peer: fs2\n  core_db: {host: a b, name: core, user: switch}\n",
        "s.yaml:3:19 [bad-value] host: 'a b' is neither a host nor the folder of a Unix socket; write for example",
    ),
    ("pair: {peer: fs2}\n", "s.yaml:1:7 [missing-option] 'core_db' must be given"),
    ("nane: fs1\n", "s.yaml:1:1 [unknown-option] 'nane' is not an option here; did you mean 'name'?"),
    (
        "trunks:\n  - {name: a, adress: 192.0.2.1}\n",
        "s.yaml:2:5 [missing-option] 'address' must be given; write for",
    ),
    (
        "trunks:\n  - {name: a, adress: 192.0.2.1}\n",
        "s.yaml:2:15 [unknown-option] 'adress' is not an option here; did",
    ),
    ("trunks:\n  - {name: A b, address: 192.0.2.1}\n", "s.yaml:2:12 [bad-value] name: "),
    ("trunks:\n  - {name: a, address: 'x y'}\n", "s.yaml:2:24 [bad-value] address: 'x y' is neither a host name nor"),
    ("sip: {phones_port: many}\n", "s.yaml:1:20 [bad-value] phones_port: "),
    ("sip: {phones_port: 5080}\n", "s.yaml:1:6 [port-collision] port 5080 is sip.phones_port already"),
    ("sip: {trunks_port: 20000}\n", "s.yaml:1:20 [port-collision] port 20000 lies within rtp"),
    (
        "sip: {address: 300.1.1.1}\n",
        "s.yaml:1:16 [bad-value] address: '300.1.1.1' is not an IPv4 address; write for example",
    ),
    ("sip: {codecs: [PCMA, GSM]}\n", "s.yaml:1:22 [bad-value] number 2 of codecs: "),
    ("event_socket: {address: 0.0.0.0}\n", "s.yaml:1:25 [bad-value] address: the event socket gives full control"),
    (
        "event_socket: {password: ClueCon}\n",
        "s.yaml:1:26 [bad-value] password: the password 'ClueCon' is known to everybody",
    ),
    ("event_socket: {password: short}\n", "s.yaml:1:26 [bad-value] password: a password of fewer than 12 characters"),
    ("load: {max_sessions: 20000}\n", "[rtp-range-too-small] 16384 RTP ports carry 8192 sessions, not"),
    ("phones: {first: 1020, last: 1001}\n", "s.yaml:1:9 [bad-value] phones: from `first` to `last`"),
    (
        "emergency: {phones: ['1001', '4711']}\n",
        "s.yaml:1:30 [unknown-phone] '4711' is no phone of this switch; write one",
    ),
    ("trunks:\n  - {name: a, address: 192.0.2.1, inbound_from: [0.0.0.0/0]}\n", "lets half the world call in"),
    (
        "trunks:\n  - {name: a, address: 192.0.2.1, probe_s: 2}\n",
        "[bad-value] probe_s: a trunk is probed every 5 s or more",
    ),
    ("trunks:\n  - {name: a, address: 192.0.2.1}\n  - {name: a, address: 192.0.2.2}\n", "s.yaml:3:12 [duplicate-name]"),
    (
        "trunks:\n  - {name: a, address: 192.0.2.1}\n  - {name: b, address: 192.0.2.1}\n",
        "s.yaml:3:5 [duplicate-address]",
    ),
    (
        "trunks:\n  - {name: a, address: 192.0.2.1, register: {user: u, password_env: NOT_SET_ANYWHERE}}\n",
        "[missing-secret] the environment variable NOT_SET_ANYWHERE is not set",
    ),
    (
        "trunks:\n  - {name: a, address: 192.0.2.1, register: {user: u}}\n",
        "write either `password: '…'` or `password_env",
    ),
    ("name: a\nname: b\n", "s.yaml:2:1 [duplicate-key]"),
    ("name: !!python/object:os.system x\n", "s.yaml:1:"),
    ("a: &a [1]\nb: *a\n", "[bad-yaml]"),
    ("- 1\n", "s.yaml:1:1 [bad-value] not a list of options"),
    ("just text\n", "s.yaml:1:1 [bad-value] not a list of options"),
    ("name: [unclosed\n", "[bad-yaml]"),
    ("folders: {prompts: relative/path}\n", "s.yaml:1:20 [bad-value] prompts: 'relative/path' is no absolute folder"),
    ("folders: {prompts: /a/../b}\n", "[bad-value]"),
    ("modules: [vosk]\n", "s.yaml:1:11 [bad-value]"),
    ("modules: [../mod_x]\n", "s.yaml:1:11 [bad-value]"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[expected[:40] for _, expected in WRONG])
def test_each_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, "s.yaml")
    assert expected in str(refused.value)


@pytest.mark.parametrize("password", ["hush\\x01hush", "hush" * 100])
def test_a_trunk_password_is_never_shown(password: str) -> None:
    text = f'trunks:\n  - {{name: a, address: 192.0.2.1, register: {{user: u, password: "{password}"}}}}\n'
    with pytest.raises(SettingsError) as refused:
        parse_settings(text)
    assert "hush" not in str(refused.value)


def test_all_findings_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings("sip: {phones_port: x, trunks_port: y}\nfoo: 1\n", "s.yaml")
    assert [(issue.place.line, issue.code) for issue in refused.value.issues] == [
        (1, "bad-value"),
        (1, "bad-value"),
        (2, "unknown-option"),
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"x" * (2 << 20), b"[" * 100_000])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "switch.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError):
        load_settings(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml.*\[unreadable\]"):
        load_settings(tmp_path / "none.yaml")
