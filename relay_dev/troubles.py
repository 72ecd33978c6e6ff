"""What an operator's command meets outside of it, as one sentence for the person at the terminal, with what to do where that is known."""

from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError, SSOError, TokenRetrievalError

from relay.adapters.aws_errors import AWS_ERRORS
from relay.adapters.queues import NotSentError
from relay.adapters.secrets import SecretError
from relay.adapters.signing_keys import SigningKeyError
from relay.adapters.table.connection import TableBusyError
from relay.adapters.table.items import UnknownItemError
from relay.adapters.vault import VaultError
from relay.domain.errors import RelayError

TROUBLES = (*AWS_ERRORS, NotSentError, RelayError, SecretError, SigningKeyError, TableBusyError, UnknownItemError, VaultError)

_LOG_IN = "log in again (such as `aws sso login`), or name another profile with AWS_PROFILE"
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch")


def told(error: BaseException) -> str:
    """Of one of TROUBLES; with the refusal of AWS behind it, if there is one."""
    if isinstance(error, NoRegionError):
        return "no AWS region is named: set AWS_REGION, or AWS_PROFILE to a profile that has one"
    if isinstance(error, NoCredentialsError):
        return "no AWS credentials are found: set AWS_PROFILE to a profile that has some, or make one with `aws configure`"
    if isinstance(error, SSOError | TokenRetrievalError):
        return f"your AWS credentials cannot be used: {_in_one_line(error)}; {_LOG_IN}"
    if isinstance(error, ClientError):
        return _refused(error)
    cause = error.__cause__
    return f"{_in_one_line(error)}: {told(cause)}" if isinstance(cause, AWS_ERRORS) else _in_one_line(error)


def is_missing_stack(error: BaseException) -> bool:
    """CloudFormation has no code of its own for that."""
    return isinstance(error, ClientError) and _code(error) == "ValidationError" and "does not exist" in str(error)


def _refused(error: ClientError) -> str:
    if _code(error) in _EXPIRED:
        return f"your AWS credentials have expired: {_LOG_IN}"
    if _code(error) in _UNKNOWN:
        return f"AWS does not take your credentials ({_code(error)}): {_LOG_IN}"
    return _in_one_line(error)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
