"""Everything that can be answered as a protocol error.

    RelayError
    ├── ParseError                    -32700
    ├── InvalidRequestError           -32600
    │   └── BodyTooLargeError         -32600  HTTP 413
    ├── MethodNotFoundError           -32601
    ├── InvalidParamsError            -32602  names the field
    │   └── WebhookHostError          -32602  (knows the operator's parameter that decides)
    ├── OwnerCapError                 -32602  HTTP 429, reason OWNER_CAP_REACHED
    ├── InternalError                 -32603
    │   ├── UpstreamUnavailableError          reason UPSTREAM_UNAVAILABLE
    │   │   └── UpstreamBusyError             (HTTP 429 or 503; knows when to come back)
    │   ├── UpstreamTimeoutError              reason UPSTREAM_TIMEOUT
    │   ├── UpstreamTooLargeError             reason UPSTREAM_ANSWER_TOO_LARGE
    │   ├── UpstreamRefusedError              reason UPSTREAM_REFUSED (the agent's own JSON-RPC error)
    │   └── UpstreamForbiddenError            HTTP 403, as the agent said (never JSON-RPC)
    │       └── UpstreamUnauthenticatedError  HTTP 401, as the agent said (never JSON-RPC)
    ├── ConfigNotFoundError           -32000  in PraisonAI's dialect alone; elsewhere a task not found
    ├── TaskNotFoundError             -32001
    ├── TaskNotCancelableError        -32002
    ├── UnsupportedOperationError     -32004
    ├── ContentTypeNotSupportedError  -32005
    │   └── UnsupportedMediaTypeError -32005  HTTP 415 (what an agent reports)
    ├── InvalidAgentResponseError     -32006
    ├── ExtendedCardNotConfiguredError  -32007
    ├── VersionNotSupportedError      -32009
    ├── AgentNotFoundError            HTTP 404 (no such address at this relay; never JSON-RPC)
    ├── ForbiddenError                HTTP 403 (the relay's own door; never JSON-RPC)
    └── UnauthenticatedError          HTTP 401 (the relay's own door; never JSON-RPC)

Source: A2A 1.0 §5.4 and §9.5 (`reason` is the error's name in UPPER_SNAKE without "Error").
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar


class RelayError(Exception):
    """What the caller is told: a sentence that says what is wrong and what to do; never a secret."""

    code: ClassVar[int] = -32603
    http_status: ClassVar[int] = 500
    grpc_status: ClassVar[str] = "INTERNAL"
    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})


class ParseError(RelayError):
    code, http_status, grpc_status, reason = -32700, 400, "INVALID_ARGUMENT", "JSON_PARSE"


class InvalidRequestError(RelayError):
    code, http_status, grpc_status, reason = -32600, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"


class BodyTooLargeError(InvalidRequestError):
    code, http_status = -32600, 413


class MethodNotFoundError(RelayError):
    code, http_status, grpc_status, reason = -32601, 404, "NOT_FOUND", "METHOD_NOT_FOUND"


class InvalidParamsError(RelayError):
    """`field` is the path of the offending parameter as the caller wrote it, such as `pushNotificationConfig.url`."""

    code, http_status, grpc_status, reason = -32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, metadata={"field": field})
        self.field = field


class WebhookHostError(InvalidParamsError):
    """No webhook may lead to this host. `parameter`, of template.yaml, is what decides that: for the operator's log, no caller is told."""

    code = -32602

    def __init__(self, message: str, *, field: str, parameter: str) -> None:
        super().__init__(message, field=field)
        self.parameter = parameter


class OwnerCapError(RelayError):
    """The owner has registered as much as it may until then; nothing is wrong with the call itself."""

    code, http_status, grpc_status, reason = -32602, 429, "RESOURCE_EXHAUSTED", "OWNER_CAP_REACHED"

    def __init__(self, message: str, *, until: datetime, metadata: Mapping[str, str]) -> None:
        super().__init__(message, metadata=metadata)
        self.until = until


class InternalError(RelayError):
    pass


class UpstreamUnavailableError(InternalError):
    http_status, grpc_status, reason = 502, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"


class UpstreamBusyError(UpstreamUnavailableError):
    """The agent is there and asks for less. `retry_after` is its own word, None when it said nothing."""

    http_status = 503

    def __init__(self, message: str, *, retry_after: timedelta | None, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message, metadata=metadata)
        self.retry_after = retry_after


class UpstreamTimeoutError(InternalError):
    http_status, grpc_status, reason = 504, "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"


class UpstreamTooLargeError(InternalError):
    http_status, reason = 502, "UPSTREAM_ANSWER_TOO_LARGE"


class UpstreamRefusedError(InternalError):
    """The agent answered the relay's own call with an error. Its words stay out of `message`: an agent may quote what it was sent."""

    http_status, reason = 502, "UPSTREAM_REFUSED"

    def __init__(self, message: str, *, agent_code: int, agent_message: str) -> None:
        super().__init__(message, metadata={"code": str(agent_code)})
        self.agent_code = agent_code
        self.agent_message = agent_message


class UpstreamForbiddenError(InternalError):
    http_status, grpc_status, reason = 403, "PERMISSION_DENIED", "UPSTREAM_FORBIDDEN"


class UpstreamUnauthenticatedError(UpstreamForbiddenError):
    http_status, grpc_status, reason = 401, "UNAUTHENTICATED", "UPSTREAM_UNAUTHENTICATED"


class TaskNotFoundError(RelayError):
    code, http_status, grpc_status, reason = -32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"


class ConfigNotFoundError(RelayError):
    code, http_status, grpc_status, reason = -32000, 404, "NOT_FOUND", "CONFIG_NOT_FOUND"


class TaskNotCancelableError(RelayError):
    code, http_status, grpc_status, reason = -32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE"


class UnsupportedOperationError(RelayError):
    code, http_status, grpc_status, reason = -32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION"


class ContentTypeNotSupportedError(RelayError):
    code, http_status, grpc_status, reason = -32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED"


class UnsupportedMediaTypeError(ContentTypeNotSupportedError):
    code, http_status = -32005, 415


class InvalidAgentResponseError(RelayError):
    code, http_status, grpc_status, reason = -32006, 500, "INTERNAL", "INVALID_AGENT_RESPONSE"


class ExtendedCardNotConfiguredError(RelayError):
    """In 0.3, which has but this error for it: in 1.0 a card that no card promises is unsupported."""

    code, http_status, grpc_status, reason = -32007, 404, "NOT_FOUND", "EXTENDED_AGENT_CARD_NOT_CONFIGURED"


class VersionNotSupportedError(RelayError):
    code, http_status, grpc_status, reason = -32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED"


class UnauthenticatedError(RelayError):
    http_status, grpc_status, reason = 401, "UNAUTHENTICATED", "UNAUTHENTICATED"


class ForbiddenError(RelayError):
    http_status, grpc_status, reason = 403, "PERMISSION_DENIED", "FORBIDDEN"


class AgentNotFoundError(RelayError):
    """Unknown, another owner's, or not for this key: the caller is told the same."""

    http_status, grpc_status, reason = 404, "NOT_FOUND", "AGENT_NOT_FOUND"

    def __init__(self, agent: str) -> None:
        super().__init__(f"There is no agent named {agent!r} at this relay.")
