from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Baseline, Passwords, Require
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.iam.raise_password_policy import RaisePasswordPolicy, weaker
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.password_policy_weakened"
STRICT: dict[str, Any] = {
    "MinimumPasswordLength": 20,
    "PasswordReusePrevention": 24,
    "MaxPasswordAge": 60,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "HardExpiry": True,
}
DEFAULT: dict[str, Any] = {"MinimumPasswordLength": 14, "PasswordReusePrevention": 24}


def policy(asked: Passwords | None = None, **settings: Any) -> Any:
    def made(world: World) -> Envelope:
        if asked:
            world.settings = Settings(require=Require(passwords=asked))
        world.client("iam").update_account_password_policy(**settings)
        return cloudtrail_event("iam", "UpdateAccountPasswordPolicy", {"minimumPasswordLength": 99})

    return made


def deleted(world: World) -> Envelope:
    return cloudtrail_event("iam", "DeleteAccountPasswordPolicy")


def none_is_asked_for(world: World) -> Envelope:
    world.settings = Settings(require=Require(passwords=Passwords(length=8, reuse=0)))
    return deleted(world)


def whole(world: World) -> Any:
    iam = world.client("iam")
    try:
        return iam.get_account_password_policy()["PasswordPolicy"]
    except iam.exceptions.NoSuchEntityException:
        return None


CASE = Case(
    unsafe=(
        deleted,
        policy(MinimumPasswordLength=8),
        policy(**STRICT | {"MinimumPasswordLength": 13}),
        policy(**STRICT | {"PasswordReusePrevention": 5}),
        policy(Passwords(symbols=True, max_days=90), **DEFAULT),
        policy(Passwords(max_days=90), **DEFAULT | {"MaxPasswordAge": 91}),
    ),
    near_misses=(
        policy(**DEFAULT),
        policy(**STRICT),
        policy(Passwords(length=8, reuse=3), MinimumPasswordLength=8, PasswordReusePrevention=3),
        policy(Passwords(max_days=90, symbols=True), **STRICT),
        none_is_asked_for,
    ),
    whole=whole,
)


def test_just_what_is_too_weak_is_raised(world: World) -> None:
    world.deliver(policy(**STRICT | {"MinimumPasswordLength": 8, "RequireNumbers": False})(world), ID)
    assert whole(world) == {**STRICT, "MinimumPasswordLength": 14, "RequireNumbers": False, "ExpirePasswords": True}


def test_after_a_deletion_all_kinds_of_characters_are_asked_for(world: World) -> None:
    (outcome,) = world.deliver(deleted(world), ID)
    assert outcome.status == Status.FIXED
    kinds = ("RequireSymbols", "RequireNumbers", "RequireUppercaseCharacters", "RequireLowercaseCharacters")
    assert all(whole(world)[kind] for kind in kinds)
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world) is None


def test_the_reason_says_what_it_lacks(world: World) -> None:
    (outcome,) = world.deliver(
        policy(Passwords(symbols=True, max_days=90), PasswordReusePrevention=3)(world), ID, "alert"
    )
    assert outcome.reason == (
        "it is too weak; required: at least 14 characters, none of the last 24 passwords, a new one after 90 days, symbols"
    )


POLICIES = st.none() | st.fixed_dictionaries(
    {
        "MinimumPasswordLength": st.integers(6, 128),
        **dict.fromkeys(("RequireSymbols", "RequireNumbers", "AllowUsersToChangePassword"), st.booleans()),
    },
    optional={
        "PasswordReusePrevention": st.integers(1, 24),
        "MaxPasswordAge": st.integers(1, 1095),
        "HardExpiry": st.booleans(),
        "RequireUppercaseCharacters": st.booleans(),
    },
)
ASKED = st.builds(
    Passwords,
    length=st.integers(6, 128),
    reuse=st.integers(0, 24),
    max_days=st.none() | st.integers(1, 1095),
    symbols=st.booleans(),
    numbers=st.booleans(),
    uppercase=st.booleans(),
    lowercase=st.booleans(),
)


@given(POLICIES, ASKED)
def test_nothing_gets_weaker_and_nothing_is_too_weak_after(before: Any, asked: Passwords) -> None:
    fix, baseline = RaisePasswordPolicy(), Baseline(require=Require(passwords=asked))
    after = fix.safe({"policy": before}, FixContext(baseline))
    assert not weaker(after["policy"], asked) or not weaker(before, asked)
    assert fix.safe(after, FixContext(baseline)) == after
    for key, value in (before or {}).items():
        if key == "MaxPasswordAge":
            assert 0 < after["policy"][key] <= value
        elif key not in {"HardExpiry", "AllowUsersToChangePassword"}:
            assert after["policy"][key] >= value
        else:
            assert after["policy"][key] == value
    if before is not None and not weaker(before, asked):
        assert after["policy"] == before
