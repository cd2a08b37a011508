"""Phones of agents: rendered where the switch asks for them, fetched and kept; what goes wrong is told."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cti.core.errors import ConfigError
from cti.core.people import PhoneAccount
from cti.switch.conf import SettingsError, SwitchSettings, cli_config, cli_directory, parse_settings, render
from cti.switch.conf.directory import AGENTS_FILE, agents_file, directory_document, shown_name
from cti.switch.conf.directory_settings import DirectorySettings
from cti.switch.conf.directorycheck import directory_verdicts
from cti.switch.conf.last_good import DirectoryRefused, count_phones, fetch, save
from tests.switch.conf.test_render import document

SECRET = "s3cret-s3cret-s3cret"
PHONES = [PhoneAccount("1001", "Anna", "a"), PhoneAccount("2001", "Ben & Co", "b")]
Answer = tuple[int, bytes]
Serve = Callable[[Answer], tuple[int, list[str]]]


@pytest.fixture(autouse=True)
def _without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "switch.key"
    path.write_text(f"ctik_0123456789abcdef_{SECRET}\n")
    return path


@pytest.fixture
def serve() -> Iterator[Serve]:
    """An API that answers each request alike; its port, and the requests it got."""
    servers: list[HTTPServer] = []

    def start(answer: Answer) -> tuple[int, list[str]]:
        seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(f"{self.path} {self.headers['Authorization']}")
                self.send_response(answer[0])
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server.server_port, seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def text_of(key_file: Path, port: int = 8080) -> str:
    return f"directory: {{url: 'http://127.0.0.1:{port}/switch/directory', key_file: {key_file}}}\n"


def settings(key_file: Path, port: int = 8080) -> SwitchSettings:
    return parse_settings(text_of(key_file, port))


# ---- the configuration ---------------------------------------------------------------------------------------------


def test_the_switch_asks_the_api_with_its_key(tmp_path: Path, key_file: Path) -> None:
    conf = render(settings(key_file), tmp_path / "to")
    root, _ = document(conf.conf)
    (binding,) = root.findall(".//configuration[@name='xml_curl.conf']/bindings/binding")
    params = {param.get("name"): param.get("value") for param in binding}
    assert params == {
        "gateway-url": "http://127.0.0.1:8080/switch/directory",
        "gateway-credentials": f"0123456789abcdef:{SECRET}",
        "auth-scheme": "basic",
        "timeout": "2",
        "enable-cacert-check": "true",
        "enable-ssl-verifyhost": "true",
    }
    assert binding[0].get("bindings") == "directory"  # of nothing else: the rest is in files
    assert root.findall(".//load[@module='mod_xml_curl']")
    for path in (conf.conf / "local").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("configured", "built", "loaded", "noted"),
    [(True, True, True, False), (True, False, False, True), (False, True, False, False), (False, False, False, False)],
)
def test_the_module_is_loaded_where_it_is_there_and_wanted(
    tmp_path: Path, key_file: Path, configured: bool, built: bool, loaded: bool, noted: bool
) -> None:
    modules = tmp_path / "mod"
    modules.mkdir()
    if built:
        (modules / "mod_xml_curl.so").touch()
    wanted = settings(key_file) if configured else SwitchSettings()
    conf = render(wanted, tmp_path / "to", modules=modules)
    root, _ = document(conf.conf)
    assert bool(root.findall(".//load[@module='mod_xml_curl']")) is loaded
    assert bool(root.findall(".//binding")) is configured
    assert any("mod_xml_curl" in note for note in conf.notes) is noted


def test_phones_that_are_there_already_outlast_another_run(tmp_path: Path) -> None:
    conf = render(SwitchSettings(), tmp_path)
    file = conf.conf / AGENTS_FILE
    assert ElementTree.fromstring(file.read_bytes()).findall("user") == []
    assert save(tmp_path, agents_file("cti.local", PHONES))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = render(SwitchSettings(), tmp_path)
    assert (again.changed, count_phones(file.read_bytes())) == ((), 2)
    assert not save(tmp_path, agents_file("cti.local", PHONES))
    root, _ = document(conf.conf)
    groups = root.findall(".//domain[@name='cti.local']/groups/group")
    assert [group.get("name") for group in groups] == ["agents", "phones"]  # the first user of a number is the one
    assert [user.get("id") for user in groups[0].findall("users/user")] == ["1001", "2001"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("url: http://10.0.0.1/switch/directory, key_file: /k", "in clear"),
        ("url: 'http://127.0.0.1/a$${b}', key_file: /k", "no such address"),
        ("url: 'http://u:p@127.0.0.1/a', key_file: /k", "no such address"),
        ("url: ftp://127.0.0.1/a, key_file: /k", "no such address"),
        ("url: https://cti.example/switch/directory, key_file: k", "absolute path"),
        ("url: https://cti.example/switch/directory", "key_file"),
        ("url: https://cti.example/switch/directory, key_file: /k, timeout_s: 60", "timeout_s"),
    ],
)
def test_what_is_written_wrongly_is_told(written: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(f"directory: {{{written}}}\n")
    assert said in str(refused.value)


def test_a_key_that_is_none(tmp_path: Path, key_file: Path) -> None:
    key_file.write_text("X-API-Key: something\n")
    with pytest.raises(ConfigError) as refused:
        render(settings(key_file), tmp_path / "to")
    assert (refused.value.code, "something" in str(refused.value)) == ("bad-key", False)
    assert not list((tmp_path / "to").rglob("*.xml"))
    with pytest.raises(ConfigError) as refused:
        render(settings(tmp_path / "nowhere"), tmp_path / "to")
    assert refused.value.code == "unreadable-file"


# ---- fetching ------------------------------------------------------------------------------------------------------


def test_fetched_kept_and_counted(tmp_path: Path, key_file: Path, serve: Serve) -> None:
    text = agents_file("cti.local", PHONES)
    port, seen = serve((200, text))
    file = tmp_path / "switch.yaml"
    file.write_text(f"event_socket: {{port: {_closed_port()}}}\n" + text_of(key_file, port))
    target = tmp_path / "to"
    assert cli_directory(file, target).status == 2  # no configuration there
    assert cli_config(file, target).status == 0
    outcome = cli_directory(file, target)
    assert (outcome.status, outcome.text) == (0, "2 phones; the switch takes them when it starts\n")
    assert (target / "conf" / AGENTS_FILE).read_bytes() == text
    assert cli_directory(file, target).text == "2 phones; nothing has changed\n"
    assert set(seen) == {
        "/switch/directory?domain=cti.local Basic MDEyMzQ1Njc4OWFiY2RlZjpzM2NyZXQtczNjcmV0LXMzY3JldA=="
    }
    (finding,) = directory_verdicts(settings(key_file, port), lambda _: "true")
    assert str(finding) == f"ok    directory: http://127.0.0.1:{port}/switch/directory knows 2 phones of agents"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((401, b""), "directory-key"),
        ((403, b""), "directory-role"),
        ((404, b""), "directory-domain"),
        ((302, b""), "directory-302"),  # not followed: the key would go along
        ((503, b""), "directory-503"),
        ((200, b"<html></html>"), "directory-garbled"),
        ((200, b"<include><user><X-PRE-PROCESS cmd='exec' data='id'/></user></include>"), "directory-garbled"),
        ((200, b"<include><user id='$${x}'/></include>"), "directory-garbled"),
        ((200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><include/>"), "directory-garbled"),
        ((200, b"{}"), "directory-garbled"),
    ],
)
def test_what_is_no_directory_leaves_the_last_good_one(
    tmp_path: Path, key_file: Path, serve: Serve, answer: Answer, code: str
) -> None:
    port, _ = serve(answer)
    file = tmp_path / "switch.yaml"
    file.write_text(text_of(key_file, port))
    cli_config(file, tmp_path / "to")
    save(tmp_path / "to", agents_file("cti.local", PHONES))
    outcome = cli_directory(file, tmp_path / "to")
    assert (outcome.status, f"[{code}]" in outcome.text) == (1, True), outcome.text
    assert count_phones((tmp_path / "to" / "conf" / AGENTS_FILE).read_bytes()) == 2
    module, finding = directory_verdicts(settings(key_file, port), lambda _: "false")
    assert (module.code, finding.code) == ("directory-module", code)
    assert finding.remedy
    assert module.remedy


def test_nobody_answers(key_file: Path) -> None:
    with pytest.raises(DirectoryRefused) as refused:
        fetch(_directory(key_file), "cti.local")
    assert refused.value.code == "directory-silent"


def test_nothing_is_found_where_no_directory_is_configured(tmp_path: Path) -> None:
    assert list(directory_verdicts(SwitchSettings(), lambda _: "true")) == []
    cli_config(None, tmp_path)
    outcome = cli_directory(None, tmp_path)
    assert (outcome.status, "no-directory" in outcome.text) == (2, True)


def test_a_folder_that_was_never_rendered(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        save(tmp_path / "nowhere", b"")
    assert refused.value.code == "unwritable"


# ---- the XML -------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=100).filter(str.isprintable))
@example('<!"/><X-PRE-PROCESS cmd="exec" data="id"/> x-pre-process $${a}')
def test_any_name_is_one_value_past_preprocessor_and_serializers(name: str) -> None:
    phones = [PhoneAccount("1001", name, "x")]
    for text in (directory_document("cti.local", phones), agents_file("cti.local", phones)):
        assert b"$" not in text
        assert b"<!" not in text
        assert b"x-pre-process" not in text.lower()
        (shown,) = ElementTree.fromstring(text).findall(".//variable[@name='effective_caller_id_name']")
        assert shown.get("value") == shown_name(name)
    assert "<!" not in shown_name(name)


def _directory(key_file: Path) -> DirectorySettings:
    found = settings(key_file, _closed_port()).directory
    assert found is not None
    return found


def _closed_port() -> int:
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return server.server_port
