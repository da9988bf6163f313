"""Runs the console on this machine alone, until Ctrl-C."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import uvicorn

from snapback.console.guard import Door
from snapback.console.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from snapback.console.live import Live
    from snapback.console.sources import FileSource

_BACKLOG = 32


def serve(source: FileSource | Live, started: Callable[[str], None], port: int = 0) -> None:
    """`started` hears the address to open, when it can be opened. Port 0 is one that is free. Raises OSError."""
    server, listener, address = console_server(source, port)
    started(address)
    server.run([listener])


def console_server(source: FileSource | Live, port: int = 0) -> tuple[uvicorn.Server, socket.socket, str]:
    """The server, where it listens, and the address to open."""
    listener = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    door = Door(listener.getsockname()[1])
    config = uvicorn.Config(
        Site(door, source).application(),
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    return uvicorn.Server(config), listener, f"http://127.0.0.1:{listener.getsockname()[1]}/#{door.token}"
