"""The second reader of the ledger's stream."""

from __future__ import annotations

import json

from snapback.deploy.iam_policies import policy_of
from snapback.deploy.template.whole import template

TEMPLATE = template()
STREAM = TEMPLATE["Resources"]["Exports"]["Properties"]["Events"]["Stream"]["Properties"]


def test_nothing_is_read_unless_a_parameter_says_where_to_send() -> None:
    assert STREAM["Enabled"] == {"Fn::If": ["Exports", True, False]}
    defaults = {name: TEMPLATE["Parameters"][name]["Default"] for name in TEMPLATE["Parameters"] if "Exports" in name}
    assert defaults == {"ExportsSecurityHub": "no", "ExportsBus": "", "ExportsBucket": ""}


def test_what_fails_is_noted_and_blocks_nothing_for_good() -> None:
    assert STREAM["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailedMessages", "Arn"]}
    assert STREAM["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert STREAM["MaximumRetryAttempts"] == 10


def test_a_stream_has_two_readers_at_most() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html"""
    ledger = {"Fn::GetAtt": ["Ledger", "StreamArn"]}
    text = json.dumps(ledger)
    readers = [
        name
        for name, each in TEMPLATE["Resources"].items()
        if text in json.dumps(each.get("Properties", {}).get("Events"))
    ]
    assert sorted(readers) == ["Exports", "Notify"]


def test_it_may_send_where_the_parameters_say_and_by_our_name_only() -> None:
    rights = {each["Sid"]: each for each in policy_of("exports")["Statement"]}
    assert rights["Bus"]["Condition"]["StringEquals"] == {
        "events:source": "snapback",
        "events:detail-type": "Snapback Finding",
    }
    assert rights["Bus"]["Resource"][0]["Fn::If"][:2] == ["ExportsToBus", {"Ref": "ExportsBus"}]
    assert rights["Ocsf"]["Resource"][0]["Fn::If"][:2] == ["ExportsToBucket", {"Fn::Sub": "${ExportsBucket}/*"}]
    assert rights["SecurityHub"]["Resource"] == [
        {
            "Fn::Sub": "arn:${AWS::Partition}:securityhub:${AWS::Region}:${AWS::AccountId}:product/${AWS::AccountId}/default"
        }
    ]
    wide = {name for name, each in rights.items() if "*" in each["Resource"]}
    assert wide <= {"Traces", "Streams"}, "for which AWS has no narrower resource"
