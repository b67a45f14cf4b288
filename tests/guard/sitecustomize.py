"""Refuse every connection and name look-up beyond this machine.

Python imports a module of this name at start-up, so a test that puts this folder on ``PYTHONPATH`` guards the whole
tree of processes it starts; `tests/conftest.py` guards the test process itself.
"""

import sys
from typing import Any

LOCAL = {"localhost", "127.0.0.1", "::1", "", "0.0.0.0", None}


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: local sockets pass, all others raise."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""
    else:
        return
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host not in LOCAL and not str(host).startswith("127."):
        raise PermissionError(f"the network is closed in tests, and something tried {event} to {host!r}")


sys.addaudithook(refuse)
