"""A stand-in for Lambda's bootstrap: `python -S bootstrap.py <module.function> <input> <output>`, in a fresh process.

Input: JSON `{"first": event, "warm": [event, …]}`. Output: JSON with `wall` and `cpu` seconds from before the import to
the end of the first event (the interpreter's own start and the modules that any bootstrap needs are left out),
`warm_cpu` seconds an event over the warm ones, and `memory`, the peak in MB.
"""

from __future__ import annotations

import concurrent.futures  # noqa: F401 - awslambdaric imports these before it imports a function
import http.client  # noqa: F401
import importlib
import json
import logging
import os
import re
import sys
import time
import traceback  # noqa: F401


class Context:
    """What Lambda hands a handler besides the event."""

    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    aws_request_id = "44444444-0000-4000-8000-000000000001"
    invoked_function_arn = os.environ["BENCH_FUNCTION_ARN"]

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 60_000


def peak() -> float:
    """The peak of this process in MB, 0 where there is no /proc. (getrusage's `ru_maxrss` begins with its parent's.)"""
    try:
        with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
            return int(re.findall(r"VmHWM:\s+(\d+) kB", file.read())[0]) / 1024
    except (OSError, IndexError):
        return 0


def main(handler: str, source: str, target: str) -> None:
    module, _, name = handler.partition(".")
    with open(source, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is for the function to pay
        given = json.load(file)
    logging.getLogger().setLevel(logging.WARNING)
    wall, cpu = time.perf_counter(), time.process_time()
    function = getattr(importlib.import_module(module), name)
    answer = function(given["first"], Context)
    cold = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    cold["memory"] = peak()
    warm, settle = given["warm"], 5
    for event in warm[:settle]:
        function(event, Context)
    cpu = time.process_time()
    for event in warm[settle:]:
        function(event, Context)
    if warm[settle:]:
        cold["warm_cpu"] = (time.process_time() - cpu) / len(warm[settle:])
    with open(target, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(cold | {"answer": answer}, file)


main(*sys.argv[1:])
