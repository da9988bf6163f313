"""Every Lambda function of Snapback. The only file that knows Chalice, and it holds no logic.

Their triggers are in infra/template.py, since Chalice's own event classes raise on an envelope that lacks a field.
A function imports its own service's guardrails, on its first event, and no others.
"""

import gc

gc.disable()  # Imports make garbage-free objects by the hundred thousand; collecting them costs a third of a cold start.

from typing import Any  # noqa: E402

from chalice import Chalice  # noqa: E402

from chalicelib import catalog, wiring  # noqa: E402

app = Chalice(app_name="snapback")


def _guard(service: str) -> None:
    def handler(event: Any, context: Any) -> Any:
        return wiring.guard(service, event, context)

    handler.__name__ = f"guard_{service}"
    globals()[handler.__name__] = app.lambda_function(name=handler.__name__)(handler)


for _service in catalog.services():
    _guard(_service)


@app.lambda_function(name="notify")
def notify(event: Any, context: Any) -> Any:
    """The ledger's stream → the channels."""
    return wiring.notify(event, context)


@app.lambda_function(name="act")
def act(event: Any, context: Any) -> Any:
    """Approve or undo a record: `{"action": "approve" | "undo", "record", "by", "force"?}`."""
    return wiring.act(event, context)


@app.lambda_function(name="canary")
def canary(event: Any, context: Any) -> Any:  # noqa: ARG001 - what calls it doesn't matter
    """Each hour, an event of our own onto the bus."""
    return wiring.canary(context)


@app.lambda_function(name="canary_echo")
def canary_echo(event: Any, context: Any) -> Any:
    """The canary at the other end of the bus; the absence of its metric raises the alarm."""
    return wiring.canary_echo(event, context)


gc.enable()
gc.freeze()
