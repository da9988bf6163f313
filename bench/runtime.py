"""A function as Lambda runs it: AWS's own runtime client, in a process that can import the zip, boto3, and nothing else.

The Runtime API is served on loopback: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_API = "/2018-06-01/runtime"
_START = """
import runpy, socket, sys
asked = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: asked(str(host).replace("123456789012.localhost", "localhost"), *rest, **more)
sys.path[:0] = sys.argv[1:3]
del sys.argv[1:3]
runpy.run_module("awslambdaric", run_name="__main__")
"""
"""S3 Control's endpoint begins with the account id, and Debian's resolver doesn't know names below localhost."""
PATIENCE = 20
"""Seconds that a start or an invocation may take."""


class Failed(Exception):
    """The function did not start, or raised: what its runtime reported, and what it wrote."""


@dataclass(frozen=True)
class Moment:
    """What the process had used when it asked for an event: seconds since its start, of CPU, and the peak in MB."""

    wall: float
    cpu: float
    memory: float


class Function:
    """One execution environment. `account` and `region` are those of its ARN, `memory` what it is given, in MB."""

    def __init__(
        self, tree: Path, runtime: Path, handler: str, environment: Mapping[str, str], *, arn: str, memory: int = 512
    ) -> None:
        self._arn = arn
        self._events: SimpleQueue[Any] = SimpleQueue()
        self._said: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self._output = TemporaryFile()  # noqa: SIM115 - closed with the rest
        name = arn.rpartition(":")[2]
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _START, str(tree), str(runtime), handler],
            cwd=tree,
            env={
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
                "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
                "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef",
                "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
                "LAMBDA_TASK_ROOT": str(tree),
                "LAMBDA_RUNTIME_DIR": str(runtime),
                "_HANDLER": handler,
                "TZ": ":UTC",
                "LANG": "en_US.UTF-8",
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                **environment,
            },
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._output.closed:
            self.stop()

    def started(self) -> Moment:
        """Waits until it asks for an event. Raises Failed."""
        kind, what = self._next()
        if kind != "asks":
            raise Failed(self._describe(what))
        return what  # type: ignore[no-any-return]

    def invoke(self, event: Any) -> tuple[Any, Moment]:
        """Its answer, and what it had used when it asked for the next event. Raises Failed."""
        self._events.put(event)
        kind, what = self._next()
        if kind != "answers":
            raise Failed(self._describe(what))
        return what, self.started()

    def stop(self) -> tuple[int, str]:
        """As Lambda ends an environment that has nothing to do; answers its exit code and all that it wrote."""
        self._process.terminate()
        try:
            code = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._events.put(None)
            self._server.shutdown()
            self._server.server_close()
        written = self._written()
        self._output.close()
        return code, written

    def moment(self) -> Moment:
        """Figures of Linux's /proc; 0 for what another system doesn't tell."""
        wall, process = time.perf_counter() - self._began, Path("/proc", str(self._process.pid))
        try:
            cpu = sum(int(task.read_text().split()[0]) for task in process.glob("task/*/schedstat")) / 1e9
            peak = int(re.findall(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())[0]) / 1024
        except (OSError, IndexError):
            return Moment(wall, 0, 0)
        return Moment(wall, cpu, peak)

    def asks(self) -> Any:
        """The next event, when there is one."""
        self._said.put(("asks", self.moment()))
        return self._events.get()

    def says(self, kind: str, what: Any) -> None:
        self._said.put((kind, what))

    @property
    def arn(self) -> str:
        return self._arn

    def _next(self) -> tuple[str, Any]:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                return self._said.get(timeout=0.2)
            except Empty:
                if self._process.poll() is not None and self._said.empty():
                    break
        return "ended", f"exit code {self._process.poll()}"

    def _describe(self, what: Any) -> str:
        return f"{what}\n{self._written()}"

    def _written(self) -> str:
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that is stopped hangs up; any other error is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(function: Function) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            event = function.asks()
            if event is None:
                self.close_connection = True
                return
            self._answer(
                200,
                json.dumps(event).encode(),
                **{
                    "Lambda-Runtime-Aws-Request-Id": "44444444-0000-4000-8000-000000000001",
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": function.arn,
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                },
            )

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            kind = {f"{_API}/init/error": "fails"}.get(self.path, "answers" if "/response" in self.path else "fails")
            self._answer(202, b"")
            function.says(kind, body)

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """It is no news."""

    return RuntimeApi
