"""Writes what follows from the code in docs/: configuration, states, the reference in flow-language.md, schema/."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cti.acd.states import CONTACT, OFFER, PRESENCE
from cti.api.problems import KINDS
from cti.app.doctor import codes
from cti.boss import DEMO_INTERFACES, WAYS, load_office
from cti.config import QueueSettings, Settings, SpeechSettings, SwitchSettings
from cti.flow.reference import reference
from cti.flow.schema import SCHEMAS
from cti.runtime.floor.actions import AT_HAND
from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.permanent import PERMANENT

TABLES = {
    "Presence of an agent": PRESENCE,
    "A contact": CONTACT,
    "A contact at an agent's hand": AT_HAND,
    "An offer": OFFER,
    "A permanent leg": PERMANENT,
}
DOCS = Path(__file__).resolve().parent.parent / "docs"
REFERENCE = "## Reference\n\n"

HEAD = """\
# Configuration

*Generated from `cti/config/` by `scripts/docs`.*

`cti serve --config FILE` reads one YAML file. Relative paths count from the file's folder. A mistake is reported as
`file:line:column [code] what is wrong`, all of them at once, and nothing starts. `${NAME}` alone as a password is
replaced by the environment variable.

```yaml
node: cti1
data: /var/lib/cti
flows: ivr_flows
switches:
  - {name: fs1, host: 127.0.0.1, port: 8021, password_file: /var/lib/cti/switch/password}
queues:
  service: {agents: [1001, 1002]}
```
"""


def configuration() -> str:
    parts = [HEAD]
    sections: list[tuple[str, type[BaseModel]]] = [("(top level)", Settings), ("switches: a list of", SwitchSettings)]
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            sections.append((f"{name}:", field.annotation))
            for inner, nested in field.annotation.model_fields.items():
                if _is_section(nested):
                    sections.append((f"{name}: {{{inner}: …}}", cast("type[BaseModel]", nested.annotation)))
    sections += [("speech:", SpeechSettings), ("queues: by name", QueueSettings)]
    for title, model in sections:
        parts.append(f"\n## `{title}`\n")
        if model.__doc__ and model is not Settings and not model.__doc__.startswith("!!!"):
            parts.append(" ".join(model.__doc__.split()) + "\n")
        parts.append("| option | default | meaning |\n|---|---|---|")
        parts += [_row(name, field) for name, field in model.model_fields.items() if not _is_section(field)]
    return "\n".join(parts) + "\n"


def _is_section(field: Any) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _row(name: str, field: Any) -> str:
    if field.default is not PydanticUndefined:
        default = "" if field.default in (None, ()) else f"`{field.default}`"
    elif field.default_factory is not None:
        default = f"`{field.default_factory()}`"
    else:
        default = "must be given"
    return f"| `{name}` | {default} | {field.description or ''} |"


def flow_language() -> str:
    """What people wrote stays; what stands below the mark is made from the registry."""
    written = (DOCS / "flow-language.md").read_text(encoding="utf-8")
    return written.split(REFERENCE, 1)[0] + REFERENCE + reference(load_office(DEMO_INTERFACES, WAYS).catalog())


STATES = """\
# States of agents, contacts and offers

*Generated from `cti/acd/states.py` by `scripts/docs`.* How they are used: [distribution.md](distribution.md).

A row is a state, a column what happens; the cell is the state after it, or the stable id of the refusal (in italics),
after which nothing has changed.
"""


def states() -> str:
    parts = [STATES]
    for title, table in TABLES.items():
        rows = list(dict.fromkeys(state for state, _ in table))
        columns = list(dict.fromkeys(happening for _, happening in table))
        parts += [f"\n## {title}\n", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for row in rows:
            cells = [table[row, column] for column in columns]
            parts.append(f"| **{row}** | {' | '.join(cell.to or f'*{cell.error}*' for cell in cells)} |")
        parts += ["\n```mermaid", "stateDiagram-v2"]
        ways: dict[tuple[str, str], list[str]] = {}
        for (state, happening), cell in table.items():
            if cell.to and cell.to != state:
                ways.setdefault((state, cell.to), []).append(happening)
        parts += [f"    {one} --> {other}: {', '.join(happenings)}" for (one, other), happenings in ways.items()]
        parts.append("```")
    return "\n".join(parts) + "\n"


def schema(kind: str) -> str:
    return json.dumps(SCHEMAS[kind](), ensure_ascii=False, indent=1) + "\n"


EVENTS_HEAD = """\
# Events

*Generated from `cti/runtime/floor/catalogue.py` by `scripts/docs`.*

`GET /v1/events` sends what happens as server-sent events, of what one may see: an agent the own state and contacts, a
team lead the team's, a supervisor those of the queues and teams in scope. The first event is a `snapshot`; every event
has an id, and a client that connects again with `Last-Event-ID` goes on after it. One that cannot (ten minutes or
20,000 events ago, the server has started anew) is told `resync`, and a snapshot follows; so is one that does not keep
up. The stream outlives a refresh of the token and ends with `token_expired` when the session has none any more; a
comment every 10 s keeps the connection. Browsers, whose EventSource sends no headers, take a ticket:
`POST /v1/me/stream-ticket`, then `/v1/events?ticket=…` within 30 s.

An agent's client that has no stream and sends no `PUT /v1/me/heartbeat` for 30 s makes its agent NOT_READY
(`connection_down`); talks go on.

Each event is a JSON object: `id`, `type`, `at` (ISO 8601 with offset), `data`, and for events about one contact
`version`, which rises with every such event and is the `version` of the contact's resource.
"""


def events() -> str:
    parts = [EVENTS_HEAD]
    for name, kind in EVENTS.items():
        parts.append(f"\n## `{name}`\n\n{kind.what}\n\nNeeds `{kind.permission}` for its object.\n")
        if kind.fields:
            parts.append("| field | meaning |\n|---|---|")
            parts += [f"| `{field}` | {meaning} |" for field, meaning in kind.fields.items()]
        sample = {"id": "5f0c9a1e-812", "type": name, "at": "2026-03-02T10:00:00.000+00:00"}
        version = {"version": 3} if kind.versioned else {}
        shown = json.dumps({**sample, **version, "data": kind.sample}, ensure_ascii=False, indent=1)
        parts.append(f"\n```json\n{shown}\n```")
    return "\n".join(parts) + "\n"


ERRORS_HEAD = """\
# Errors of the API

*Generated from `cti/api/problems.py` by `scripts/docs`.*

Every refusal is a problem detail (RFC 9457, `application/problem+json`). `error_id` is stable; `type` is the URL of its
page, which the API serves.

| error_id | HTTP | what | what to do |
|---|---|---|---|
"""


def errors() -> str:
    rows = [f"| `{name}` | {kind.status} | {kind.title} | {kind.remedy} |" for name, kind in sorted(KINDS.items())]
    return ERRORS_HEAD + "\n".join(rows) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "flow-language.md": flow_language,
    "states.md": states,
    "events.md": events,
    "errors.md": errors,
    "codes/doctor/index.md": codes.index,
    **{f"codes/doctor/{name}.md": partial(codes.page, name) for name in codes.CODES},
    **{f"schema/{kind}.schema.json": partial(schema, kind) for kind in SCHEMAS},
}


def main() -> None:
    for name, make in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(make(), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
