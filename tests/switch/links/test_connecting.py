"""Connecting fails with a reason and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from cti.core.errors import CtiError
from cti.esl import api
from cti.switch.links import AccessRefused, LinkLost
from tests.switch.links.scripted import (
    AUTH_REQUEST,
    GOODBYE,
    INVALID,
    PASSWORD,
    REJECTION,
    Connection,
    count_of_greenlets,
    eventually,
    link_to,
    scripted,
)


def greeting(*steps: bytes | None) -> Callable[[Connection], None]:
    """Sends each step, waiting for a command where the step is None; then keeps the connection open for a while."""

    def script(connection: Connection) -> None:
        for step in steps:
            if step is None:
                connection.command()
            else:
                connection.send(step)

    return script


def silent(connection: Connection) -> None:
    gevent.sleep(60)


def silent_after_password(connection: Connection) -> None:
    connection.send(AUTH_REQUEST)
    connection.command()
    gevent.sleep(60)


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        (greeting(AUTH_REQUEST, None, INVALID, GOODBYE), "password-refused", "password"),
        (greeting(AUTH_REQUEST, None, INVALID), "password-refused", "password"),
        (greeting(REJECTION + GOODBYE), "acl-rejected", "does not admit"),
        (greeting(), "link-lost", "closed"),
        (greeting(AUTH_REQUEST, None), "link-lost", "closed"),
        (greeting(b"Content-Type: auth/req"), "link-lost", "middle of a message"),
        (greeting(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "link-lost", "protocol"),
        (greeting(b"HTTP/1.1 400\rContent-Type: x\r\r"), "link-lost", "carriage returns"),
        (silent, "switch-silent", "does not say"),
        (silent_after_password, "switch-silent", "does not answer the password"),
    ],
)
def test_connecting_fails_with_a_reason_and_leaves_nothing(
    script: Callable[[Connection], None], code: str, says: str
) -> None:
    with scripted(script) as switch:
        before = count_of_greenlets()
        link = link_to(switch.port)
        with pytest.raises(CtiError) as failed:
            link.connect()
        assert (failed.value.code, says in str(failed.value)) == (code, True), failed.value
        assert PASSWORD not in str(failed.value)
        assert isinstance(failed.value, AccessRefused) == (code in ("password-refused", "acl-rejected"))
        assert not link.connected
        with pytest.raises(LinkLost):
            link.submit(api("status"))
        link.stop()
        assert link.sock.closed
        del link, failed
        eventually(lambda: count_of_greenlets() <= before, "the end of the link's greenlets")


def test_a_closed_port_is_unreachable() -> None:
    with scripted(silent) as switch:
        port = switch.port
    with pytest.raises(LinkLost) as failed:
        link_to(port).connect()
    assert failed.value.code == "switch-unreachable"
    assert f"127.0.0.1:{port}" in str(failed.value)
