"""The gate in front of everything: host names, keys, origins, rights, the headers of each reply.

Default deny: a path is open only if it is listed here, and a method that may change something
needs the right to operate. The guard is plain ASGI, so that no route, mount or WebSocket can be
added behind its back; routes find who was admitted in the request's state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs

from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inference_service.admission import Admission
from inference_service.api.keys import KeyRing
from inference_service.api.pages import stranger_page
from inference_service.api.problems import ProblemError, problem_response

__all__ = ["OPEN_PATHS", "Guard"]

OPEN_PATHS: Final = frozenset({"/livez", "/readyz"})
"""Answered without a key, to GET and HEAD only: probes have none, and these name no secret."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

WEBSOCKET_POLICY_VIOLATION: Final = 1008


class Guard:
    """Refuses whoever is not admitted, before any route is looked up.

    Args:
        app: The application behind the gate.
        keys: Who is admitted.
        allowed_hosts: Host names, without port, that requests may be addressed to.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing, allowed_hosts: Iterable[str]) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse one request or socket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": WEBSOCKET_POLICY_VIOLATION})
            return
        await (refusal or self._app)(scope, receive, _with_security_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if _host_name(headers.get("host", "")) not in self._hosts:
            return _refused(
                421,
                "unknown-host",
                "The request is addressed to a host name this service does not answer to.",
                remedy="Use the printed address, or add the name to http.allowed_hosts.",
            )
        return None if _is_open(scope) else self._unadmitted(scope, headers)

    def _unadmitted(self, scope: Scope, headers: Headers) -> Response | None:
        admission = self._by_key(headers)
        if admission is None:
            admission = self._keys.admit_cookies(headers.get("cookie", ""))
            if admission is None:
                return _stranger(scope, headers)
            if not _same_origin(scope, headers):
                return _refused(
                    403,
                    "foreign-origin",
                    "The request comes from a page of another origin.",
                    remedy="Use the dashboard itself, or send the API key.",
                )
        if not (admission.may_operate or _is_safe(scope)):
            return _refused(
                403,
                "read-only",
                f"The {admission.who} may read, and {scope['method']} may change something.",
                remedy="Send the API key, or open an address made with the right to operate.",
            )
        scope.setdefault("state", {})["admission"] = admission
        return None

    def _by_key(self, headers: Headers) -> Admission | None:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        key = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        return self._keys.admit_key(key) if key else None


def _stranger(scope: Scope, headers: Headers) -> Response:
    if scope["path"] == "/" and "text/html" in headers.get("accept", ""):
        return HTMLResponse(stranger_page(), 401)
    return problem_response(
        ProblemError(
            401,
            "key-refused",
            "This path needs a key, and none that is valid was sent.",
            remedy="Send the API key as `Authorization: Bearer KEY` or `X-Api-Key: KEY`, or "
            "open the printed address with its one-time key in a browser.",
        ),
        {"www-authenticate": "Bearer"},
    )


def _refused(status: int, code: str, detail: str, *, remedy: str) -> Response:
    return problem_response(ProblemError(status, code, detail, remedy=remedy))


def _is_open(scope: Scope) -> bool:
    """Tell whether a request needs no key: a probe, or a browser handing in a one-time key."""
    if scope["type"] != "http" or scope["method"] not in SAFE_METHODS:
        return False
    if scope["path"] == "/":
        return "key" in parse_qs(scope["query_string"].decode("latin-1"))
    return scope["path"] in OPEN_PATHS


def _is_safe(scope: Scope) -> bool:
    """Tell whether nothing can change; a socket asks about rights itself, order by order."""
    return scope["type"] == "websocket" or scope["method"] in SAFE_METHODS


def _same_origin(scope: Scope, headers: Headers) -> bool:
    """Tell whether a cookie may speak here: sockets and unsafe methods need the page's origin."""
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return True
    host = headers.get("host", "").lower()
    return headers.get("origin", "").lower() in {f"http://{host}", f"https://{host}"}


def _host_name(host: str) -> str:
    """Strip the port of a Host header, minding the brackets of IPv6."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _with_security_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
