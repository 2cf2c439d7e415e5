"""`inference-service url`: an address that admits one more browser to the running service."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Final

import typer

from inference_service.admission import Rights
from inference_service.api.keys import load_or_create_key
from inference_service.settings import HttpSettings, InferenceSettings
from shared.command_line import plain_errors
from shared.errors import ConfigurationError, KeyRefusedError
from shared.settings import load_settings

__all__ = ["fresh_address", "url"]

TIMEOUT_S: Final = 5.0
CREATED: Final = 201
ANY_ADDRESS: Final = frozenset({str(IPv4Address(0)), str(IPv6Address(0))})
"""A service that listens everywhere is dialled on loopback."""


def url(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The TOML file the service runs with."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="The browser may look and order nothing.")
    ] = False,
) -> None:
    """Print a dashboard address whose key admits one browser, once."""
    with plain_errors("inference-service"):
        http = load_settings(InferenceSettings, config).http
        typer.echo(fresh_address(http, "read" if read_only else "operate"))


def fresh_address(http: HttpSettings, rights: Rights = "operate") -> str:
    """Ask the running service for a one-time key.

    Args:
        http: The settings the service runs with.
        rights: What the browser may do.

    Returns:
        The address to open.

    Raises:
        ConfigurationError: No lasting API key is set, or nothing answers there.
        KeyRefusedError: The service has another API key.
    """
    if http.key_file is None or not http.key_file.expanduser().is_file():
        raise ConfigurationError(
            "http.key_file names no file: the running service's API key is known to it alone.",
            remedy="Set http.key_file and start the service again; it prints an address, too.",
        )
    host = "127.0.0.1" if http.host in ANY_ADDRESS else http.host
    connection = HTTPConnection(host, http.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {load_or_create_key(http.key_file)}"}
    try:
        connection.request("POST", f"/api/v1/one-time-keys?rights={rights}", headers=headers)
        reply = connection.getresponse()
        body = reply.read()
    except (OSError, HTTPException) as error:
        raise ConfigurationError(
            f"No service answers at {host}:{http.port}: {error}.",
            remedy="Start `inference-service run` with the same settings.",
        ) from error
    finally:
        connection.close()
    if reply.status != CREATED:
        raise KeyRefusedError(
            f"The service at {host}:{http.port} refused the key in {http.key_file}.",
            remedy="Use the settings the service was started with.",
        )
    return f"http://{host}:{http.port}{json.loads(body)['path']}"
