"""The rendered folder: complete, well-formed, closed, the same on every run, and nothing of a value leaks into XML."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.errors import ConfigError
from cti.switch.conf import SettingsError, cli_config, load_rendered, parse_settings, render
from cti.switch.conf.generated import Facts, Secrets, escape, local_files
from cti.switch.conf.render import find_tree
from cti.switch.guard import DIALPLAN_S

TREE = find_tree()
TRUNK = """
trunks:
  - name: telecom
    address: 192.0.2.50
    port: 5070
    register: {user: "8610", password: "p$${domain}&\\"<'x"}
    outgoing_number: "+8610"
    dtmf: inband
    inbound_from: [192.0.2.0/28, 192.0.2.64/28]
  - {name: quiet, address: 192.0.2.99, probe_s: 0, order: 1}
"""


@pytest.fixture(autouse=True)
def _without_espeak(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "spoken" not in request.keywords:
        monkeypatch.setenv("PATH", "/nonexistent")


def preprocessed(path: Path, variables: dict[str, str]) -> Iterator[str]:
    """What the switch makes of a file before it reads XML: includes, `set`, `$${name}` (switch_xml.c, preprocess)."""
    for line in path.read_text().splitlines():
        # Only names are known there; a `$${…}` that nothing has set would silently become an empty text.
        line = re.sub(r"\$\$\{(\w+)\}", lambda found: variables[found.group(1)], line)
        command = re.search(r'<X-PRE-PROCESS cmd="(\w+)" data="([^"]*)"/>', line)
        if command is None:
            if "<include>" not in line and "</include>" not in line and "<?xml" not in line:
                yield line
        elif command.group(1) == "set":
            name, _, value = command.group(2).partition("=")
            variables[name] = value
        else:
            assert command.group(1) == "include"
            found = sorted(path.parent.glob(command.group(2)))
            assert found, f"{path} includes {command.group(2)}, which is not there"
            for included in found:
                yield from preprocessed(included, variables)


def document(conf: Path) -> tuple[ElementTree.Element, dict[str, str]]:
    variables = {"local_ip_v4": "192.0.2.1", "temp_dir": "/tmp"}
    text = "\n".join(preprocessed(conf / "freeswitch.xml", variables))
    return ElementTree.fromstring(text), variables


@pytest.mark.parametrize("rendered", [False, True], ids=["as shipped", "rendered"])
def test_the_whole_is_one_well_formed_document_with_every_variable_set(tmp_path: Path, rendered: bool) -> None:
    conf = render(parse_settings(TRUNK), tmp_path).conf if rendered else TREE
    root, variables = document(conf)
    assert [section.get("name") for section in root] == ["configuration", "dialplan", "directory"]
    assert variables["disable_system_api_commands"] == "true"
    switch = root.find("section/configuration[@name='switch.conf']/settings/param[@name='api-expansion']")
    assert switch is not None
    assert switch.get("value") == "false"


def test_as_shipped_nobody_gets_in() -> None:
    root, _ = document(TREE)
    socket = {p.get("name"): p.get("value") for p in root.findall(".//configuration[@name='event_socket.conf']//param")}
    assert socket["apply-inbound-acl"] == "cti_nobody"
    (nobody,) = root.findall(".//list[@name='cti_nobody']")
    assert (nobody.get("default"), len(nobody)) == ("deny", 0)
    assert root.findall(".//user") == []
    assert root.findall(".//gateway") == []


def test_rendered_the_event_socket_is_for_this_machine_with_our_password(tmp_path: Path) -> None:
    conf = render(parse_settings("event_socket: {port: 8099}\n"), tmp_path)
    root, _ = document(conf.conf)
    params = root.findall(".//configuration[@name='event_socket.conf']//param")
    assert {p.get("name"): p.get("value") for p in params} == {
        "listen-ip": "127.0.0.1",
        "listen-port": "8099",
        "password": conf.password,
        "apply-inbound-acl": "loopback.auto",
        "nat-map": "false",
        "stop-on-bind-error": "true",
    }
    assert len(conf.password) >= 24


def test_no_argument_refers_to_what_a_caller_can_write(tmp_path: Path) -> None:
    """Only our own variables stand in dialplan and directory (DESIGN 3.4); captures only of digits."""
    allowed = re.compile(r"uuid|cti_(worker|alive_[0-3]|owner_\$5)|dialed_(user|domain)")
    for path in TREE.rglob("*.xml"):
        text = re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.DOTALL)
        for name in re.findall(r"(?<!\$)\$\{([^}]*)\}", text):
            assert allowed.fullmatch(name), f"{path}: {name}"


def test_gateway_and_addresses(tmp_path: Path) -> None:
    root, _ = document(render(parse_settings(TRUNK), tmp_path).conf)
    gateways = root.findall(".//profile[@name='trunks']/gateways/gateway")
    assert [gateway.get("name") for gateway in gateways] == ["quiet", "telecom"]  # by order
    params = {p.get("name"): p.get("value") for p in gateways[1].findall("param")}
    assert params["password"] == "p$${domain}&\"<'x"
    assert params["proxy"] == "192.0.2.50:5070;transport=udp"
    assert params["from-user"] == "+8610"
    assert params["ping"] == "30"
    assert "ping" not in {p.get("name") for p in gateways[0].findall("param")}
    users = root.findall(".//domain[@name='trunks']/users/user")
    assert [(user.get("id"), user.get("cidr")) for user in users] == [
        ("telecom.0", "192.0.2.0/28"),
        ("telecom.1", "192.0.2.64/28"),
        ("quiet.0", "192.0.2.99/32"),
    ]
    variables = {v.get("name"): v.get("value") for v in users[0].findall("variables/variable")}
    assert variables["dtmf_type"] == "none"
    assert variables["execute_on_answer"] == "spandsp_start_dtmf"
    assert users[0].find("params") is None  # no password: nobody can log in as a trunk


def test_phones_get_a_password_each(tmp_path: Path) -> None:
    conf = render(parse_settings(""), tmp_path)
    root, _ = document(conf.conf)
    found = {
        user.get("id"): {p.get("name"): p.get("value") for p in user.findall("params/param")}
        for user in root.findall(".//group[@name='phones']/users/user")
    }
    assert list(found) == [str(number) for number in range(1001, 1021)]
    passwords = [params["password"] for params in found.values()]
    assert len(set(passwords)) == 20
    assert min(len(password or "") for password in passwords) >= 16
    assert conf.phones == {number: params["password"] for number, params in found.items()}


def test_a_second_run_changes_nothing_and_keeps_the_secrets(tmp_path: Path) -> None:
    settings = parse_settings(TRUNK)
    first, second = render(settings, tmp_path), render(settings, tmp_path)
    assert len(first.changed) > 15
    assert second.changed == ()
    assert (second.password, second.phones) == (first.password, first.phones)
    more = render(parse_settings(TRUNK + "phones: {first: 1001, last: 1030}\n"), tmp_path)
    assert more.changed == ("conf/local/phones.xml", "conf/local/vars.xml", "state.json")
    assert {number: more.phones[number] for number in first.phones} == first.phones
    assert load_rendered(tmp_path).password == first.password
    assert load_rendered(tmp_path).phones == more.phones


def test_what_is_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    conf = render(parse_settings(TRUNK), tmp_path)
    assert conf.password_file.read_text().strip() == conf.password
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(conf.log.stat().st_mode) == 0o700  # the switch copies the configuration there


def test_a_file_of_an_older_version_is_removed_and_ones_own_is_left(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for path in TREE.rglob("*.xml"):
        target = tree / path.relative_to(TREE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tree / "dialplan" / "old.xml").write_text("<include/>")
    conf = render(parse_settings(""), tmp_path / "to", tree=tree)
    (conf.conf / "dialplan" / "own.xml").write_text("<include/>")
    (tree / "dialplan" / "old.xml").unlink()
    again = render(parse_settings(""), tmp_path / "to", tree=tree)
    assert again.changed == ("state.json", "conf/dialplan/old.xml")
    assert sorted(path.name for path in (conf.conf / "dialplan").glob("o*.xml")) == ["own.xml"]


def test_modules_that_were_not_built_are_left_out(tmp_path: Path) -> None:
    conf = render(parse_settings(""), tmp_path / "to", modules=tmp_path)
    assert "mod_spandsp" not in (conf.conf / "local" / "modules.xml").read_text()
    assert any("mod_spandsp" in note for note in conf.notes)


def test_modules_that_play_video_are_loaded_where_they_were_built(tmp_path: Path) -> None:
    (tmp_path / "mod_av.so").touch()
    conf = render(parse_settings(""), tmp_path / "to", modules=tmp_path)
    text = (conf.conf / "local" / "modules.xml").read_text()
    assert "mod_av" in text
    assert "mod_fsv" not in text
    plain = render(parse_settings(""), tmp_path / "plain")
    assert "mod_av" not in (plain.conf / "local" / "modules.xml").read_text()


def test_further_modules_are_loaded_and_missing_ones_told(tmp_path: Path) -> None:
    (tmp_path / "mod_vosk.so").touch()
    settings = parse_settings("modules: [mod_vosk, mod_unimrcp, mod_vosk]")
    conf = render(settings, tmp_path / "to", modules=tmp_path)
    text = (conf.conf / "local" / "modules.xml").read_text()
    assert text.count('<load module="mod_vosk"/>') == text.count('<load module="mod_unimrcp"/>') == 1
    assert [note for note in conf.notes if "mod_unimrcp is not in" in note]
    assert not [note for note in conf.notes if "mod_vosk" in note]


def test_an_unwritable_target_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as refused:
        render(parse_settings(""), tmp_path / "file")
    assert refused.value.code == "unwritable"
    assert refused.value.remedy


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(ConfigError) as refused:
        render(parse_settings(""), tmp_path)
    assert refused.value.code == "bad-state"


def test_the_command_says_where_the_secrets_are_and_shows_none(tmp_path: Path) -> None:
    outcome = cli_config(None, tmp_path)
    conf = load_rendered(tmp_path)
    assert outcome.status == 0
    assert f"-conf {conf.conf} -log {conf.log}" in outcome.text
    assert str(conf.password_file) in outcome.text
    for secret in (conf.password, *conf.phones.values()):
        assert secret not in outcome.text


def test_a_bad_settings_file_writes_nothing(tmp_path: Path) -> None:
    settings = tmp_path / "switch.yaml"
    settings.write_text("sip: {port: 1}\n")
    outcome = cli_config(settings, tmp_path / "to")
    assert outcome.status == 2
    assert outcome.text.startswith(f"{settings}:1:7 [unknown-option] 'port' is not an option here; ")
    assert not (tmp_path / "to").exists()


secrets_ = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)


@given(secrets_)
def test_any_password_of_a_carrier_reaches_the_switch_as_it_is(password: str) -> None:
    quoted = password.replace("'", "''")
    text = f"trunks: [{{name: a, address: 192.0.2.1, register: {{user: u, password: '{quoted}'}}}}]\n"
    try:
        settings = parse_settings(text)
    except SettingsError:  # a character that YAML itself does not allow
        return
    files = local_files(settings, Secrets("0123456789ab"), Facts("/p", "/r"))
    lines = files["gateways.xml"].splitlines()
    assert len([line for line in lines if "$$" in line]) == 0  # nothing for the switch's preprocessor
    root = ElementTree.fromstring(files["gateways.xml"])
    (param,) = root.findall(".//param[@name='password']")
    assert param.get("value") == password


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_escaped_text_ends_no_attribute_and_starts_no_variable(text: str) -> None:
    escaped = escape(text)
    assert not set('"<$') & set(escaped)
    assert ElementTree.fromstring(f'<a b="{escaped}"/>').get("b") == text


@pytest.mark.parametrize(
    ("codecs", "inbound"), [("", "PCMA,PCMU,H264,VP8"), ("sip: {video_codecs: []}", "PCMA,PCMU")], ids=["some", "none"]
)
def test_video_is_agreed_on_with_callers_where_a_module_shows_it(tmp_path: Path, codecs: str, inbound: str) -> None:
    (tmp_path / "mod_av.so").touch()
    for modules, expected in ((tmp_path, inbound), (None, "PCMA,PCMU")):
        root, _ = document(render(parse_settings(codecs), tmp_path / "switch", modules=modules).conf)
        for name in ("phones", "trunks"):
            (profile,) = root.findall(f".//profile[@name='{name}']")
            params = {p.get("name"): p.get("value") for p in profile.findall("settings/param")}
            assert (params["inbound-codec-prefs"], params["outbound-codec-prefs"]) == (expected, "PCMA,PCMU")


@pytest.mark.parametrize(
    ("written", "variables"),
    [
        ("", {}),
        ("t38: offer", {}),
        ("t38: accept", {"fax_enable_t38_request": "false"}),
        ("t38: refuse", {"fax_enable_t38_request": "false", "refuse_t38": "true"}),
    ],
)
def test_what_a_trunk_does_with_t38(tmp_path: Path, written: str, variables: dict[str, str]) -> None:
    settings = parse_settings(f"trunks:\n  - {{name: a, address: 192.0.2.5, {written}}}\n")
    root, _ = document(render(settings, tmp_path).conf)
    (user,) = root.findall(".//domain[@name='trunks']/users/user")
    (gateway,) = root.findall(".//gateway")
    for holder in (user, gateway):
        found = {str(v.get("name")): v.get("value") for v in holder.findall("variables/variable")}
        assert {name: value for name, value in found.items() if "t38" in name} == variables


PAIR = """
sip: {address: 192.0.2.10}
pair:
  peer: fs2
  core_db: {host: 192.0.2.30, name: core, user: switch, password: "it's <\\\\ $${domain}", tls: verify-full}
"""


def test_a_pair_shares_a_core_database_and_tracks_its_calls(tmp_path: Path) -> None:
    conf = render(parse_settings(PAIR), tmp_path / "fs1", tree=TREE)
    local = conf.conf / "local"
    params = {one.get("name"): one.get("value") for one in ElementTree.parse(local / "core_db.xml").iter("param")}
    assert params["core-non-sqlite-db-required"] == "true"
    # As libpq reads it: quoted, with `'` and the backslash escaped.
    assert params["core-db-dsn"] == (
        "pgsql://host=192.0.2.30 port=5432 dbname=core user=switch password='it\\'s <\\\\ $${domain}' "
        "sslmode=verify-full connect_timeout=5 application_name=freeswitch"
    )
    assert "$" not in (local / "core_db.xml").read_text()
    assert '<load module="mod_pgsql"/>' in (local / "databases.xml").read_text()
    assert "cti_track_calls=true" in (local / "vars.xml").read_text()
    for profile in ("phones", "trunks"):
        assert (
            'name="track-calls" value="$${cti_track_calls}"'
            in (conf.conf / "sip_profiles" / f"{profile}.xml").read_text()
        )
    assert '"../local/core_db.xml"' in (conf.conf / "autoload_configs" / "switch.conf.xml").read_text()


def test_without_a_pair_nothing_of_it_is_there(tmp_path: Path) -> None:
    local = render(parse_settings(""), tmp_path / "fs1", tree=TREE).conf / "local"
    assert "param" not in (local / "core_db.xml").read_text()
    assert "load" not in (local / "databases.xml").read_text()
    assert "cti_track_calls=false" in (local / "vars.xml").read_text()


def test_a_pair_without_its_module_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "mod").mkdir()
    with pytest.raises(ConfigError) as refused:
        render(parse_settings(PAIR), tmp_path / "fs1", tree=TREE, modules=tmp_path / "mod")
    assert refused.value.code == "no-pair-module"
    assert not (tmp_path / "fs1").exists()
    (tmp_path / "mod" / "mod_pgsql.so").touch()
    render(parse_settings(PAIR), tmp_path / "fs1", tree=TREE, modules=tmp_path / "mod")


def test_the_owners_of_the_digits_are_those_of_the_slots() -> None:
    """vars.xml tells which worker owns a digit, the dialplan whose digits are skipped."""
    owners = dict(re.findall(r'data="cti_owner_([0-9a-f])=([0-3])"', (TREE / "vars.xml").read_text()))
    assert owners == {f"{digit:x}": str(digit % 4) for digit in range(16)}
    dialplan = (TREE / "dialplan" / "parts" / "engine.xml").read_text()
    skipped = re.findall(r"\(\?\(([1-4])\)\[([0-9a-f]{4})\]\|", dialplan)
    assert {digit: str(int(group) - 1) for group, digits in skipped for digit in digits} == owners


def test_the_first_guard_is_as_long_as_the_engine_takes_it_for() -> None:
    assert f'data="cti_guard_s={DIALPLAN_S}"' in (TREE / "vars.xml").read_text()
