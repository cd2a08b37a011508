"""`cti doctor` on deployments that are broken for real: what it finds, and that every code has its page."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gevent.pywsgi import WSGIServer
from gevent.server import StreamServer
from gevent.threadpool import ThreadPool

from cti.app.doctor import CODES, codes
from cti.app.doctor.database import skew
from cti.cli import main
from cti.switch.embedded import EmbeddedSwitch, SwitchConfig
from tests.store.template import copy_database

PASSWORD = "only-for-these-tests"
FLOW = "flow: hello\nstart: hi\nlanguages: {default: en-US}\nnodes: {hi: {type: end}}\n"
ENTRY = "entries: [{called: ['100'], flow: hello}]\n"
DOCS = Path(__file__).parents[2] / "docs" / "codes" / "doctor"


class Deployment:
    """Everything in one folder, as it should be."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.config = folder, folder / "cti.yaml"
        self.password = folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text(PASSWORD)
        (folder / "data").mkdir()
        copy_database(folder / "data")
        (folder / "data" / "keys.json").chmod(0o600)
        (folder / "flows").mkdir()
        (folder / "flows" / "hello.yaml").write_text(FLOW)
        (folder / "flows" / "busy.yaml").write_text(FLOW.replace("hello", "busy"))
        (folder / "flows" / "entry.yaml").write_text(ENTRY)
        self.options: dict[str, Any] = {
            "data": "data",
            "flows": "flows",
            "switches": [{"host": "127.0.0.1", "port": port, "kind": "embedded", "password_file": "password"}],
            "api": {"port": _free_port()},
        }

    def write(self) -> None:
        self.config.write_text(json.dumps(self.options))

    @property
    def switch(self) -> dict[str, Any]:
        found: dict[str, Any] = self.options["switches"][0]
        return found


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    switch = EmbeddedSwitch(SwitchConfig(password=PASSWORD, port=0, domain="cti.local"))
    switch.start()
    yield switch.port
    switch.stop()


@pytest.fixture
def deployment(tmp_path: Path, port: int) -> Deployment:
    return Deployment(tmp_path, port)


def doctor(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The exit status, and code -> verdict of what is not well. On a thread, as the switch is on this one."""
    deployment.write()
    command = ["doctor", "--config", str(deployment.config), "--json", "--timeout", "30"]
    pool = ThreadPool(1)
    try:
        status = pool.apply(main, (command,))
    finally:
        pool.kill()
    found = {one["code"]: one["verdict"] for one in read(capsys) if one["verdict"] != "ok"}
    assert (status == 0) is ("fail" not in found.values())
    return status, {code: verdict for code, verdict in found.items() if code not in OF_THE_MACHINE}


def read(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """The findings as the command told them: each that is not well has a page and a remedy."""
    told = json.loads(capsys.readouterr().out)
    findings: list[dict[str, str]] = told["findings"]
    for one in findings:
        assert one["verdict"] == "ok" or (one["code"] in CODES and one["remedy"])
    return findings


#: What the machine that runs the tests may have.
OF_THE_MACHINE = {
    "timezone-differs",
    "disk-low",
    "descriptors-low",
    "clock-unsynchronised",
    "database-not-durable",
    "no-real-time",
}


def test_a_deployment_that_is_well(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = doctor(deployment, capsys)
    assert found == {}
    assert status in (0, 1)  # the machine's own


def _default_password(deployment: Deployment) -> None:
    deployment.password.write_text("ClueCon")


def _wrong_password(deployment: Deployment) -> None:
    deployment.password.write_text("another-password")


def _wrong_port(deployment: Deployment) -> None:
    deployment.switch["port"] = _free_port()


def _no_password(deployment: Deployment) -> None:
    deployment.password.unlink()


def _readable(deployment: Deployment) -> None:
    deployment.password.chmod(0o644)


def _in_clear(deployment: Deployment) -> None:
    del deployment.switch["password_file"]
    deployment.switch["password"] = PASSWORD
    deployment.config.touch(mode=0o600)


def _no_folder(deployment: Deployment) -> None:
    (deployment.folder / "file").write_text("")
    deployment.options["data"] = "file/data"


def _no_database(deployment: Deployment) -> None:
    (deployment.folder / "data" / "cti.db").unlink()


def _no_keys(deployment: Deployment) -> None:
    (deployment.folder / "data" / "keys.json").unlink()


def _other_keys(deployment: Deployment) -> None:
    file = deployment.folder / "data" / "keys.json"
    ring = json.loads(file.read_text())
    file.write_text(json.dumps(ring)[:-20])


def _damaged(deployment: Deployment) -> None:
    (deployment.folder / "data" / "cti.db").write_bytes(b"no database at all, but a text of some length" * 50)


def _read_only(deployment: Deployment) -> None:
    """The file itself says so (write version of its header), which binds the owner too."""
    with (deployment.folder / "data" / "cti.db").open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")


def _newer(deployment: Deployment) -> None:
    with sqlite3.connect(deployment.folder / "data" / "cti.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")


def _bad_flow(deployment: Deployment) -> None:
    (deployment.folder / "flows" / "hello.yaml").write_text(FLOW.replace("type: end", "type: nothing"))


def _no_queue(deployment: Deployment) -> None:
    flow = FLOW.replace("{type: end}", "{type: queue, queue: sales, max_wait: 9s, to: {else: z}}, z: {type: end}")
    (deployment.folder / "flows" / "hello.yaml").write_text(flow)


def _no_prompts(deployment: Deployment) -> None:
    flow = FLOW.replace("{type: end}", "{type: play, say: 'Good day.', next: bye}, bye: {type: end}")
    (deployment.folder / "flows" / "hello.yaml").write_text(flow)
    deployment.options["switches"].append(
        {"name": "fs2", "host": "127.0.0.1", "port": _free_port(), "password_file": "password"}
    )


def _no_ring(deployment: Deployment) -> None:
    text = "security: {keys: {path: office.json}}\nlookups: {}\n"
    (deployment.folder / "interfaces.yaml").write_text(text)
    deployment.options["boss"] = {"file": "interfaces.yaml"}


def _bad_interfaces(deployment: Deployment) -> None:
    (deployment.folder / "interfaces.yaml").write_text("backends: 3\n")
    deployment.options["boss"] = {"file": "interfaces.yaml"}


def _expired(deployment: Deployment) -> None:
    _certificate(deployment.folder / "ca.pem", timedelta(days=-1))
    deployment.options["webhooks"] = {"ca_file": "ca.pem"}


def _expires(deployment: Deployment) -> None:
    _certificate(deployment.folder / "ca.pem", timedelta(days=10))
    deployment.options["webhooks"] = {"ca_file": "ca.pem"}


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (_default_password, {"default-password": "fail"}),
        (_wrong_password, {"switch-password": "fail"}),
        (_wrong_port, {"switch-unreachable": "fail"}),
        (_no_password, {"secret-unreadable": "fail"}),
        (_readable, {"secret-readable": "fail"}),
        (_in_clear, {"password-in-configuration": "warn"}),
        (_no_folder, {"data-unwritable": "fail", "database-missing": "warn"}),
        (_no_database, {"database-missing": "warn"}),
        (_no_keys, {"keys-missing": "fail"}),
        (_other_keys, {"database-unusable": "fail"}),
        (_damaged, {"database-unusable": "fail"}),
        (_read_only, {"database-read-only": "fail"}),
        (_newer, {"database-schema": "fail"}),
        (_bad_flow, {"flows-refused": "fail"}),
        (_no_queue, {"flows-refused": "fail"}),
        (_no_prompts, {"prompts-missing": "warn", "switch-unreachable": "fail"}),
        (_no_ring, {"interfaces-refused": "fail"}),
        (_bad_interfaces, {"interfaces-refused": "fail", "flows-refused": "fail"}),
        (_expired, {"certificate-expires": "fail"}),
        (_expires, {"certificate-expires": "warn"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_what_is_broken_is_found_and_nothing_else(
    broken: Any, expected: dict[str, str], deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(deployment)
    status, found = doctor(deployment, capsys)
    assert found == expected
    assert status == 1 or "fail" not in expected.values()


def test_a_locked_database_is_not_taken_for_a_good_one(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(deployment.folder / "data" / "cti.db", isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        _, found = doctor(deployment, capsys)
        holder.execute("ROLLBACK")
    holder.close()
    assert found == {"database-unusable": "fail"}


def test_the_port_of_somebody_else_and_our_own(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [b"Hello."]

    def answer(_environ: Any, start: Any) -> list[bytes]:
        start("503 Service Unavailable", [])
        return answers

    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    try:
        deployment.options["api"]["port"] = server.server_port
        assert doctor(deployment, capsys)[1] == {"port-taken": "fail"}
        answers[0] = b'{"switches": {}, "store": {}}'
        assert doctor(deployment, capsys)[1] == {}
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", "switch-acl"),
        (b"Content-Type: auth/request\n\n", "switch-lost"),
        (b"\x00\xff" * 40_000 + b"\n\n", "switch-garbled"),
    ],
    ids=["an access list", "it goes away", "another protocol"],
)
def test_what_answers_on_the_event_sockets_port(
    says: bytes, code: str, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    server = StreamServer(("127.0.0.1", 0), lambda client, _: client.sendall(says))
    server.start()
    try:
        deployment.switch["port"] = server.server_port
        assert doctor(deployment, capsys)[1] == {code: "fail"}
    finally:
        server.stop()


def test_a_configuration_that_cannot_be_read(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    deployment.options["swiches"] = []
    assert doctor(deployment, capsys) == (2, {"configuration": "fail"})


def test_clocks() -> None:
    verdicts = [skew("x", there, 100.0, 100.5).verdict.value for there in (97.9, 98.1, 100.2, 102.4, 102.6)]
    assert verdicts == ["warn", "ok", "ok", "ok", "warn"]


def test_every_code_has_its_page() -> None:
    assert {page.stem for page in DOCS.glob("*.md")} == CODES.keys() | {"index"}
    for name in CODES:
        assert (DOCS / f"{name}.md").read_text("utf-8") == codes.page(name)
    assert (DOCS / "index.md").read_text("utf-8") == codes.index()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _certificate(file: Path, left: timedelta) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + left)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
