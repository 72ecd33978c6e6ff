"""0.3 in the proto's words, against a2a-sdk's own conversions: what is written is what they write and read."""

from typing import Any

import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as pb2
from a2a.compat.v0_3 import proto_utils
from a2a.compat.v0_3 import types as v03
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.proto_03 import (
    answer_of_proto,
    config_of_proto,
    event_of_proto,
    is_proto_send,
    is_proto_set,
    proto_answer,
    proto_config,
    proto_send,
    proto_task,
    send_of_proto,
    task_of_proto,
)
from relay.domain.task_events import parse_event

METADATA = {"why": "because", "n": 1.5}
PARTS: list[dict[str, Any]] = [
    {"kind": "text", "text": "hello", "metadata": METADATA},
    {"kind": "data", "data": {"a": {"b": [1.0, "x"]}, "data": {"c": True}}},
    {"kind": "data", "data": {"data": {"c": True}}},
    {"kind": "file", "file": {"bytes": "aGVsbG8=", "mimeType": "text/plain", "name": "f.txt"}},
    {"kind": "file", "file": {"uri": "https://x.example/f", "mimeType": "text/plain", "name": "f.txt"}},
]
MESSAGE: dict[str, Any] = {
    "kind": "message",
    "messageId": "m",
    "contextId": "c",
    "taskId": "t",
    "role": "agent",
    "parts": PARTS,
    "metadata": METADATA,
    "extensions": ["https://x.example/e"],
}
TASK: dict[str, Any] = {
    "kind": "task",
    "id": "t",
    "contextId": "c",
    "status": {"state": "working", "message": MESSAGE},
    "artifacts": [{"artifactId": "a", "name": "n", "description": "d", "parts": PARTS, "metadata": METADATA}],
    "history": [MESSAGE, {**MESSAGE, "role": "user"}],
    "metadata": METADATA,
}
STATES = [state.value for state in v03.TaskState if state is not v03.TaskState.unknown]


def in_state(state: str) -> dict[str, Any]:
    return {**TASK, "status": {**TASK["status"], "state": state}}


def filled(value: Any) -> Any:
    """Without what is empty: the SDK fills in some."""
    if isinstance(value, dict):
        return {name: inner for name, each in value.items() if (inner := filled(each)) not in ({}, [], None, "")}
    return [filled(each) for each in value] if isinstance(value, list) else value


def dumped(model: Any) -> Any:
    return filled(model.model_dump(mode="json", by_alias=True, exclude_none=True))


def as_the_sdk_writes(task: dict[str, Any]) -> Any:
    return MessageToDict(proto_utils.ToProto.task(v03.Task.model_validate(task)))


def parsed(document: dict[str, Any], message: Message) -> Any:
    return ParseDict(document, message)


@pytest.mark.parametrize("state", STATES)
def test_a_task_is_written_as_the_sdk_writes_it(state: str) -> None:
    assert filled(proto_task(in_state(state))) == filled(as_the_sdk_writes(in_state(state)))


@pytest.mark.parametrize("state", STATES)
def test_a_task_of_the_sdk_s_is_read_whole(state: str) -> None:
    assert filled(task_of_proto(as_the_sdk_writes(in_state(state)))) == in_state(state)
    assert filled(answer_of_proto({"task": as_the_sdk_writes(in_state(state))})) == in_state(state)


def test_a_task_is_read_by_the_sdk_strictly() -> None:
    task = parsed(proto_task({**TASK, "status": {"state": "completed", "timestamp": "2026-11-20T12:00:00+01:00"}}), pb2.Task())
    assert (task.status.state, task.status.timestamp.ToJsonString()) == (pb2.TASK_STATE_COMPLETED, "2026-11-20T11:00:00Z")
    assert dumped(proto_utils.FromProto.task(parsed(proto_task(TASK), pb2.Task()))) == TASK


def test_an_answer_is_a_task_or_a_message() -> None:
    assert parsed(proto_answer(TASK), pb2.SendMessageResponse()).task.id == "t"
    assert parsed(proto_answer(MESSAGE), pb2.SendMessageResponse()).msg.message_id == "m"
    assert answer_of_proto(proto_answer(MESSAGE)) == MESSAGE


def test_a_config_is_known_by_its_name() -> None:
    config = {"id": "c", "url": "https://x.example", "token": "t", "authentication": {"schemes": ["Bearer"], "credentials": "s"}}
    told = parsed(proto_config({"taskId": "t", "pushNotificationConfig": config}), pb2.TaskPushNotificationConfig())
    assert dumped(proto_utils.FromProto.task_push_notification_config(told)) == {"taskId": "t", "pushNotificationConfig": config}


# --- what the SDKs' clients send


def _sent(snake_case: bool) -> dict[str, Any]:
    config = v03.PushNotificationConfig(url="https://x.example", token="t", id="c")
    request = pb2.SendMessageRequest(
        request=proto_utils.ToProto.message(v03.Message.model_validate(MESSAGE)),
        configuration=proto_utils.ToProto.message_send_configuration(
            v03.MessageSendConfiguration(accepted_output_modes=["text"], push_notification_config=config, history_length=3, blocking=True)
        ),
        metadata=proto_utils.ToProto.metadata(METADATA),
    )
    return dict(MessageToDict(request, preserving_proto_field_name=snake_case))


@pytest.mark.parametrize("snake_case", [False, True], ids=["a2a-sdk 0.3", "a2a-sdk 1.x"])
def test_a_send_of_the_sdk_s_is_read_whole(snake_case: bool) -> None:
    sent = _sent(snake_case)
    assert is_proto_send(sent)
    read = send_of_proto(sent)
    assert filled(read["message"]) == MESSAGE
    assert read["configuration"] == {
        "acceptedOutputModes": ["text"],
        "pushNotificationConfig": {"url": "https://x.example", "token": "t", "id": "c"},
        "historyLength": 3,
        "blocking": True,
    }
    assert read["metadata"] == METADATA


def test_a_send_is_written_as_the_sdk_writes_it() -> None:
    read = send_of_proto(_sent(snake_case=False))
    assert filled(proto_send(read)) == filled(_sent(snake_case=False))
    parsed(proto_send({"message": MESSAGE, "configuration": {"blocking": False, "returnImmediately": True}}), pb2.SendMessageRequest())


def test_what_a_send_does_not_say_is_the_proto_s_default() -> None:
    assert send_of_proto({"message": {"content": []}})["configuration"] == {"blocking": False}


def test_a_message_without_an_id_stays_without() -> None:
    assert "messageId" not in send_of_proto({"message": {"role": "ROLE_USER", "content": [{"text": "x"}]}})["message"]


def test_a_send_in_0_3_s_own_words_is_none_of_the_proto_s() -> None:
    assert not is_proto_send({"message": MESSAGE, "configuration": {"pushNotificationConfig": {"url": "https://x.example"}}})
    assert not is_proto_set({"url": "https://x.example"})


def test_a_registration_of_the_sdk_s_is_read() -> None:
    config = v03.TaskPushNotificationConfig.model_validate(
        {"taskId": "t", "pushNotificationConfig": {"id": "c", "url": "https://x.example"}}
    )
    request = pb2.CreateTaskPushNotificationConfigRequest(
        parent="tasks/t", config_id="c", config=proto_utils.ToProto.task_push_notification_config(config)
    )
    for snake_case in (False, True):
        said = MessageToDict(request, preserving_proto_field_name=snake_case)
        assert is_proto_set(said)
        assert config_of_proto(said) == {"id": "c", "url": "https://x.example"}
    assert config_of_proto({"configId": "c", "config": {"pushNotificationConfig": {"url": "u"}}}) == {"id": "c", "url": "u"}


NAMES = ["parts", "content", "data", "file", "fileWithBytes", "status", "update", "message", "config", "kind"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["parts", "content", "data", "file", "fileWithBytes", "status", "update", "message", "config", "kind"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from(["message", "request", "configuration", "config", "status", "history", "artifacts", "task"]), JSON)


@given(OBJECT)
def test_any_object_is_read_as_something(document: dict[str, Any]) -> None:
    is_proto_send(document)
    for read in (send_of_proto, config_of_proto, answer_of_proto, task_of_proto):
        assert isinstance(read(document), dict)
    parsed(proto_task(task_of_proto(document)), pb2.Task())


# --- what a stream tells

UPDATE = {"taskId": "t", "contextId": "c"}
ARTIFACT = TASK["artifacts"][0]
EVENTS: list[tuple[type[Any], dict[str, Any]]] = [
    (v03.Task, TASK),
    *(
        (v03.TaskStatusUpdateEvent, {"kind": "status-update", **UPDATE, "final": True, "status": {"state": state, "message": MESSAGE}})
        for state in STATES
    ),
    (v03.TaskArtifactUpdateEvent, {"kind": "artifact-update", **UPDATE, "append": True, "artifact": ARTIFACT}),
    (v03.TaskArtifactUpdateEvent, {"kind": "artifact-update", **UPDATE, "append": False, "artifact": ARTIFACT}),
    (v03.Message, MESSAGE),
]


@pytest.mark.parametrize(("kind", "event"), EVENTS)
def test_what_a_stream_tells_is_read_as_the_event_it_is(kind: type[Any], event: dict[str, Any]) -> None:
    told = proto_utils.ToProto.stream_response(kind.model_validate(event))
    assert parse_event(event_of_proto(MessageToDict(told))) == parse_event(event)


def test_what_is_no_protos_event_stays_as_it_is() -> None:
    event = {"kind": "status-update", **UPDATE, "status": {"state": "working"}}
    assert event_of_proto(event) is event


@pytest.mark.parametrize(
    "body",
    [
        {"request": {"message_id": "m"}},
        {"message": {"messageId": "m", "content": []}},
        {"message": {"messageId": "m", "parts": []}, "configuration": {"pushNotification": {"url": "https://x"}}},
        {"message": {"messageId": "m", "parts": []}, "configuration": {"push_notification": {"url": "https://x"}}},
    ],
)
def test_each_of_the_protos_words_tells_its_send_by_itself(body: dict[str, Any]) -> None:
    assert is_proto_send(body)
    assert not is_proto_send({"message": {"messageId": "m", "parts": []}, "configuration": {"blocking": True}})


def test_a_config_has_its_own_id_or_the_requests() -> None:
    url = {"url": "https://x"}
    assert config_of_proto({"configId": "q", "config": {"pushNotificationConfig": {**url, "id": "own"}}}) == {**url, "id": "own"}
    assert config_of_proto({"configId": "q", "config": {"pushNotificationConfig": url}}) == {**url, "id": "q"}
    assert config_of_proto({"config": {"pushNotificationConfig": url}}) == url


def test_a_config_is_named_by_its_task_and_its_id() -> None:
    config = {"id": "c", "url": "https://x"}
    assert proto_config({"taskId": "t", "pushNotificationConfig": config}) == {
        "name": "tasks/t/pushNotificationConfigs/c",
        "pushNotificationConfig": config,
    }


def test_a_stream_of_the_protos_is_told_in_0_3s_own_words() -> None:
    text = {"kind": "text", "text": "x"}
    update = {
        "taskId": "t",
        "contextId": "c",
        "status": {"state": "TASK_STATE_WORKING", "update": {"messageId": "m", "content": [{"text": "x"}]}},
    }
    told = event_of_proto({"statusUpdate": update})["statusUpdate"]
    assert (told["kind"], told["taskId"], told["contextId"], told["status"]["state"]) == ("status-update", "t", "c", "working")
    assert told["status"]["message"]["parts"] == [text]
    told = event_of_proto({"artifact_update": {"task_id": "t", "artifact": {"artifactId": "a", "parts": [{"text": "x"}]}}})[
        "artifactUpdate"
    ]
    assert (told["kind"], told["taskId"], told["artifact"]) == ("artifact-update", "t", {"artifactId": "a", "parts": [text]})
    assert event_of_proto({"msg": {"messageId": "m", "content": []}}) == {"kind": "message", "messageId": "m", "content": []}
    assert event_of_proto({"else": 1}) == {"else": 1}


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"data": {"data": {"a": 1}}}, {"kind": "data", "data": {"a": 1}}),
        ({"data": {"data": {"a": 1}, "b": 2}}, {"kind": "data", "data": {"data": {"a": 1}, "b": 2}}),
        ({"data": {}}, {"kind": "data", "data": {}}),
        ({"kind": "data", "data": {"data": {"a": 1}}}, {"kind": "data", "data": {"data": {"a": 1}}}),
        ({"kind": "file", "file": {"bytes": "YUdWc2JHOD0="}}, {"kind": "file", "file": {"bytes": "YUdWc2JHOD0="}}),
        ({"file": {"fileWithBytes": "YUdWc2JHOD0="}}, {"kind": "file", "file": {"bytes": "aGVsbG8="}}),
        ({"file": {"fileWithBytes": "not base64!"}}, {"kind": "file", "file": {"bytes": "not base64!"}}),
        ({"file": {"fileWithBytes": "YSFiIWMh"}}, {"kind": "file", "file": {"bytes": "YSFiIWMh"}}),
    ],
)
def test_a_part_of_the_protos_is_read_as_0_3s(part: dict[str, Any], read: dict[str, Any]) -> None:
    task = {"id": "t", "status": {"state": "TASK_STATE_WORKING"}, "artifacts": [{"artifactId": "a", "parts": [part]}]}
    assert task_of_proto(task)["artifacts"] == [{"artifactId": "a", "parts": [read]}]


def test_data_that_is_no_object_is_written_in_one() -> None:
    message = {"messageId": "m", "role": "agent", "parts": [{"data": [1]}, {"data": {"a": 1}}], "referenceTaskIds": ["x"]}
    told = proto_answer({"kind": "message", **message})["message"]
    assert told["content"] == [{"data": {"data": {"value": [1]}}}, {"data": {"data": {"a": 1}}}]
    assert not {"parts", "referenceTaskIds"} & set(told)
