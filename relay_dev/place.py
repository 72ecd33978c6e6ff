"""Where the resources are on one machine, and so what `Ref` and `GetAtt` answer for them."""

from collections.abc import Mapping
from dataclasses import dataclass

STACK_NAME = "a2a-push-relay"


@dataclass(frozen=True)
class Place:
    """An account and region of moto or of another AWS-compatible endpoint; `queue_base` is what queue URLs begin with."""

    account: str = "123456789012"
    region: str = "us-east-1"
    queue_base: str = "https://sqs.us-east-1.amazonaws.com"

    def pseudo(self, name: str) -> str | None:
        """The value of a pseudo parameter, such as `AWS::Region`."""
        return {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": "aws",
            "AWS::StackName": STACK_NAME,
            "AWS::StackId": self.arn("cloudformation", f"stack/{STACK_NAME}/local"),
            "AWS::URLSuffix": "amazonaws.com",
        }.get(name)

    def arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{name}"

    def queue_url(self, name: str) -> str:
        return f"{self.queue_base}/{self.account}/{name}"

    def attribute(self, resource_type: str, logical_id: str, attribute: str) -> str:
        """What `GetAtt` answers, or `Ref` when the attribute is empty."""
        anything = f"{logical_id}.{attribute}" if attribute else logical_id
        return self._attributes(resource_type, logical_id).get(attribute, anything)

    def _attributes(self, resource_type: str, name: str) -> Mapping[str, str]:
        table = self.arn("dynamodb", f"table/{name}")
        url = self.queue_url(name)
        known: dict[str, dict[str, str]] = {
            "AWS::DynamoDB::Table": {"Arn": table, "StreamArn": f"{table}/stream/local"},
            "AWS::SQS::Queue": {"": url, "Arn": self.arn("sqs", name), "QueueName": name, "QueueUrl": url},
            "AWS::S3::Bucket": {"": name.lower(), "Arn": f"arn:aws:s3:::{name.lower()}"},
            # A key's id is random, so locally an alias stands for it: both its name and its ARN are taken wherever a key's are.
            "AWS::KMS::Key": {"": f"alias/{name}", "Arn": self.arn("kms", f"alias/{name}")},
            "AWS::Serverless::Function": {"Arn": self.arn("lambda", f"function:{name}")},
            "AWS::ApiGatewayV2::Api": {"ApiEndpoint": ""},  # locally it is whatever host the caller came by
        }
        return known.get(resource_type, {})
