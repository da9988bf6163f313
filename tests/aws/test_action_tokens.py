from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.action_tokens import VALID, ActionTokens, Use, link, used
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
    table = application.dynamodb, application.table
    assert not used(*table, token, 2)
    assert Use.of(token).begin(*table, 1)
    assert used(*table, token, 2)
    with pytest.raises(BadActionToken, match="works once"):
        Use.of(token).begin(*table, 2)


def test_a_click_that_is_delivered_again_is_the_same_use(world: World) -> None:
    application = world.application()
    table = application.dynamodb, application.table
    use = Use.of(TOKENS.read(TOKENS.issue("0123abcd", "approve", "teams", NOW), NOW))
    assert [use.begin(*table, 1), use.begin(*table, 2)] == [True, False]


def test_a_token_that_came_to_nothing_works_still(world: World) -> None:
    application = world.application()
    table = application.dynamodb, application.table
    token = TOKENS.read(TOKENS.issue("0123abcd", "approve", "teams", NOW), NOW)
    use = Use.of(token)
    use.begin(*table, 1)
    use.release(*table)
    assert not used(*table, token, 2)
    assert Use.of(token).begin(*table, 1)
    assert used(*table, token, 2)


def test_a_token_whose_record_came_no_further_works_still(world: World) -> None:
    """Whatever became of the function that took it."""
    application = world.application()
    table = application.dynamodb, application.table
    token = TOKENS.read(TOKENS.issue("0123abcd", "approve", "teams", NOW), NOW)
    died = Use.of(token)
    assert died.begin(*table, 1)
    assert not used(*table, token, 1)
    assert not Use.of(token).begin(*table, 1), "another may have taken it: nothing is given back"
    died.release(*table)
    assert used(*table, token, 2), "who lost it gives back nothing"


def test_a_token_that_an_earlier_version_used_up_is_used(world: World) -> None:
    application = world.application()
    token = TOKENS.read(TOKENS.issue("0123abcd", "approve", "teams", NOW), NOW)
    item = {"pk": {"S": f"action_token#{token.nonce}"}, "expires_at": {"N": str(token.expires)}}
    application.dynamodb.put_item(TableName=application.table, Item=item)
    assert used(application.dynamodb, application.table, token, 1)
    with pytest.raises(BadActionToken):
        Use.of(token).begin(application.dynamodb, application.table, 1)


def test_a_link_has_its_token_in_the_fragment() -> None:
    text = TOKENS.issue("0123abcd", "approve", "teams", NOW)
    assert link("https://api.example.com/api", text) == f"https://api.example.com/api/page#{text}"
    assert len(text) <= 1024
