"""Settings: what they mean, and how mistakes in them are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.config import SettingsRefused, load_settings, parse_settings
from cti.core.errors import ConfigError

SWITCH = "switches: [{password: a-long-enough-one}]\n"


def findings(text: str | bytes) -> list[str]:
    with pytest.raises(SettingsRefused) as caught:
        parse_settings(text, "cti.yaml")
    return [str(issue) for issue in caught.value.issues]


def test_little_must_be_written() -> None:
    settings = parse_settings(SWITCH, "cti.yaml")
    assert (settings.switches[0].host, settings.switches[0].port, settings.api.port) == ("127.0.0.1", 8021, 8080)


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cti.yaml"
    file.write_text("data: d\nswitches: [{password_file: p}]\nstore: {keys: k}\nboss: {file: l}\n")
    settings = load_settings(file)
    found = [settings.data, settings.switches[0].password_file, settings.store.keys, settings.boss.file]
    assert found == [tmp_path / name for name in "dpkl"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "cti.yaml:1:1 [bad-yaml] the file is empty"),
        ("switches:\n", "cti.yaml:1:10 [bad-value] switches: must be a list, such as [a, b]"),
        ("a: [\n", "cti.yaml:2:1 [bad-yaml]"),
        ("- a\n", "cti.yaml:1:1 [bad-value]"),
        ("hello\n", "cti.yaml:1:1 [bad-value]"),
        ("node: x\n", "cti.yaml:1:1 [missing-option] 'switches' must be given"),
        (SWITCH + "worker: {slott: 1}", "cti.yaml:2:10 [unknown-option] 'slott' is not an option here; did you mean"),
        (SWITCH + "worker: {slot: 4}", "cti.yaml:2:16 [bad-value] slot: input should be less than or equal to 3"),
        (SWITCH + "worker: 4", "cti.yaml:2:9 [bad-value] worker:"),
        (SWITCH + "queues: {q: {disposition_required: on}}", "cti.yaml:2:13 [bad-value] q: a disposition is required"),
        (SWITCH + "queues: {q: {dispositions: {'Sold!': x}}}", "cti.yaml:2:38 [bad-value] Sold!:"),
        (SWITCH + "store: {pool: {connections: 1}}", "cti.yaml:2:29 [bad-value] connections: input should be greater"),
        (
            SWITCH + "store: {pool: {lock_s: 9}}",
            "cti.yaml:2:15 [bad-value] pool: lock_s (9) is longer than statement",
        ),
        (SWITCH + "api: {port: 99999}", "cti.yaml:2:13 [bad-value] port:"),
        (SWITCH + "api: {port: x}", "cti.yaml:2:13 [bad-value] port:"),
        (SWITCH + "api: {host: 0.0.0.0}", "cti.yaml:2:6 [bad-value] api: passwords would cross the network in clear"),
        (SWITCH + "speech: {}", "cti.yaml:2:9 [missing-option] 'engine' must be given"),
        (
            SWITCH + "speech: {engine: x, profil: y}",
            "cti.yaml:2:21 [unknown-option] 'profil' is not an option here; did",
        ),
        (SWITCH + "speech: {engine: 'a b'}", "cti.yaml:2:18 [bad-value] engine: must be a letter, then letters"),
        (
            SWITCH + "speech: {engine: x, grammar: gsl}",
            "cti.yaml:2:30 [bad-value] grammar: input should be 'srgs', 'inline' or 'builtin', not 'gsl'",
        ),
        (
            SWITCH + "speech: {engine: x, grammars: {phone: y}}",
            "cti.yaml:2:31 [bad-value] grammars: there is no grammar 'phone': write one of digits,",
        ),
        (
            SWITCH + "speech: {engine: x, grammars: {digits: 'a b'}}",
            "cti.yaml:2:40 [bad-value] digits: must be a URI or a name without blanks",
        ),
        (
            SWITCH + "speech: {engine: x, params: {a: 'y,z'}}",
            "cti.yaml:2:33 [bad-value] a: must be at most 200 characters, without { } = ,",
        ),
        (SWITCH + "timezone: Mars/Base", "cti.yaml:2:11 [bad-value] timezone: not a time zone"),
        (SWITCH + "timezone: ../../etc/passwd", "cti.yaml:2:11 [bad-value] timezone: not a time zone"),
        (
            SWITCH + "queues: {a: {agents: [x y]}}",
            "cti.yaml:2:23 [bad-value] number 1 of agents: must be 1 to 20 digits",
        ),
        (SWITCH + "queues: {'a b': {}}", "cti.yaml:2:17 [bad-value] a b: must be a letter, then letters"),
        (
            SWITCH + "queues: {a: {limt: 1}}",
            "cti.yaml:2:14 [unknown-option] 'limt' is not an option here; did you mean",
        ),
        (SWITCH + "limits: {calls: -1}", "cti.yaml:2:17 [bad-value] calls:"),
        (SWITCH + SWITCH, "cti.yaml:2:1 [duplicate-key]"),
        (
            "switches: [{port: 1}]",
            "cti.yaml:1:12 [bad-value] number 1 of switches: write exactly one of password_file and password",
        ),
        ("switches: [{password: a, name: x}, {password: b, name: x}]", "cti.yaml:1:1 [bad-value]"),
    ],
)
def test_a_mistake_has_its_place_and_what_to_write(text: str, expected: str) -> None:
    assert findings(text)[0].startswith(expected)


def test_no_secret_is_shown_in_a_finding() -> None:
    switches = (
        "switches: [{password: hush, password_file: x}, {password: [hush]}, {pasword: hush}, {port: {a: hush}}]\n"
    )
    said = findings(switches + "store: {url: [hush]}\nboss: {file: {hush: hush}}")
    assert len(said) == 6
    assert "hush" not in " ".join(said)


def test_a_password_is_not_the_public_one(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("ClueCon\n")
    (tmp_path / "cti.yaml").write_text("switches: [{password_file: secret}]")
    with pytest.raises(ConfigError, match="public default"):
        load_settings(tmp_path / "cti.yaml").switches[0].secret()


def test_a_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    switch = parse_settings("switches: [{password: '${CTI_ESL}'}]", "cti.yaml").switches[0]
    with pytest.raises(ConfigError, match="CTI_ESL is not set"):
        switch.secret()
    monkeypatch.setenv("CTI_ESL", "from-there")
    assert switch.secret() == "from-there"
