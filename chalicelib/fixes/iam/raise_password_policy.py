"""The account's password policy.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.baseline import Passwords
    from chalicelib.core.resource import Account
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

_KINDS = {
    "RequireSymbols": "symbols",
    "RequireNumbers": "numbers",
    "RequireUppercaseCharacters": "uppercase",
    "RequireLowercaseCharacters": "lowercase",
}
_SENT = {*_KINDS, "MinimumPasswordLength", "PasswordReusePrevention", "MaxPasswordAge", "HardExpiry"} | {
    "AllowUsersToChangePassword"
}
_WITHOUT: dict[str, Any] = {"MinimumPasswordLength": 8, "AllowUsersToChangePassword": False} | dict.fromkeys(
    _KINDS, True
)
"""What an account without a policy of its own is made from: AWS's asks for three of the four kinds of characters."""
_SAID = {
    "MinimumPasswordLength": "at least {} characters",
    "PasswordReusePrevention": "none of the last {} passwords",
    "MaxPasswordAge": "a new one after {} days",
    **_KINDS,
}


def _raised(policy: Mapping[str, Any] | None, asked: Passwords) -> dict[str, Any]:
    """What is too weak, as it must be."""
    now = {"MinimumPasswordLength": _WITHOUT["MinimumPasswordLength"]} if policy is None else policy
    found: dict[str, Any] = {}
    if now.get("MinimumPasswordLength", 0) < asked.length:
        found["MinimumPasswordLength"] = asked.length
    if now.get("PasswordReusePrevention", 0) < asked.reuse:
        found["PasswordReusePrevention"] = asked.reuse
    if asked.max_days and not 0 < now.get("MaxPasswordAge", 0) <= asked.max_days:
        found["MaxPasswordAge"] = asked.max_days
    return found | {key: True for key, name in _KINDS.items() if getattr(asked, name) and not now.get(key)}


def weaker(policy: Mapping[str, Any] | None, asked: Passwords) -> list[str]:
    """What a policy lacks, in words: "at least 14 characters"."""
    return [_SAID[key].format(value) for key, value in _raised(policy, asked).items()]


class RaisePasswordPolicy(Fix["Account"]):
    """Raise the weak settings of the account's password policy, and keep stricter ones.

    The state is `{"policy": as the API takes it, or None}`; the API takes it whole, and what is left out is off.
    """

    document = "iam:password-policy"
    reads = ("iam:GetAccountPasswordPolicy",)
    writes = ("iam:UpdateAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy")
    undo_writes = ("iam:DeleteAccountPasswordPolicy",)

    def read(self, resource: Account, aws: Session) -> State:
        policy: Any = None
        with absent("NoSuchEntity"):
            found = aws.client("iam").get_account_password_policy()["PasswordPolicy"]
            policy = {
                key: value
                for key, value in found.items()
                # AWS leaves out a false HardExpiry, too.
                if key in _SENT and (value or (value is False and key != "HardExpiry"))
            }
        return {"policy": policy}

    def safe(self, state: State, context: FixContext) -> State:
        raised = _raised(state["policy"], context.baseline.require.passwords)
        policy = _WITHOUT if state["policy"] is None else state["policy"]
        return {**state, "policy": {**policy, **raised}} if raised else state

    def write(self, resource: Account, state: State, aws: Session) -> None:
        iam = aws.client("iam")
        if state["policy"] is None:
            with absent("NoSuchEntity"):
                iam.delete_account_password_policy()
        else:
            iam.update_account_password_policy(**state["policy"])
