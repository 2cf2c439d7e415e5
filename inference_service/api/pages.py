"""The operator's pages: admission by one-time key, the built dashboard, and plain refusals."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from inference_service.api.keys import COOKIE_AGE_S, KeyRing

__all__ = ["DIST", "install", "stranger_page"]

DIST: Final = Path(__file__).parent.parent / "dashboard" / "dist"
"""Where the front end's build puts the dashboard."""

BUILD_COMMAND: Final = "cd inference_service/dashboard && npm ci && npm run build"

SMALLEST_GZIP_BYTES: Final = 1024


class Assets(StaticFiles):
    """The build's files: their names carry their content's hash, so they never change."""

    async def check_config(self) -> None:
        """Accept a folder that is not there: it may be built while the service runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve one file, to be kept by the browser for good."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "private, max-age=31536000, immutable"
        return response


def install(app: FastAPI, keys: KeyRing, dist: Path = DIST) -> None:
    """Serve the dashboard at ``/`` and its files at ``/assets``.

    Args:
        app: The application.
        keys: Trades one-time keys for cookies.
        dist: Folder of the built front end; may be missing.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def dashboard(request: Request, key: str | None = None) -> Response:
        if key is not None:
            return _admit(request, keys, key)
        index = dist / "index.html"
        if not index.is_file():
            return HTMLResponse(_unbuilt_page(), 503)
        return FileResponse(index, headers={"cache-control": "no-cache"})

    app.include_router(router)
    assets = Assets(directory=dist / "assets", check_dir=False)
    app.mount("/assets", GZipMiddleware(assets, minimum_size=SMALLEST_GZIP_BYTES), name="assets")


def _admit(request: Request, keys: KeyRing, key: str) -> Response:
    """Trade a one-time key; the page then moves on by itself.

    A redirect would arrive without the new cookie where the address was followed from another
    site, because the cookie is SameSite=Strict: hence a page that navigates on its own.
    """
    if request.headers.get("sec-purpose", "").startswith("prefetch"):
        return HTMLResponse(_page("Not yet", "Open the address to enter."), 503)
    cookie = keys.trade(key)
    if cookie is None and not keys.admit_cookies(request.headers.get("cookie", "")):
        return HTMLResponse(stranger_page(), 401)
    refresh = '<meta http-equiv="refresh" content="0; url=/">'
    welcome = 'Welcome. <a href="/">Open the dashboard</a>'
    response = HTMLResponse(_page("AtomLoop", welcome, refresh))
    if cookie is not None:
        response.set_cookie(
            keys.cookie_name,
            cookie,
            max_age=COOKIE_AGE_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return response


def stranger_page() -> str:
    """Return the page for a browser that is not admitted."""
    return _page(
        "This dashboard needs its key",
        "The one-time key was missing, already used, or belongs to an earlier start of the "
        "service. Remedy: open the address the service printed, or have a new one made: "
        "<code>inference-service url</code>.",
    )


def _unbuilt_page() -> str:
    return _page(
        "The dashboard is not built",
        f"The REST API works; only these pages are missing. Remedy: run "
        f"<code>{escape(BUILD_COMMAND)}</code> (Node 20.19 or newer), or <code>make setup</code>, "
        "then reload.",
    )


def _page(title: str, body: str, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="dark light"><link rel="icon" href="data:,">'
        f"{head}<title>{title}</title></head>"
        f"<body><main><h1>{title}</h1><p>{body}</p></main></body></html>"
    )
