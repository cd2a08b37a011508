"""Files of docs/failover that other programs read: nginx takes its configuration, the shell its script."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "failover"


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    if shutil.which("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("nginx's half did not run: no nginx or no openssl found (apt-get install nginx)")
    key, certificate = tmp_path / "key.pem", tmp_path / "fullchain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=cti.example.com", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    site = (FOLDER / "nginx.conf").read_text().replace("/etc/ssl/cti/", f"{tmp_path}/")
    done = _nginx(tmp_path, site)
    assert done.returncode == 0, done.stderr
    wrong = _nginx(tmp_path, site.replace("proxy_buffering off", "proxy_buffering perhaps"))
    assert wrong.returncode != 0
    assert "perhaps" in wrong.stderr


def _nginx(folder: Path, site: str) -> subprocess.CompletedProcess[str]:
    """`nginx -t`, with nothing of the machine's own configuration. It opens the ports, but only on loopback."""
    site = re.sub(r"listen (80|443)", "listen unix:" + str(folder / r"\1.sock"), site)
    config = folder / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"pid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}\n}}\n"
    )
    command = ["nginx", "-t", "-p", str(folder), "-c", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_events_are_neither_held_back_nor_cut_off() -> None:
    site = (FOLDER / "nginx.conf").read_text()
    stream = re.search(r"location = /v1/events \{(.*?)\n    \}", site, re.DOTALL)
    assert stream is not None
    for line in ("proxy_buffering off;", "proxy_read_timeout 1h;", "access_log off;"):
        assert line in stream[1]
    # A change that may have been done already is not sent a second time.
    assert "non_idempotent" not in site


def test_the_take_over_script_says_what_it_lacks() -> None:
    script = FOLDER / "take-over"
    assert subprocess.run(["sh", "-n", str(script)], check=False, timeout=30).returncode == 0
    done = subprocess.run(
        [str(script)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode != 0
    assert "PEER" in done.stderr
