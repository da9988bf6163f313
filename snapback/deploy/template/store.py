"""What is kept: the ledger, and the bucket of states that are too large for it. Both stay when the stack goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.ledger import KEPT
from chalicelib.aws.ledger_table import TABLE
from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.aws.settings_source import STACK_VARIABLE
from chalicelib.version import VERSION
from snapback.deploy.template.parts import KEY, arn, with_key

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template


def store(_plan: Plan) -> Template:
    resources: Template = {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                **TABLE,
                "SSESpecification": {  # Without a customer managed key, DynamoDB uses AWS's own key, which is free.
                    "SSEEnabled": True,
                    "SSEType": with_key("KMS"),
                    "KMSMasterKeyId": with_key(KEY),
                },
            },
        },
    }
    return {
        "Resources": resources | _spill(),
        "Outputs": {
            "LedgerTable": {"Description": "SNAPBACK_LEDGER of the command line.", "Value": {"Ref": "Ledger"}},
            "Stack": {"Description": f"{STACK_VARIABLE} of the command line.", "Value": {"Ref": "AWS::StackId"}},
            "Version": {"Description": "Snapback's version.", "Value": VERSION},
            "SpillBucket": {"Description": f"{SPILL_VARIABLE} of the command line.", "Value": {"Ref": "Spill"}},
        },
    }


def _spill() -> Template:
    """The bucket of states that are over what an item of the ledger may hold; they may hold secrets, as those do."""
    return {
        "Spill": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {
                            "ServerSideEncryptionByDefault": {
                                "SSEAlgorithm": with_key("aws:kms", "AES256"),
                                "KMSMasterKeyID": with_key(KEY),
                            },
                            "BucketKeyEnabled": with_key(True, False),
                        }
                    ]
                },
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "AsLongAsRecords",
                            "Status": "Enabled",
                            "ExpirationInDays": KEPT.days,
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                        }
                    ]
                },
            },
        },
        "SpillPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Spill"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "OnlyOverTls",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [arn("Spill"), {"Fn::Sub": "${Spill.Arn}/*"}],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
    }
