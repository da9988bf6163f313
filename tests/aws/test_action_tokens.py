from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.action_tokens import VALID, ActionTokens, link, use_up, used
from chalicelib.core.errors import BadActionToken

if TYPE_CHECKING:
    from tests.support.world import World

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOKENS = ActionTokens(b"k" * 32)


def test_a_token_says_what_it_is_for_until_it_expires() -> None:
    text = TOKENS.issue("0123abcd", "approve", "teams", NOW)
    token = TOKENS.read(text, NOW + VALID - timedelta(seconds=1))
    assert (token.record, token.action, token.channel) == ("0123abcd", "approve", "teams")
    with pytest.raises(BadActionToken, match="expired at 2026-11-24 10:00 UTC"):
        TOKENS.read(text, NOW + VALID)


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_what_is_changed_anywhere_is_no_token(place: int, character: str) -> None:
    text = TOKENS.issue("0123abcd", "approve", "teams", NOW)
    place %= len(text)
    forged = text[:place] + character + text[place + 1 :]
    if forged.rstrip("=") == text:
        return
    try:
        read = TOKENS.read(forged, NOW)
    except BadActionToken:
        return
    assert read == TOKENS.read(text, NOW)  # The last character of base64 has bits that mean nothing.


@given(st.text(max_size=200))
def test_no_other_text_is_a_token(text: str) -> None:
    with pytest.raises(BadActionToken):
        TOKENS.read(text, NOW)


def test_another_key_signs_no_token_of_ours() -> None:
    with pytest.raises(BadActionToken):
        TOKENS.read(ActionTokens(b"x" * 32).issue("0123abcd", "approve", "teams", NOW), NOW)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ActionTokens(b"short")


def test_a_token_works_once(world: World) -> None:
    application = world.application()
    token = TOKENS.read(TOKENS.issue("0123abcd", "approve", "teams", NOW), NOW)
    assert not used(application.dynamodb, application.table, token)
    use_up(application.dynamodb, application.table, token)
    assert used(application.dynamodb, application.table, token)
    with pytest.raises(BadActionToken, match="works once"):
        use_up(application.dynamodb, application.table, token)


def test_a_link_has_its_token_in_the_fragment() -> None:
    text = TOKENS.issue("0123abcd", "approve", "teams", NOW)
    assert link("https://api.example.com/api", text) == f"https://api.example.com/api/page#{text}"
    assert len(text) <= 1024
