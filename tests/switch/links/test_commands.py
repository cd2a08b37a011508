"""Commands, their answers, and answers that come late or not at all."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.errors import DeadlineExceeded
from cti.esl import api
from cti.switch.links import LinkLost
from tests.switch.links.scripted import (
    LIMIT_S,
    Connection,
    echo,
    link_to,
    response,
    scripted,
)


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    go = Flag()

    def script(connection: Connection) -> None:
        connection.login()
        connection.command()
        go.wait()
        connection.send(response("late"))
        connection.command()
        connection.send(response("right"))
        connection.command()

    with scripted(script) as switch, link_to(switch.port) as link:
        with pytest.raises(DeadlineExceeded):
            link.request(api("slow"), 0.05)
        go.set()
        assert link.request(api("quick"), LIMIT_S).text == "right"


def test_a_hundred_greenlets_get_their_own_answers() -> None:
    with scripted(echo) as switch, link_to(switch.port) as link:

        def ask(number: int) -> list[str]:
            return [link.send(f"api echo {number}.{turn}").data for turn in range(20)]

        greenlets = [gevent.spawn(ask, number) for number in range(100)]
        gevent.joinall(greenlets, timeout=LIMIT_S, raise_error=True)
        assert [g.value for g in greenlets] == [[f"api echo {n}.{t}" for t in range(20)] for n in range(100)]


def test_commands_in_one_turn_go_out_in_one_packet_and_in_order() -> None:
    with scripted(echo) as switch, link_to(switch.port) as link:
        pending = [link.submit(api("echo", str(number))) for number in range(1000)]
        assert [p.wait(LIMIT_S).text for p in pending] == [f"api echo {number}" for number in range(1000)]


def test_large_commands_are_written_whole() -> None:
    """Far more than a socket takes at once, while the switch reads slowly."""
    with scripted(echo) as switch, link_to(switch.port) as link:
        words = [str(number) * 2_000_000 for number in range(6)]
        pending = [link.submit(api("echo", word)) for word in words]
        assert [p.wait(LIMIT_S).text for p in pending] == [f"api echo {word}" for word in words]


def test_too_many_unanswered_commands_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.switch.links.link.MAX_PENDING", 3)
    with scripted(echo) as switch, link_to(switch.port) as link:
        for _ in range(3):
            link.submit(api("status"))
        with pytest.raises(LinkLost) as refused:
            link.submit(api("status"))
        assert refused.value.code == "link-busy"
        assert link.connected


def test_a_greenlet_killed_while_it_waits_disturbs_nobody() -> None:
    go = Flag()

    def script(connection: Connection) -> None:
        connection.login()
        for text in ("one", "two"):
            connection.command()
            go.wait()
            connection.send(response(text))
        connection.command()

    with scripted(script) as switch, link_to(switch.port) as link:
        waiting = gevent.spawn(link.request, api("first"), LIMIT_S)
        gevent.sleep(0)
        waiting.kill()
        second = link.submit(api("second"))
        go.set()
        assert second.wait(LIMIT_S).text == "two"


def test_callbacks_that_fail_do_not_end_the_link() -> None:
    seen: list[str] = []
    with scripted(echo) as switch, link_to(switch.port) as link:
        pending = link.submit(api("one"))
        pending.add_callback(lambda p: 1 / 0)
        pending.add_callback(lambda p: seen.append(p.wait(0).text))
        pending.wait(LIMIT_S)
        pending.add_callback(lambda p: seen.append("at once"))
        assert link.request(api("two"), LIMIT_S).text == "api two"
    assert seen == ["api one", "at once"]
