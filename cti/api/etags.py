"""ETags and what asks for them: a change names the version that it has seen, so that nobody's work is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti.api.problems import Problem

if TYPE_CHECKING:
    import falcon


#: The ETag of what is not there.
NOTHING = "nothing"


def seen_version(req: falcon.Request, version: str, what: str) -> None:
    """``version``: the one that is there; empty: there is none. Raises Problem: precondition-required, stale."""
    match, none = _tags(req, "If-Match"), _tags(req, "If-None-Match")
    if match is None and none is None:
        raise Problem(
            "precondition-required", f"send If-Match with the ETag of {what}, or If-None-Match: * for a new one"
        )
    if match is not None and (not version or not ("*" in match or version in match)):
        raise Problem("stale", f"{what} is {f'version {version[:12]}' if version else 'not there'}")
    if none is not None and version and ("*" in none or version in none):
        raise Problem("stale", f"{what} is there, of version {version[:12]}")


def send_version(req: falcon.Request, resp: falcon.Response, version: str) -> None:
    """The ETag; 304 where the client knows it. ``version`` empty: there is nothing yet, which has a tag, too."""
    version = version or NOTHING
    resp.etag = version
    known = _tags(req, "If-None-Match")
    if req.method in ("GET", "HEAD") and known is not None and ("*" in known or version in known):
        resp.status, resp.media = 304, None


def _tags(req: falcon.Request, header: str) -> list[str] | None:
    text = req.get_header(header)
    if text is None:
        return None
    return [tag.strip().removeprefix("W/").strip('"') for tag in text.split(",")]
