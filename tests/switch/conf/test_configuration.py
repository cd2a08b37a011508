"""Trunks told by the API: the same as those in the switch's files, whatever their values look like."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cti.core.errors import ConfigError
from cti.switch.conf import SettingsError, parse_settings, render
from cti.switch.conf.configuration import TrunkSettings, addresses_document, sofia_document, trunk_files
from cti.switch.conf.render import find_tree
from tests.switch.conf.test_directory import text_of
from tests.switch.conf.test_render import document

NASTY = "a$${b}<&\"'X-PRE-PROCESS"
TRUNKS = """
trunks:
  - {name: fresh, address: 192.0.2.9, inbound_from: [192.0.2.64/28, 192.0.2.9/32],
     register: {user: "8677", password: "a$${b}<&\\"'X-PRE-PROCESS"}}
  - {name: quiet, address: 192.0.2.99, order: 1}
"""


@pytest.fixture(autouse=True)
def _without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")


def plain(element: ElementTree.Element) -> object:
    """Names, attributes and children; neither blanks nor comments."""
    return element.tag, dict(element.attrib), [plain(child) for child in element if isinstance(child.tag, str)]


def test_the_answer_is_what_the_files_hold(tmp_path: Path) -> None:
    settings = parse_settings(TRUNKS)
    files, _ = document(render(settings, tmp_path).conf)
    told = ElementTree.fromstring(sofia_document(settings, find_tree()))
    for name in ("trunks", "phones"):
        path = f".//profile[@name='{name}']/"
        for part in ("gateways", "settings", "domains"):
            expected, found = files.find(path + part), told.find(path + part)
            assert (found is None) == (expected is None)
            if expected is not None and found is not None and part == "gateways":
                assert plain(found) == plain(expected)
    assert len(told.findall(".//gateway")) == 2
    passwords = {param.get("value") for param in told.findall(".//gateway/param[@name='password']")}
    assert passwords == {NASTY}
    addresses = addresses_document(settings)
    assert addresses is not None
    domain = ElementTree.fromstring(addresses).find(".//domain[@name='trunks']")
    expected = files.find(".//domain[@name='trunks']")
    assert domain is not None
    assert expected is not None
    assert plain(domain) == plain(expected)


def test_the_switch_expands_its_own_variables_and_no_others() -> None:
    text = sofia_document(parse_settings(TRUNKS), find_tree())
    assert b'value="$${cti_trunks_port}"' in text
    assert b"$${b}" not in text
    assert b"X-PRE-PROCESS" not in text  # the switch drops such lines, in the tree's includes as in a password


def test_the_last_good_files_are_those_that_are_rendered(tmp_path: Path) -> None:
    settings = parse_settings(TRUNKS)
    conf = render(settings, tmp_path)
    for name, text in trunk_files(settings).items():
        assert (conf.conf / name).read_bytes() == text
        assert b"PRE-PROCESS" not in text or b"&#45;PRE-PROCESS" in text


def test_a_user_of_no_trunk_is_left_to_the_files() -> None:
    settings = parse_settings(TRUNKS)
    assert addresses_document(settings, "fresh.1") is not None
    assert addresses_document(settings, "fresh.2") is None


def test_settings_are_read_again_when_they_change_and_not_kept_when_they_are_bad(tmp_path: Path) -> None:
    file = tmp_path / "switch.yaml"
    trunks = TrunkSettings(file)
    with pytest.raises(ConfigError):
        trunks.read()
    file.write_text(TRUNKS)
    assert trunks.read() is trunks.read()
    file.write_text(TRUNKS + "nonsense: 1\n")
    for _ in range(2):
        with pytest.raises(SettingsError):
            trunks.read()
    file.write_text("trunks: []\n")
    assert trunks.read().trunks == ()


@pytest.mark.parametrize("asked", [False, True])
def test_the_switch_asks_for_it_where_that_is_wanted(tmp_path: Path, asked: bool) -> None:
    key = tmp_path / "key"
    key.write_text("ctik_0123456789abcdef_s3cret-s3cret-s3cret\n")
    text = text_of(key, 8080).replace("key_file", f"configuration: {str(asked).lower()}, key_file")
    root, _ = document(render(parse_settings("name: fs7\n" + text), tmp_path / "to").conf)
    (param,) = root.findall(".//binding/param[@name='gateway-url']")
    url = "http://127.0.0.1:8080/switch/directory"
    expected = (f"{url}?switch=fs7", "directory|configuration") if asked else (url, "directory")
    assert (param.get("value"), param.get("bindings")) == expected
