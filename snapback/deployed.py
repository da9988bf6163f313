"""Where the parts of a deployed Snapback are: what the environment says, and for the rest the stack's outputs."""

from __future__ import annotations

import os

from chalicelib.aws.ledger_table import TABLE_VARIABLE
from chalicelib.aws.overflow_store import SPILL_VARIABLE

LEDGER, SPILL = "LedgerTable", "SpillBucket"
DEAD_LETTERS, FAILED_MESSAGES, SECOND_LOOKS = "DeadLettersUrl", "FailedMessagesUrl", "SecondLooksUrl"
SETTINGS, STRATEGY = "SettingsSource", "SettingsStrategy"
VARIABLES = {
    LEDGER: TABLE_VARIABLE,
    SPILL: SPILL_VARIABLE,
    DEAD_LETTERS: "SNAPBACK_DEAD_LETTERS",
    FAILED_MESSAGES: "SNAPBACK_FAILED_MESSAGES",
    SECOND_LOOKS: "SNAPBACK_SECOND_LOOKS",
    SETTINGS: "SNAPBACK_PUBLISH_TO",
    STRATEGY: "SNAPBACK_SETTINGS_STRATEGY",
}
"""The outputs of the stack, and the variables that come before them."""


def parts(stack: str, *needed: str) -> dict[str, str]:
    """The parts that are needed, by their outputs' names; one that nobody names is not there.

    A stack that isn't there is no error: there may be a ledger without one. Raises what boto3 does.
    """
    import boto3
    from botocore.exceptions import ClientError

    found = {name: value for name in needed if (value := os.environ.get(VARIABLES[name]))}
    if needed and len(found) < len(needed):
        try:
            stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            stacks = []
        outputs = {each["OutputKey"]: each["OutputValue"] for one in stacks for each in one.get("Outputs", [])}
        found = {name: outputs[name] for name in needed if name in outputs} | found
    return found
