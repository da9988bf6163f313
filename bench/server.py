"""moto's server on a free port of 127.0.0.1, which it prints; it lives until its standard input closes."""

from __future__ import annotations

import logging
import os
import sys

from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.server import ThreadedMotoServer

from snapback.memory_aws import gaps

MotoRequestHandler.protocol_version = "HTTP/1.1"  # Connections are kept, as AWS keeps them.
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
with gaps.closed():
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # Its thread may be in the middle of an answer that nobody waits for.
