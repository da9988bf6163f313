"""What watches an account: trails, the configuration recorder, detectors, log groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snapback.replay.presupposed import s3

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _trail(call: Call, name: str) -> str:
    ours, name = call.required_trail(name), name.rsplit("/", 1)[-1]
    bucket = ours.bucket if ours else f"presupposed-trail-{call.account}"
    if not ours and bucket not in {each["Name"] for each in call.client("s3").list_buckets()["Buckets"]}:
        s3.bucket(call, bucket)
    trails = call.client("cloudtrail")
    asked = {"Name": name, "S3BucketName": bucket, "IsMultiRegionTrail": True, "EnableLogFileValidation": True}
    if ours:
        wanted = {"S3KeyPrefix": ours.prefix, "KmsKeyId": ours.kms_key, "IsOrganizationTrail": ours.organization}
        asked |= {key: value for key, value in wanted.items() if value}
    trails.create_trail(**asked)
    trails.start_logging(Name=name)
    return f"trail {name}, logging in all regions"


def _detector(call: Call, id: str) -> str:
    call.aliases.put(id, call.client("guardduty").create_detector(Enable=True)["DetectorId"])
    return f"detector {id}"


def _recorder(call: Call, name: str) -> str:
    config = call.client("config")
    role = f"arn:{call.partition}:iam::{call.account}:role/presupposed"
    config.put_configuration_recorder(ConfigurationRecorder={"name": name, "roleARN": role})
    if call.operation == "PutDeliveryChannel":
        return f"configuration recorder {name}"
    s3.bucket(call, f"presupposed-config-{call.account}")
    config.put_delivery_channel(DeliveryChannel={"name": name, "s3BucketName": f"presupposed-config-{call.account}"})
    if call.operation == "DeleteDeliveryChannel":  # AWS deletes none while the recorder records.
        return f"configuration recorder {name}, stopped"
    config.start_configuration_recorder(ConfigurationRecorderName=name)
    return f"configuration recorder {name}, recording"


def _log_group(call: Call, name: str) -> str:
    call.client("logs").create_log_group(logGroupName=name)
    return f"log group {name}"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("cloudtrail", "Name"): _trail,
    ("cloudtrail", "S3BucketName"): s3.bucket,
    ("cloudtrail", "TrailName"): _trail,
    ("config", "ConfigurationRecorderName"): _recorder,
    ("config", "DeliveryChannel.name"): _recorder,
    ("config", "DeliveryChannelName"): _recorder,
    ("config", "DeliveryChannel.s3BucketName"): s3.bucket,
    ("guardduty", "DetectorId"): _detector,
    ("logs", "logGroupName"): _log_group,
}
