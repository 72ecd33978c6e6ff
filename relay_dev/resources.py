"""Makes what the template defines, where it is missing: tables, queues, buckets, keys, secrets."""

import json
from datetime import timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from relay_dev.definition import Definition, Queue, Secret, Table


class Clients(Protocol):
    """Whatever makes boto3 clients: the embedded AWS, or another endpoint."""

    def client(self, service: str) -> Any: ...


def create_resources(definition: Definition, aws: Clients) -> None:
    """Leaves alone what exists, but for a queue's attributes, which follow the template."""
    for table in definition.tables:
        _create_table(aws.client("dynamodb"), table)
    sqs = aws.client("sqs")
    # A queue's dead-letter queue must exist before it.
    for queue in sorted(definition.queues, key=lambda each: bool(each.dead_letter_queue_arn)):
        _create_queue(sqs, queue)
    for bucket in definition.buckets:
        _create_bucket(aws.client("s3"), bucket)
    for key in definition.keys:
        _create_key(aws.client("kms"), key)
    for secret in definition.secrets:
        _create_secret(aws.client("secretsmanager"), secret)


def _create_table(dynamodb: Any, table: Table) -> None:
    created = _unless_there(dynamodb.create_table, TableName=table.name, there=("ResourceInUseException",), **table.properties)
    if not created:
        return
    dynamodb.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig={"Delay": 1})
    if table.ttl_attribute:
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute})


def _create_queue(sqs: Any, queue: Queue) -> None:
    attributes = {
        "DelaySeconds": _whole_seconds(queue.delay),
        "VisibilityTimeout": _whole_seconds(queue.visibility_timeout),
        "MessageRetentionPeriod": _whole_seconds(queue.retention),
    }
    if queue.dead_letter_queue_arn:
        redrive = {"deadLetterTargetArn": queue.dead_letter_queue_arn, "maxReceiveCount": queue.max_receive_count}
        attributes["RedrivePolicy"] = json.dumps(redrive)
    if not _unless_there(sqs.create_queue, QueueName=queue.name, Attributes=attributes, there=("QueueAlreadyExists", "QueueNameExists")):
        sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)


def _create_bucket(s3: Any, name: str) -> None:
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    _unless_there(s3.create_bucket, Bucket=name, there=("BucketAlreadyOwnedByYou", "BucketAlreadyExists"), **where)


def _create_key(kms: Any, name: str) -> None:
    alias = f"alias/{name}"
    if any(each["AliasName"] == alias for page in kms.get_paginator("list_aliases").paginate() for each in page["Aliases"]):
        return
    kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])


def _create_secret(secrets: Any, secret: Secret) -> None:
    value = secrets.get_random_password(**secret.generate)["RandomPassword"] if secret.value is None else secret.value
    created = _unless_there(secrets.create_secret, Name=secret.name, SecretString=value, there=("ResourceExistsException",))
    if not created and secret.value is not None:
        secrets.put_secret_value(SecretId=secret.name, SecretString=value)


def _unless_there(create: Any, *, there: tuple[str, ...], **arguments: Any) -> bool:
    """Whether it was made now; false when it was there before."""
    try:
        create(**arguments)
    except ClientError as error:
        # SQS's codes come with and without the name of its former protocol: `AWS.SimpleQueueService.QueueNameExists`, `QueueAlreadyExists`.
        if error.response["Error"]["Code"].rpartition(".")[2] in there:
            return False
        raise
    return True


def _whole_seconds(value: timedelta) -> str:
    return str(int(value.total_seconds()))
