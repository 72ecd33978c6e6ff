"""Jobs at the same time, and connections that stay warm between runs."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from relay.adapters.webhook import MAX_JOBS_AT_ONCE, Post, WebhookClient
from relay.domain.outcome import Outcome, OutcomeKind
from tests.integration.loopback import DEADLINE, OK, Receiver, Request, closes_after, says

LONG = timedelta(seconds=DEADLINE)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> Iterator[WebhookClient]:
    client = WebhookClient(now=clock)
    yield client
    client.close()


def posting(client: WebhookClient, url: str, *, body: bytes = b"", timeout: timedelta = LONG) -> Callable[[], Outcome]:
    post = Post(url, (), body, timeout, allow_private=True)
    return lambda: client.post(post)


def kinds(results: list[Outcome | BaseException]) -> list[OutcomeKind]:
    return [result.kind for result in results if isinstance(result, Outcome)]


def test_results_come_in_the_order_of_the_jobs(client: WebhookClient) -> None:
    first_may_end = threading.Event()

    def first() -> int:
        assert first_may_end.wait(DEADLINE)
        return 1

    def second() -> int:
        first_may_end.set()
        return 2

    assert client.run([first, second, lambda: 3]) == [1, 2, 3]
    assert client.run([]) == []


def test_exceptions_of_jobs_are_results_and_stop_no_other(client: WebhookClient) -> None:
    def raising(error: BaseException) -> Callable[[], Outcome]:
        def job() -> Outcome:
            raise error

        return job

    class Empty(Exception):  # noqa: N818 -- an exception that counts as false
        def __len__(self) -> int:
            return 0

    errors = [ValueError("a"), SystemExit(1), KeyboardInterrupt(), Empty()]
    with Receiver(says(OK)) as receiver:
        results = client.run([*map(raising, errors), posting(client, receiver.url())])
    assert results[:4] == errors
    assert kinds(results[4:]) == [OutcomeKind.DELIVERED]


def test_one_hanging_receiver_delays_no_other(client: WebhookClient) -> None:
    others_are_done = threading.Event()
    done: list[Outcome] = []

    def hang(connection: socket.socket, _request: Request) -> None:
        assert others_are_done.wait(DEADLINE)
        connection.sendall(OK)

    with Receiver(hang) as hanging, Receiver(says(OK)) as receiver:

        def job() -> Outcome:
            outcome = client.post(Post(receiver.url(), (), b"", LONG, allow_private=True))
            done.append(outcome)
            if len(done) == 19:
                others_are_done.set()
            return outcome

        results = client.run([posting(client, hanging.url()), *[job] * 19])
    assert kinds(results) == [OutcomeKind.DELIVERED] * 20


def test_ten_posts_are_in_flight_at_once_and_never_more(client: WebhookClient) -> None:
    together = threading.Barrier(MAX_JOBS_AT_ONCE, timeout=DEADLINE)
    working: set[int] = set()
    most = 0

    def meet(connection: socket.socket, _request: Request) -> None:
        together.wait()
        connection.sendall(OK)

    with Receiver(meet) as receiver:

        def job() -> Outcome:
            nonlocal most
            working.add(threading.get_ident())
            most = max(most, len(working))
            outcome = client.post(Post(receiver.url(), (), b"", LONG, allow_private=True))
            working.discard(threading.get_ident())
            return outcome

        results = client.run([job] * (3 * MAX_JOBS_AT_ONCE))
    assert kinds(results) == [OutcomeKind.DELIVERED] * 30
    assert most == MAX_JOBS_AT_ONCE


def test_posts_of_one_job_go_one_after_the_other_on_one_connection(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:

        def job() -> list[Outcome]:
            return [posting(client, receiver.url(), body=b"%d" % number)() for number in range(5)]

        [outcomes] = client.run([job])
    assert isinstance(outcomes, list)
    assert kinds([*outcomes]) == [OutcomeKind.DELIVERED] * 5
    assert [(request.body, request.connection) for request in receiver.requests] == [(b"%d" % number, 1) for number in range(5)]


def test_connections_stay_warm_between_runs_and_threads_do_not(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        client.run([posting(client, receiver.url())])
        threads = {thread.name for thread in threading.enumerate()}
        client.run([posting(client, receiver.url())])
    assert [request.connection for request in receiver.requests] == [1, 1]
    assert not any(name.startswith("webhook") for name in threads)


def test_connection_closed_by_the_receiver_meanwhile_does_no_harm(client: WebhookClient) -> None:
    with Receiver(closes_after(OK)) as receiver:
        results = [client.run([posting(client, receiver.url())])[0] for _ in range(3)]
    assert kinds(results) == [OutcomeKind.DELIVERED] * 3
    assert [request.connection for request in receiver.requests] == [1, 2, 3]


@pytest.mark.parametrize("with_reset", [False, True])
def test_connection_that_dies_under_the_next_post_is_replaced(client: WebhookClient, with_reset: bool) -> None:
    def once(connection: socket.socket, request: Request) -> None:
        if receiver.requests[-2:-1] and receiver.requests[-2].connection == request.connection:
            if with_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            else:
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            raise EOFError
        connection.sendall(OK)

    with Receiver(once) as receiver:
        results = [client.run([posting(client, receiver.url(), body=b"%d" % number)])[0] for number in range(2)]
    assert kinds(results) == [OutcomeKind.DELIVERED] * 2
    assert [(request.body, request.connection) for request in receiver.requests] == [(b"0", 1), (b"1", 1), (b"1", 2)]


def test_connections_idle_for_a_minute_by_the_wall_clock_are_dropped(client: WebhookClient, clock: Clock) -> None:
    with Receiver(says(OK)) as receiver:
        for seconds in (0, 60, 61, 0):
            clock.now += timedelta(seconds=seconds)
            client.run([posting(client, receiver.url())])
    assert [request.connection for request in receiver.requests] == [1, 1, 2, 2]


def test_post_outside_of_a_run_is_an_error(client: WebhookClient) -> None:
    with pytest.raises(RuntimeError, match="job of a run"):
        posting(client, "http://127.0.0.1:1/")()


def test_second_run_waits_for_the_first(client: WebhookClient) -> None:
    first_has_begun, first_may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        first_has_begun.set()
        assert first_may_end.wait(DEADLINE)
        order.append("first")

    def second() -> None:
        order.append("second")

    one = threading.Thread(target=client.run, args=([first],))
    other = threading.Thread(target=client.run, args=([second],))
    one.start()
    assert first_has_begun.wait(DEADLINE)
    other.start()
    first_may_end.set()
    one.join(DEADLINE)
    other.join(DEADLINE)
    assert order == ["first", "second"]


def test_interrupted_run_leaves_no_job_waiting(client: WebhookClient) -> None:
    errors: list[BaseException] = []

    def interrupt(_connection: socket.socket, _request: Request) -> None:
        identity = threading.main_thread().ident
        assert identity is not None
        signal.pthread_kill(identity, signal.SIGINT)

    with Receiver(interrupt) as receiver:

        def job() -> None:
            try:
                posting(client, receiver.url())()
            except RuntimeError as error:
                errors.append(error)

        with pytest.raises(KeyboardInterrupt):
            client.run([job])
        assert [str(error) for error in errors] == ["the run ended before the POST did"]
    with Receiver(says(OK)) as receiver:
        assert kinds(client.run([posting(client, receiver.url())])) == [OutcomeKind.DELIVERED]


def test_private_and_public_posts_share_a_run(client: WebhookClient) -> None:
    with Receiver(says(OK)) as receiver:
        public = Post(receiver.url(), (), b"", LONG)
        results = client.run([posting(client, receiver.url()), lambda: client.post(public)] * 5)
    assert kinds(results) == [OutcomeKind.DELIVERED, OutcomeKind.BLOCKED_ADDRESS] * 5
