"""Requests made of the served description by chance, good ones and bad ones (schemathesis): every answer is one that
the description foresees, and none is a fault of the server."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cti.api.schemas import OPERATIONS
from cti.core.access import Role
from cti.core.legs import LegAnswered, LegsBridged
from cti.core.people import AgentProfile
from cti.runtime.shared_rate import SharedRate
from tests.api.floorsite import come, sit
from tests.api.site import DEED, Platform, staffed_office


def no_fault(ctx: CheckContext, response: Response, case: Case) -> None:
    """503 and 504 are answers of a server whose switch is away, as it is here; 500 never is."""
    assert response.status_code != 500, response.text


CHECKS = [
    no_fault,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
#: How many requests are made of each operation: in every run, and at night.
EVERY_RUN, AT_NIGHT = 4, 300
#: What is there, for half of the requests; the others name something made up. Nobody's who sends them, so that they
#: cannot sign themselves out for good.
THERE = {
    "user_id": "u-spare", "agent": "1001", "contact": "k-1", "queue": "service", "team": "north", "flow": "hotline",
    "call_id": "c-north", "name": "queues", "error_id": "not-found", "skill": "person", "notice_id": "storm",
}  # fmt: skip


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """With ``omni``, who has every role and is an agent. Nobody's haste is too much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedRate, "take", lambda *_: 0.0)
        office = staffed_office(tmp_path_factory.mktemp("fuzz"))
        office.person("omni", *(role.value for role in Role if role is not Role.SWITCH))
        office.person("spare", "agent@team:north")
        accounts = office.store.accounts
        accounts.agents.save([AgentProfile("1009", "u-omni", "omni", "north", phone="1009")], DEED)
        yield Platform(office)
        office.close()


@pytest.fixture(scope="module")
def served(busy: Platform) -> Any:
    found = schemathesis.openapi.from_wsgi("/v1/openapi.json", busy.app)
    # Who asks is ours to say, so no request is bad because of a made-up Authorization, which is not sent.
    found.raw_schema.pop("security")
    for methods in found.raw_schema["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return found


def at_work(platform: Platform) -> None:
    """``omni`` is signed in from this session, and talks with the contact ``k-1``, whatever was done before."""
    floor = platform.floor
    if "k-1" in floor.owner.acd.floor.cases:
        return
    if not floor.seats.signed_in("1009"):
        via = platform.services.authentication.by_token(platform.token("omni")).via
        sit(floor, "1009", "u-omni", "north", via)
    come(floor, platform.legs, "k-1")
    talk = floor.talks.find("k-1")
    if talk is not None and talk.leg:
        floor.talks.leg_event(LegAnswered(talk.leg))
        floor.talks.leg_event(LegsBridged("k-1", talk.leg))


def _aimed(case: Case) -> None:
    """At what is there, half of the time."""
    for name, value in (case.path_parameters or {}).items():
        if name in THERE and zlib.crc32(repr(value).encode()) % 2:
            case.path_parameters[name] = THERE[name]


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS), ids=str)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_answers_are_as_described(
    busy: Platform, served: Any, request: pytest.FixtureRequest, method: str, path: str, mode: GenerationMode
) -> None:
    operation = served[path][method]
    strategy = operation.as_strategy(generation_mode=mode)
    most = AT_NIGHT if request.config.getoption("--nightly") else EVERY_RUN
    headers = {"Authorization": f"Bearer {busy.token('omni')}"}
    # Whatever is sent as CSV is text, which is all that the description says of it.
    csv = OPERATIONS[method, path].body_media == "text/csv"
    checks = [check for check in CHECKS if not (csv and check is negative_data_rejection)]

    @settings(
        max_examples=most, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def asked(case: Case) -> None:
        at_work(busy)
        _aimed(case)
        case.call_and_validate(headers=headers, checks=checks)

    try:
        asked()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "no good request can be made of the description"
