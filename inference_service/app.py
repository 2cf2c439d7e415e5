"""The wiring of a running inference service: link, eye, session, web, in one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path

import structlog
import uvicorn

from inference_service.analyst import Analyst
from inference_service.api.app_factory import create_app
from inference_service.api.keys import KeyRing, load_or_create_key
from inference_service.api.serving import server_config
from inference_service.detector.engine_choice.opening import EnginePolicy
from inference_service.detector.pipeline import Detector, shipped_model
from inference_service.diallers import Diallers
from inference_service.readiness import Dependency
from inference_service.session import Session
from inference_service.settings import HttpSettings, InferenceSettings, LinkSettings
from inference_service.warm_up import warm_up
from shared.clock import Clock
from shared.errors import KeyRefusedError, PortInUseError
from shared.transport import AllowList, LinkServer, Listener, load_keys

__all__ = ["engine_policy", "open_detector", "serve", "threads_of"]

_log = structlog.get_logger(__name__)

Duty = Callable[[], Coroutine[None, None, None]]


async def serve(settings: InferenceSettings, clock: Clock, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: Everything set.
        clock: Time.
        announce: Gets the dashboard's address with a one-time key, once all is up.

    Raises:
        AtomLoopError: A port is in use, a key or the model is missing or refused.
    """
    web_socket = _listen(settings.http)
    with contextlib.closing(web_socket):
        session = Session(settings.session, clock)
        detector = open_detector(settings, clock)
        await asyncio.to_thread(warm_up, detector)
        diallers = Diallers(session, settings.link, clock)
        analyst = Analyst(detector, session, diallers.publish, clock)
        server = LinkServer(_listener(settings.link), diallers, clock)
        server.bind()
        diallers.connect(analyst.take, server.wake)
        keys = _key_ring(settings.http, clock)

        def readiness() -> Sequence[Dependency]:
            return _dependencies(detector, analyst, server, session)

        app = create_app(session, settings.http, keys=keys, readiness=readiness)
        web = _Web(server_config(app, settings.http))
        host, port = web_socket.getsockname()[:2]
        announce(f"http://{host}:{port}/?key={keys.mint_one_time_key()}")
        _log.info(
            "serving",
            http_port=port,
            link_port=server.port,
            model=detector.digest[:12],
            engine=detector.engine,
        )
        try:
            await _until_told_to_stop(server.run, analyst.run, web, web_socket)
        finally:
            detector.close()


def open_detector(settings: InferenceSettings, clock: Clock) -> Detector:
    """Load the ensemble that the settings name.

    Raises:
        ModelError: It is missing or not what its manifest says.
    """
    folder = settings.detector.model_dir or shipped_model()
    return Detector(folder, threads_of(settings), clock, engine_policy(settings))


def threads_of(settings: InferenceSettings) -> int:
    """Return the threads that engine and refinement compute with."""
    return settings.detector.threads or len(os.sched_getaffinity(0))


def engine_policy(settings: InferenceSettings) -> EnginePolicy:
    """Return which engine to serve with and where its measurements are stored."""
    return EnginePolicy(settings.detector.engine, settings.detector.cache_dir)


class _Web(uvicorn.Server):
    """uvicorn without its own signal handlers: the service stops as one."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield


async def _until_told_to_stop(
    serve_link: Duty, work: Duty, web: _Web, web_socket: socket.socket
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as duties:
        running = [duties.create_task(duty()) for duty in (serve_link, work)]
        serving = duties.create_task(web.serve(sockets=[web_socket]))
        await stop.wait()
        _log.info("stopping")
        web.should_exit = True
        await serving
        for task in running:
            task.cancel()


def _listen(http: HttpSettings) -> socket.socket:
    try:
        return socket.create_server((http.host, http.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUseError(
            f"Port {http.port} of the dashboard is in use.",
            remedy="Stop the other process or choose another port with http.port.",
        ) from error


def _key_ring(http: HttpSettings, clock: Clock) -> KeyRing:
    reader = None if http.reader_key_file is None else load_or_create_key(http.reader_key_file)
    return KeyRing(load_or_create_key(http.key_file), clock, reader)


def _listener(link: LinkSettings) -> Listener:
    if link.key_file is None or link.authorized_dir is None:
        raise KeyRefusedError(
            "link.key_file and link.authorized_dir are not both set: the link is always encrypted.",
            remedy="Run `inference-service keys make FOLDER` and set what it prints.",
        )
    allow_list = AllowList(_existing(link.authorized_dir))
    return Listener(link.host, link.port, load_keys(link.key_file.expanduser()), allow_list)


def _existing(folder: Path) -> Path:
    expanded = folder.expanduser()
    if not expanded.is_dir():
        raise KeyRefusedError(
            f"The folder of authorised keys {folder} does not exist.",
            remedy="Make it, with sub-folders edge and dispatcher, and put .key files there.",
        )
    return expanded


def _dependencies(
    detector: Detector, analyst: Analyst, server: LinkServer, session: Session
) -> list[Dependency]:
    found = [
        Dependency(
            name="detector",
            ready=True,
            detail=f"{detector.members} members, model {detector.digest[:12]}, {detector.engine}; "
            f"{analyst.waiting} frames waiting",
        ),
        Dependency(name="link", ready=True, detail=f"listening on port {server.port}"),
    ]
    for role in ("edge", "dispatcher"):
        connected = session.peer(role).connected
        found.append(
            Dependency(
                name=role,
                ready=connected,
                required=False,
                detail="connected" if connected else "not connected",
                remedy=None if connected else f"Start it, and authorise its key as {role}.",
            )
        )
    return found
