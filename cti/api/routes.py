"""An application of Falcon that remembers its routes.

`falcon.inspect` finds them as well, but reads and parses the source of every resource for it, which was half of what an
engine needs to start.
"""

from __future__ import annotations

from typing import Any

import falcon
from falcon.routing import map_http_methods


class Api(falcon.App[falcon.Request, falcon.Response]):
    """``routes``: (method, path template), in the order in which they were added; HEAD among them where it answers."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.routes: list[tuple[str, str]] = []

    def add_route(self, uri_template: str, resource: Any, **how: Any) -> None:
        super().add_route(uri_template, resource, **how)
        self.routes += [(method, uri_template) for method in map_http_methods(resource)]

    def served(self) -> list[tuple[str, str]]:
        """Sorted; HEAD goes without saying."""
        return sorted((method, path) for method, path in self.routes if method != "HEAD")
