"""Answers requests over HTTP: verified here, handed to `act` to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.clicks.http import Answer, ClicksApp, Request
from chalicelib.core.errors import RequestRejected

if TYPE_CHECKING:
    from collections.abc import Mapping


ACT_VARIABLE = "SNAPBACK_ACT"
"""The name of the function `act`."""


def answer(app: ClicksApp, request: Request) -> Answer:
    """Answer any request. What was asked is logged without what it holds: bodies are action tokens, and what people wrote."""
    try:
        if request.path == "/slack":
            from chalicelib.clicks import slack

            answered = slack.answer(app, request)
        else:
            from chalicelib.clicks import page

            answered = page.answer(app, request)
    except RequestRejected as wrong:
        answered = Answer(wrong.status, f"{wrong}\n", why=str(wrong))
    app.logger.info(
        "request",
        extra={
            "method": request.method,
            "path": request.path,
            "status": answered.status,
            "source": request.source,
            "why": answered.why,
        },
    )
    return answered


@dataclass(frozen=True, slots=True)
class Act:
    """Has the function `act` do something, without waiting for it: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""

    client: Any
    function: str

    def __call__(self, request: Mapping[str, Any]) -> None:
        import json

        self.client.invoke(FunctionName=self.function, InvocationType="Event", Payload=json.dumps(request).encode())
