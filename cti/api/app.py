"""The WSGI application: resources joined to their collaborators. Reading settings is `cti.app`'s business."""

from __future__ import annotations

import json
from functools import partial

import falcon
from falcon.media import JSONHandler

from cti.api import problems
from cti.api.calls import Call, Calls
from cti.api.demo import DemoCalls, Sandbox
from cti.api.flows import Flow, FlowList, Flows
from cti.api.operations import Health, Metrics, Vitals
from cti.core.errors import CtiError
from cti.ports import Store


def create_app(
    store: Store, vitals: Vitals, sandbox: Sandbox, flows: Flows | None = None
) -> falcon.App[falcon.Request, falcon.Response]:
    """Without ``flows`` nothing is told of them."""
    app = falcon.App()
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = JSONHandler(dumps=partial(json.dumps, ensure_ascii=False))
    app.add_error_handler(Exception, problems.on_bug)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(CtiError, problems.on_cti_error)
    app.add_route("/healthz", Health(vitals, store))
    app.add_route("/metrics", Metrics(vitals, store))
    app.add_route("/v1/calls", Calls(store))
    app.add_route("/v1/calls/{call_id}", Call(store))
    app.add_route("/v1/demo/calls", DemoCalls(sandbox))
    if flows is not None:
        app.add_route("/v1/flows", FlowList(flows))
        app.add_route("/v1/flows/{flow}", Flow(flows))
    app.add_route("/problems/{error_id}", problems.ProblemPage())
    return app


def _on_http_error(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: dict[str, object]
) -> None:
    if error.headers:
        resp.set_headers(error.headers)
    problems.serialize_http_error(req, resp, error)
