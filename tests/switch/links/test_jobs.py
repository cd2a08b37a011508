"""Answers and background jobs over the pair of links: each ends once, with its own result."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cti.core.errors import CommandRefused, DeadlineExceeded
from cti.esl import EslError, encode_event_plain
from cti.switch.links import LinkLost, LinkSettings, SwitchLinks
from tests.switch.links.scripted import (
    LIMIT_S,
    PASSWORD,
    Connection,
    GoodSwitch,
    eventually,
    good_switch,
    reply,
    response,
)
from tests.switch.links.supervised import Sink

UUID = "0c416f32-f595-4310-9ad8-3696fbf3cc86"


@pytest.fixture
def switch() -> Iterator[GoodSwitch]:
    with good_switch() as switch:
        yield switch


@pytest.fixture
def links(switch: GoodSwitch) -> Iterator[SwitchLinks]:
    numbers = iter(range(1000))
    settings = LinkSettings("127.0.0.1", switch.port, PASSWORD, ("DTMF",), backoff_first_s=0.01, connect_timeout_s=1)
    links = SwitchLinks("fs1", settings, Sink(), new_id=lambda: f"job-{next(numbers)}")
    links.start()
    eventually(lambda: links.connected)
    yield links
    links.stop()


def result(job: str, text: str) -> bytes:
    return encode_event_plain([("Event-Name", "BACKGROUND_JOB"), ("Job-UUID", job)], text)


def test_api(switch: GoodSwitch, links: SwitchLinks) -> None:
    switch.answers["api uuid_exists"] = response("true")
    switch.answers["api empty"] = response("-ERR no reply\n")
    assert links.api("uuid_exists", UUID) == "true"
    assert links.api("empty") == ""


@pytest.mark.parametrize("answer", ["-ERR No such channel!\n", "-USAGE: <uuid>\n", "-ERROR\n"])
def test_api_refused(switch: GoodSwitch, links: SwitchLinks, answer: str) -> None:
    switch.answers["api uuid_break"] = response(answer)
    with pytest.raises(CommandRefused, match="uuid_break: " + answer.strip()[:4]):
        links.api("uuid_break", UUID)
    switch.answers["api uuid_break"] = reply(answer.strip())  # a denied api answers so
    with pytest.raises(CommandRefused):
        links.api("uuid_break", UUID)


def test_api_deadline(switch: GoodSwitch, links: SwitchLinks) -> None:
    switch.answers["api slow"] = lambda connection, command: None
    with pytest.raises(DeadlineExceeded):
        links.api("slow", timeout_s=0.05)


def test_execute_and_hangup_on_the_wire(switch: GoodSwitch, links: SwitchLinks) -> None:
    links.execute(UUID, "playback", "Bob\n\napi system id ${system(id)}", event_uuid="play.1", event_lock=True)
    links.hangup(UUID, "USER_BUSY").wait(LIMIT_S)
    assert switch.of("sendmsg").commands[-2:] == [
        f"sendmsg {UUID}\ncall-command:execute\nexecute-app-name:playback\nevent-uuid:play.1\nevent-lock:true\n"
        "content-type:text/plain\ncontent-length:33\n\nBob\n\napi system id \\${system(id)}",
        f"api uuid_kill {UUID} USER_BUSY",
    ]
    with pytest.raises(EslError):
        links.execute("a b", "answer", event_uuid="x")


def test_jobs_are_paired_by_our_own_id(switch: GoodSwitch, links: SwitchLinks) -> None:
    first = links.submit_job("originate", "user/1", timeout_s=LIMIT_S)
    second = links.submit_job("originate", "user/2", timeout_s=LIMIT_S, job_uuid="my-own")
    assert links.api("status") == "+OK"  # by then the others were read
    assert switch.of("bgapi").commands[-3:-1] == [
        "bgapi originate user/1\nJob-UUID: job-0",
        "bgapi originate user/2\nJob-UUID: my-own",
    ]
    switch.fire(result("someone-elses", "+OK") + result("my-own", "+OK second\n") + result("job-0", "+OK first\n"))
    assert [first.wait(LIMIT_S), second.wait(LIMIT_S)] == ["+OK first\n", "+OK second\n"]
    switch.fire(result("job-0", "+OK again"))  # late and double: nobody's
    assert links.api("status") == "+OK"
    assert links.stats()["jobs"] == 0


def test_a_result_may_come_before_the_acknowledgement(switch: GoodSwitch, links: SwitchLinks) -> None:
    def at_once(connection: Connection, command: str) -> bytes:
        switch.fire(result(command.rpartition(" ")[2], "+OK quick"))
        return reply("+OK Job-UUID: x")

    switch.answers["bgapi"] = at_once
    assert links.job("status", timeout_s=LIMIT_S) == "+OK quick"


def test_a_job_that_is_refused_or_fails(switch: GoodSwitch, links: SwitchLinks) -> None:
    switch.answers["bgapi denied"] = reply("-ERR permission denied")
    with pytest.raises(CommandRefused, match="permission denied"):
        links.job("denied", timeout_s=LIMIT_S)

    def busy(connection: Connection, command: str) -> bytes:
        switch.fire(result(command.rpartition(" ")[2], "-ERR USER_BUSY\n"))
        return reply("+OK Job-UUID: x")

    switch.answers["bgapi originate"] = busy
    with pytest.raises(CommandRefused, match="USER_BUSY"):
        links.job("originate", "user/1002", timeout_s=LIMIT_S)


def test_a_job_without_a_result_ends_at_its_deadline(links: SwitchLinks) -> None:
    with pytest.raises(DeadlineExceeded, match="originate"):
        links.job("originate", "user/1003", timeout_s=0.05)
    assert links.stats()["jobs"] == 0


def test_a_job_without_a_link_is_not_left_behind(switch: GoodSwitch, links: SwitchLinks) -> None:
    switch.refuse()
    switch.of("event ").close()
    eventually(lambda: not links.connected)
    with pytest.raises(LinkLost):
        links.submit_job("originate", "user/1", timeout_s=60)
    assert links.stats()["jobs"] == 0
