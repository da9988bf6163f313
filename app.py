"""Every Lambda function of Snapback. The only file that knows Chalice, and it holds no logic.

In Lambda only the function that runs here is registered, by `_HANDLER`, so that a cold start imports no other
service's guardrails; on a laptop and when packaging, all are.
"""

import gc

gc.disable()  # Imports make garbage-free objects by the hundred thousand; collecting them costs a third of a cold start.

import os  # noqa: E402
from typing import Any  # noqa: E402

from chalice import Chalice, Rate  # noqa: E402

from chalicelib import catalog, wiring  # noqa: E402

app = Chalice(app_name="snapback")
_ONLY = os.environ.get("_HANDLER", "").removeprefix("app.")


def _guard(service: str) -> None:
    def handler(event: Any) -> list[dict[str, str]]:
        return wiring.guard(service, event.to_dict(), event.context)

    handler.__name__ = f"guard_{service}"
    pattern = {} if _ONLY else catalog.pattern(service)
    globals()[handler.__name__] = app.on_cw_event(pattern, name=handler.__name__)(handler)


for _service in catalog.services():
    if _ONLY in ("", f"guard_{_service}"):
        _guard(_service)

if _ONLY in ("", "notify"):

    @app.lambda_function(name="notify")
    def notify(event: Any, context: Any) -> Any:
        """The ledger's stream → the channels."""
        return wiring.notify(event, context)


if _ONLY in ("", "act"):

    @app.lambda_function(name="act")
    def act(event: Any, context: Any) -> Any:
        """Approve or undo a record: `{"action": "approve" | "undo", "record", "by", "force"?}`."""
        return wiring.act(event, context)


if _ONLY in ("", "canary"):

    @app.schedule(Rate(1, unit=Rate.HOURS), name="canary")
    def canary(event: Any) -> Any:
        """Is the ledger there and are the settings readable? Its metric's absence raises the alarm."""
        return wiring.canary(event.context)


gc.enable()
gc.freeze()
