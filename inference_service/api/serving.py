"""How the application is served: where it may listen, and with which limits."""

from __future__ import annotations

import ipaddress
from typing import Final

import uvicorn
from fastapi import FastAPI

from inference_service.settings import HttpSettings
from shared.errors import ConfigurationError

__all__ = ["check_bind", "server_config"]

MAX_INBOUND_BYTES: Final = 4096
"""Viewers say only that they painted or heard."""


def check_bind(settings: HttpSettings) -> None:
    """Refuse an address the network can reach, unless it is protected.

    Args:
        settings: Where to listen.

    Raises:
        ConfigurationError: The address is not loopback and no lasting key or TLS proxy is named.
    """
    if _is_loopback(settings.host):
        return
    if settings.key_file is None or not settings.behind_tls_proxy:
        raise ConfigurationError(
            f"http.host = {settings.host} can be reached from the network without protection.",
            remedy="Keep 127.0.0.1 and use an SSH tunnel; or set http.key_file, put a TLS proxy "
            "in front, set http.behind_tls_proxy = true and name it in http.allowed_hosts.",
        )


def server_config(app: FastAPI, settings: HttpSettings) -> uvicorn.Config:
    """Return the web server's configuration.

    WebSocket compression is off: on noisy frames it costs far more time than it saves bytes.

    Args:
        app: The application.
        settings: Where to listen.

    Raises:
        ConfigurationError: As `check_bind`.
    """
    check_bind(settings)
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_INBOUND_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_tls_proxy,
        timeout_graceful_shutdown=3,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
