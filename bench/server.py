"""moto's server on free ports of 127.0.0.1, with and without TLS, which it prints; it lives until its standard input closes.

It keeps connections, as AWS does, and answers `GET /bench/calls` with the services that were asked since it was asked last.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from functools import partial
from threading import Thread
from typing import Any

import uvicorn
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from snapback.memory_aws import gaps

logging.disable(logging.CRITICAL)


class Counting:
    """moto, and which services were asked, by the scope that a request is signed for."""

    def __init__(self) -> None:
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._asked: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/bench/calls":
            asked, self._asked = self._asked, []
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(asked).encode()]
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        self._asked += scope[3:4]
        return self._moto(environ, start_response)


def serve(certificate: str, key: str) -> None:
    made = partial(uvicorn.Config, Counting(), interface="wsgi", lifespan="off", log_config=None)
    for config in (made(), made(ssl_certfile=certificate, ssl_keyfile=key)):
        config.timeout_keep_alive = 3600
        listening = socket.create_server(("127.0.0.1", 0))
        Thread(target=uvicorn.Server(config).run, args=([listening],), daemon=True).start()
        print(listening.getsockname()[1], flush=True)


with gaps.closed():
    serve(*sys.argv[1:3])
    sys.stdin.read()
    os._exit(0)  # A thread may be in the middle of an answer that nobody waits for.
