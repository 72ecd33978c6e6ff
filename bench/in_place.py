"""AWS in this process: botocore's requests are answered in place of the network."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from bench.table import ConditionFailedError


def answered(request: Any, ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> AWSResponse:
    """For botocore's event `before-send`. `ask` may raise a ConditionFailedError."""
    operation = request.headers["X-Amz-Target"]
    operation = (operation.decode() if isinstance(operation, bytes) else operation).rpartition(".")[2]
    try:
        status, answer = 200, ask(operation, json.loads(request.body))
    except ConditionFailedError as error:
        name = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
        status, answer = 400, {"__type": name, "message": str(error), **({"Item": error.old} if error.old else {})}
    return AWSResponse(request.url, status, HTTPHeaders(), _Raw(json.dumps(answer).encode()))


class _Raw(io.BytesIO):
    """An answer's body, as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
