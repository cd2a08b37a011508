"""Writes what follows from the code in docs/: configuration.md, the reference in flow-language.md, schema/."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cti.boss import DEMO_LOOKUPS, load_definitions
from cti.config import QueueSettings, Settings, SwitchSettings
from cti.flow.reference import reference
from cti.flow.schema import SCHEMAS

DOCS = Path(__file__).resolve().parent.parent / "docs"
REFERENCE = "## Reference\n\n"

HEAD = """\
# Configuration

*Generated from `cti/config.py` by `scripts/docs`.*

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
    sections.append(("queues: by name", QueueSettings))
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
    return written.split(REFERENCE, 1)[0] + REFERENCE + reference(load_definitions(DEMO_LOOKUPS).catalog())


def schema(kind: str) -> str:
    return json.dumps(SCHEMAS[kind](), ensure_ascii=False, indent=1) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "flow-language.md": flow_language,
    **{f"schema/{kind}.schema.json": partial(schema, kind) for kind in SCHEMAS},
}


def main() -> None:
    for name, make in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(make(), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
