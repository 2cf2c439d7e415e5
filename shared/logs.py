"""Logs of a service: one line per event on standard error, for people or for machines."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from shared.settings import LogSettings

__all__ = ["configure_logs"]


def configure_logs(settings: LogSettings) -> None:
    """Send this process's structlog events to standard error."""
    renderer: Any = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if settings.json_lines:
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
