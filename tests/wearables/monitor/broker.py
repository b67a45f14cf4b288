"""A broker of MQTT 3.1.1 on loopback, just enough of it: QoS 1 and sessions that outlive a connection.

OASIS, MQTT Version 3.1.1 (2014): control packets of chapter 3. One subscriber; every topic is his.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Session(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        try:
            while head := self.rfile.read(1):
                body = self.rfile.read(self._length())
                kind = head[0] >> 4
                if kind == 1:  # CONNECT
                    self.wfile.write(b"\x20\x02\x00" + (b"\x05" if self.server.refuses else b"\x00"))
                elif kind == 3:  # PUBLISH
                    place = 2 + struct.unpack(">H", body[:2])[0]
                    if head[0] & 6:
                        self.wfile.write(b"\x40\x02" + body[place : place + 2])
                        place += 2
                    self.server.publish(body[2 : 2 + struct.unpack(">H", body[:2])[0]], body[place:])
                elif kind == 4:  # PUBACK
                    self.server.waiting.pop(struct.unpack(">H", body[:2])[0], None)
                elif kind == 8:  # SUBSCRIBE
                    self.server.topics.append(body[4:-1].decode())
                    self.wfile.write(b"\x90\x03" + body[:2] + b"\x01")
                    self.server.subscribe(self)
                elif kind == 12:  # PINGREQ
                    self.wfile.write(b"\xd0\x00")
                elif kind == 14:  # DISCONNECT
                    return
        except ConnectionError:
            pass
        finally:
            if self.server.subscriber is self:
                self.server.subscriber = None

    def _length(self) -> int:
        """Remaining length: seven bits a byte, lowest first."""
        total, shift = 0, 0
        while True:
            byte = self.rfile.read(1)[0]
            total |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return total

    def send(self, mid: int, topic: bytes, payload: bytes) -> None:
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", mid) + payload
        length, left = b"", len(body)
        while True:
            left, part = left >> 7, left & 127
            length += bytes([part | (128 if left else 0)])
            if not left:
                break
        self.wfile.write(b"\x32" + length + body)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.subscriber: Session | None = None
        self.waiting: dict[int, tuple[bytes, bytes]] = {}
        self.topics: list[str] = []
        self.refuses = False
        self.sent = 0
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def publish(self, topic: bytes, payload: bytes) -> None:
        with self._lock:
            self.sent += 1
            self.waiting[self.sent] = (topic, payload)
            if self.subscriber is not None:
                self.subscriber.send(self.sent, topic, payload)

    def subscribe(self, session: Session) -> None:
        """Everything that was not acknowledged goes out again."""
        with self._lock:
            self.subscriber = session
            for mid, (topic, payload) in list(self.waiting.items()):
                session.send(mid, topic, payload)

    def handle_error(self, *_: Any) -> None:
        return


@contextmanager
def running() -> Iterator[Server]:
    """A broker until the block ends."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
