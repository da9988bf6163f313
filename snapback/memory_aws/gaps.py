"""Where moto answers otherwise than AWS, or takes too long. Put right while memory is AWS."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from copy import copy, deepcopy
from functools import cache
from threading import RLock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib.core.partitions import PARTITIONS
from snapback.memory_aws import awslambda, cloudfront, containers, ec2, ecr, efs, identity, rolesanywhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def closed() -> Iterator[None]:
    """All of them, for as long as it lasts."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.responses import DynamoHandler
    from moto.ec2.models.amis import AmiBackend
    from moto.ecr.models import ECRBackend
    from moto.events.models import EventBus
    from moto.iam.responses import IamResponse
    from moto.kinesis.models import KinesisBackend
    from moto.kms.models import KmsBackend
    from moto.s3.models import FakeBucket

    with ExitStack() as stack:
        stack.enter_context(_partitions())
        stack.enter_context(warnings.catch_warnings())
        # moto warns of an error of one service that another one's call ends with, as CreateAutoScalingGroup's may.
        warnings.filterwarnings("ignore", r"Exception\(\w+\) with code")
        for owner, name, better in (
            (AmiBackend, "describe_image_attribute", _describe_image_attribute),
            (DynamoHandler, "call_action", _one_by_one(DynamoHandler.call_action)),
            (ECRBackend, "batch_get_repository_scanning_configuration", _effective_scanning),
            (EventBus, "add_policy", _instead(EventBus.add_policy)),
            (FakeBucket, "_log_permissions_enabled_policy", _of_services(FakeBucket._log_permissions_enabled_policy)),  # noqa: SLF001 - moto's
            (KmsBackend, "create_alias", _of_aws(KmsBackend.create_alias)),
            (KinesisBackend, "put_resource_policy", _of_a_stream(KinesisBackend.put_resource_policy)),
            (IamResponse, "list_server_certificates", _expiring(IamResponse.list_server_certificates)),
        ):
            stack.enter_context(patch.object(owner, name, better))
        stack.enter_context(patch("moto.core.responses.method_names_from_class", _method_names()))
        for name in ("put_resource_policy", "get_resource_policy", "delete_resource_policy"):
            better = _of_streams_too(getattr(DynamoDBBackend, name))
            stack.enter_context(patch.object(DynamoDBBackend, name, better))
        transact = DynamoDBBackend.transact_write_items
        stack.enter_context(patch.object(DynamoDBBackend, "transact_write_items", _quickly(transact)))
        stack.enter_context(ecr.added())
        stack.enter_context(ec2.added())
        stack.enter_context(efs.added())
        stack.enter_context(rolesanywhere.added())
        stack.enter_context(containers.added())
        stack.enter_context(identity.added())
        stack.enter_context(awslambda.added())
        stack.enter_context(cloudfront.added())
        yield


@cache
def _method_names() -> Any:
    """moto looks through a service's methods with each call: a seventh of its time."""
    from moto.core.utils import method_names_from_class

    return cache(method_names_from_class)


@contextmanager
def _partitions() -> Iterator[None]:
    """moto knows no partition newer than `aws-iso-b`, and takes `us-gov`, as IAM's host there has it, for `aws`."""
    from moto.utilities import utils

    prefixes = {f"{each.global_region.rsplit('-', 2)[0]}-": each.name for each in PARTITIONS[1:]}
    names = list(utils.PARTITION_NAMES)
    with patch.dict(utils.REGION_PREFIX_TO_PARTITION, {**prefixes, "us-gov": "aws-us-gov"}):
        # moto makes a backend for each name of this list.
        utils.PARTITION_NAMES.extend(each.name for each in PARTITIONS if each.name not in names)
        try:
            yield
        finally:
            utils.PARTITION_NAMES[:] = names


def _of_services(real: Callable[..., bool]) -> Any:
    """moto fails on a policy of the target bucket with a principal `*`, which is as good as any to AWS."""

    def enabled(target_bucket: Any, target_prefix: str | None) -> bool:
        policy = json.loads(target_bucket.policy or b'{"Statement": []}')
        policy["Statement"] = [each for each in policy["Statement"] if isinstance(each.get("Principal"), dict)]
        bucket = {"partition": target_bucket.partition, "name": target_bucket.name}
        return real(SimpleNamespace(policy=json.dumps(policy).encode(), **bucket), target_prefix)

    return staticmethod(enabled)


def _of_aws(real: Callable[..., Any]) -> Any:
    """moto has AWS's own keys, which `alias/aws/s3` and the like name, for keys of the customer's, unrotated.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key
    """

    def named(self: Any, target_key_id: str, alias_name: str) -> Any:
        if alias_name.startswith("alias/aws/"):
            key = self.keys[self.get_key_id(target_key_id)]
            key.key_manager, key.key_rotation_status = "AWS", True
        return real(self, target_key_id, alias_name)

    return named


def _instead(real: Callable[..., None]) -> Any:
    """moto keeps statements for other principals, where PutPermission with a policy replaces the whole.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
    """

    def add(self: Any, policy: dict[str, Any]) -> None:
        self.remove_statements()
        real(self, policy)

    return add


def _of_streams_too(real: Callable[..., Any]) -> Any:
    """moto takes the label of a stream for a table's name.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
    """

    def answer(self: Any, resource_arn: str, **given: Any) -> Any:
        table, stream, label = resource_arn.partition("/stream/")
        if not stream:
            return real(self, resource_arn=resource_arn, **given)
        there = self.tables.get(table.rpartition("/")[2])
        as_table = {label: there} if there and there.latest_stream_label == label else {}
        with patch.object(self, "tables", as_table):
            return real(self, resource_arn=resource_arn, **given)

    return answer


def _of_a_stream(real: Callable[..., None]) -> Any:
    """moto takes a policy of a stream that isn't there.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutResourcePolicy.html
    """

    def put(self: Any, resource_arn: str, policy_doc: str) -> None:
        self.get_resource_policy(resource_arn)
        real(self, resource_arn, policy_doc)

    return put


def _describe_image_attribute(self: Any, ami_id: str, attribute_name: str) -> Any:
    """moto raises KeyError for an image that isn't there.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    from moto.ec2.exceptions import InvalidAMIIdError, UnvailableAMIIdError

    if ami_id not in self.amis:
        raise UnvailableAMIIdError(ami_id) if ami_id in self.deleted_amis else InvalidAMIIdError(ami_id)
    return getattr(self.amis[ami_id], attribute_name)


def _effective_scanning(self: Any, names: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """moto knows the registry's filters, but not the repository's own setting, which counts with basic scanning.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryScanningConfiguration.html
    """
    found = []
    for repository in (self.repositories[name] for name in names if name in self.repositories):
        own = repository.image_scanning_configuration["scanOnPush"]
        basic = self.registry_scanning_configuration["scanType"] == "BASIC"
        frequency = {"scanFrequency": "SCAN_ON_PUSH"} if own and basic else {}
        found.append({**repository.scanning_config, "scanOnPush": own, **frequency})
    return found, [name for name in names if name not in self.repositories]


def _expiring(listed: Any) -> Any:
    """moto has every server certificate expired in 2012; AWS reads it from the certificate. An `expiration` may be put in.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ServerCertificateMetadata.html
    """

    def answered(self: Any) -> Any:
        answer = listed(self)
        for each in answer.result["ServerCertificateMetadataList"]:
            kept = self.backend.get_server_certificate(each["ServerCertificateName"])
            each["Expiration"] = vars(kept).get("expiration", each["Expiration"])
        return answer

    return answered


def _one_by_one(answered: Callable[..., Any]) -> Any:
    """moto looks at a condition and then writes, and lets another thread in between; DynamoDB writes all or nothing.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """
    alone = RLock()

    def serial(self: Any) -> Any:
        with alone:
            return answered(self)

    return serial


def _quickly(transact: Any) -> Any:
    """moto keeps a deep copy of the whole table, its stream included, for the case that a transaction fails.

    A ledger would slow down with every record; only the items that the transaction is about can change.
    """
    from moto.dynamodb.models.dynamo_type import DynamoType
    from moto.dynamodb.models.table import Table

    def transacted(self: Any, transact_items: list[dict[str, Any]]) -> Any:
        operations = [next(iter(item.values())) for item in transact_items]

        def backup(table: Any, _: Any) -> Any:
            kept = copy(table)
            kept.items = defaultdict(dict, table.items)
            for operation in operations:
                hash_key = DynamoType((operation.get("Key") or operation["Item"])[table.hash_key_attr])
                if hash_key in kept.items:
                    kept.items[hash_key] = deepcopy(kept.items[hash_key])
            kept.stream_shard = copy(table.stream_shard)
            if kept.stream_shard:
                kept.stream_shard.items = list(table.stream_shard.items)
            return kept

        with patch.object(Table, "__deepcopy__", backup, create=True):
            return transact(self, transact_items)

    return transacted
