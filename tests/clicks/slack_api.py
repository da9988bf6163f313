"""Slack's API, in place of the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    import pytest

EMAILS = {"U012BOB01": "bob@example.com", "U0CAROL01": "carol@example.com", "U0EVE0001": "eve@example.com"}


class Asked:
    """Slack's API, in place of the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.views: list[Any] = []
        self.users: list[str] = []
        self.tokens: set[str | None] = set()
        self.broken = ""
        self.well = "auth_test"
        """What goes on working all the same."""
        self.home: dict[str, Any] = {"team_id": "T012TEAM1", "enterprise_id": None}
        """What the app is installed in, and how often that was asked."""
        self.homes = 0

        def views_open(client: WebClient, *, trigger_id: str, view: Any) -> None:
            self._ask(client)
            assert trigger_id
            self.views.append(json.loads(json.dumps(view)))

        def users_info(client: WebClient, *, user: str) -> Any:
            self._ask(client)
            self.users.append(user)
            return type("Answer", (), {"data": {"ok": True, "user": {"profile": {"email": EMAILS.get(user, "")}}}})

        def auth_test(client: WebClient) -> Any:
            self._ask(client, "auth_test")
            self.homes += 1
            return type("Answer", (), {"data": {"ok": True, **self.home}})

        monkeypatch.setattr(WebClient, "auth_test", auth_test)
        monkeypatch.setattr(WebClient, "views_open", views_open)
        monkeypatch.setattr(WebClient, "users_info", users_info)

    def _ask(self, client: WebClient, what: str = "") -> None:
        self.tokens.add(client.token)
        if self.broken and what != self.well:
            answer: Any = type("Answer", (), {"data": {"ok": False, "error": self.broken}})
            raise SlackApiError("no", answer)  # type: ignore[no-untyped-call]
