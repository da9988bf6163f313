"""Every Lambda function of Snapback. The only file that knows Chalice, and it holds no logic.

Their triggers are in snapback/deploy/template/whole.py, since Chalice's own event classes raise on an envelope that lacks a field.
A function imports its own service's guardrails, on its first event, and no others.
"""

import gc

gc.disable()  # Imports make garbage-free objects by the hundred thousand; collecting them costs a third of a cold start.

from typing import Any  # noqa: E402

from chalice import Chalice, Response  # noqa: E402

from chalicelib import catalog, wiring  # noqa: E402

app = Chalice(app_name="snapback", configure_logs=False)  # Otherwise Chalice logs each line a second time.
app.api.binary_types = []


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
    """What people decided, and what the clock asks for: see `wiring.act`."""
    return wiring.act(event, context)


@app.lambda_function(name="exports")
def exports(event: Any, context: Any) -> Any:
    """The ledger's stream → Security Hub, a bus, a bucket, as far as the settings say so."""
    return wiring.exports(event, context)


@app.lambda_function(name="sweep")
def sweep(event: Any, context: Any) -> Any:
    """Once a day: which kinds of resources there are to go through, in which accounts and regions, and what is there."""
    return wiring.sweep(event, context)


@app.lambda_function(name="sweep_worker")
def sweep_worker(event: Any, context: Any) -> Any:
    """Asks guardrails about some resources."""
    return wiring.sweep_worker(event, context)


@app.lambda_function(name="canary")
def canary(event: Any, context: Any) -> Any:  # noqa: ARG001 - the schedule's event is not needed
    """Each hour, an event of our own onto the bus."""
    return wiring.canary(context)


@app.lambda_function(name="canary_echo")
def canary_echo(event: Any, context: Any) -> Any:
    """The canary at the other end of the bus; the absence of its metric raises the alarm."""
    return wiring.canary_echo(event, context)


def _clicked() -> Response:
    """People's clicks: Slack's requests, and the action page."""
    assert app.current_request
    return Response(**wiring.api(app.current_request.to_original_event(), app.lambda_context))


_ROUTES = {"/slack": "POST", "/page": "GET", "/page.js": "GET", "/page/show": "POST", "/page/do": "POST"}
for _path, _method in _ROUTES.items():
    app.route(_path, methods=[_method], content_types=["*/*"])(_clicked)

gc.enable()
gc.freeze()
