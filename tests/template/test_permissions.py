"""Rules on template.yaml: what each function may do."""

from urllib.parse import quote

import pytest

from relay.domain.keys import KEY_PARTITION, AgentKey
from tests.template.stack import STACK, as_list, find, referred

FUNCTIONS = sorted(STACK.functions)
SOURCE_QUEUES = sorted(STACK.source_queues)
X_RAY = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_runs_under_a_role_of_its_own_that_holds_no_managed_policy_but_x_ray(name: str) -> None:
    """SAM's generated roles attach managed policies for event sources: they hold for every queue and stream of the account."""
    role = referred(STACK.functions[name]["Role"])
    assert [function for function in FUNCTIONS if referred(STACK.functions[function]["Role"]) == role] == [name]
    assert STACK.resources[role]["Properties"]["ManagedPolicyArns"] == [X_RAY]


def test_no_statement_holds_for_every_resource() -> None:
    wide = [path for path, resource in find(STACK.resources, "Resource") if "*" in as_list(resource)]
    assert wide == []


def test_no_statement_allows_every_action_of_a_service() -> None:
    allowed = [statement for name in STACK.of_type("AWS::IAM::Role") for statement in STACK.statements(name)]
    assert [action for statement in allowed for action in as_list(statement["Action"]) if action == "*" or action.endswith(":*")] == []


def test_only_deliver_announces_webhooks_given_up() -> None:
    assert STACK.roles_that_may("sqs:SendMessage", "WebhookDeadLetterQueue") == {"DeliverRole"}


@pytest.mark.parametrize("queue", SOURCE_QUEUES)
def test_only_its_function_receives_from_a_queue(queue: str) -> None:
    role = referred(STACK.functions[STACK.source_queues[queue]]["Role"])
    assert STACK.roles_that_may("sqs:ReceiveMessage", queue) == {role}


def test_deliver_cannot_reach_the_agents_credential_or_the_relay_key() -> None:
    assert STACK.roles_that_may("secretsmanager:GetSecretValue", "RelayKeySecret") == {"ApiRole"}
    assert STACK.roles_that_may("secretsmanager:GetSecretValue", "UpstreamCredentialSecret") == {
        "ApiRole",
        "WatchRole",
        "WorkerRole",
        "StreamRole",
    }


def test_only_what_signs_or_publishes_the_keys_reads_the_signing_secret() -> None:
    assert STACK.roles_that_may("secretsmanager:GetSecretValue", "SigningSecret") == {"ApiRole", "DeliverRole"}


def test_those_that_go_on_without_a_task_that_is_gone_are_told_so_by_the_bucket() -> None:
    """To others S3 says that access is denied (`BlobMissingError`)."""
    assert STACK.roles_that_may("s3:ListBucket", "RelayBucket") == {"DeliverRole", "WatchRole"}


@pytest.mark.parametrize("action", ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"])
def test_a_function_that_writes_to_the_table_cannot_make_or_change_a_relay_key_or_an_agent(action: str) -> None:
    """The table's rights are for all of it; a function that was taken over must not let others in."""
    partitions = {KEY_PARTITION, AgentKey("*", "").partition.replace(quote("*"), "*")}
    writers = STACK.roles_that_may(action, "RelayTable")
    assert writers
    for role in writers:
        denied = [each for each in STACK.statements(role) if each["Effect"] == "Deny" and action in each["Action"]]
        assert [set(each["Condition"]["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"]) for each in denied] == [partitions]
        assert [referred(each["Resource"]) for each in denied] == ["RelayTable"]
