"""Files that people write, and what may stand in their place."""

from __future__ import annotations

import os
from pathlib import Path

import gevent
import pytest

from cti.core.errors import ConfigError
from cti.files import read_file, read_secret
from cti.flow.yamlio import MAX_BYTES


def refusal(path: Path) -> str:
    with gevent.Timeout(5.0, AssertionError("not in time")), pytest.raises(ConfigError) as caught:
        read_file(path, what="the flow", remedy="mend it")
    assert caught.value.code == "unreadable-file"
    return str(caught.value).removeprefix(f"{path}: [unreadable-file] ")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    said = {name: refusal(tmp_path / name) for name in ("missing", "folder", "pipe", "device", "loop")}
    assert said == {
        "missing": "cannot read the flow: No such file or directory (mend it)",
        "folder": "cannot read the flow: Is a directory (mend it)",
        "pipe": "cannot read the flow: not a regular file (mend it)",
        "device": "cannot read the flow: not a regular file (mend it)",
        "loop": "cannot read the flow: Too many levels of symbolic links (mend it)",
    }


def test_a_large_file_is_read_as_far_as_shows_that_it_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(b"x" * (MAX_BYTES + 100))
    assert len(read_file(file)) == MAX_BYTES + 1


@pytest.mark.parametrize("content", [b"", b" \n", b"one\ntwo\n", b"\xff\xfe", b"nul\0", b"esc\x1b[31m"])
def test_a_secret_is_one_line_of_text(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad-secret.*the password must be one line of text"):
        read_secret(file, what="the password")
    file.write_bytes(b"word\r\n")
    assert read_secret(file, what="the password") == "word"
