"""uvicorn on a thread of its own, behind a socket that is bound already."""

import socket
import threading

import uvicorn

from relay_dev.front_door import FrontDoor

_LONGEST_END_SECONDS = 2  # for requests in flight when the relay is stopped


class FrontDoorServer:
    def __init__(self, application: FrontDoor, bound: socket.socket) -> None:
        config = uvicorn.Config(
            application,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_LONGEST_END_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._bound = bound
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [bound]}, name="front-door-server", daemon=True)

    def start(self) -> None:
        """Connections are taken from the moment the socket listens; until uvicorn is up they wait."""
        self._bound.listen(128)
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
