"""Readings over MQTT: each message becomes a file in the folder that the monitor tails, and only then is acknowledged.

The session is kept by the broker (QoS 1), so that what arrives while nobody listens, or what was not on disk when the
process died, is delivered again; the same content again is the same file. Needs the extra ``mqtt`` (paho-mqtt).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lake.files import replacing

CLIENT_ID = "human-twin-monitor"
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class NoBroker(Exception):
    """The broker cannot be reached, or refuses."""


@dataclass(frozen=True)
class Broker:
    """Where messages come from.

    Attributes:
        topic: filter of topics, ``+`` and ``#`` as in MQTT.
        is_encrypted: TLS with the system's certificates.
    """

    host: str
    port: int
    topic: str
    user: str | None = None
    is_encrypted: bool = False

    @classmethod
    def of(cls, address: str) -> Broker:
        """Read ``mqtt://[user@]host[:port]/topic`` (``mqtts`` for TLS); a password does not belong into it.

        Raises:
            ValueError: it is not of this form.
        """
        parts = urlsplit(address, allow_fragments=False)  # `#` ends a filter of topics
        topic = parts.path.lstrip("/")
        if parts.scheme not in _PORTS or not parts.hostname or not topic or parts.password:
            raise ValueError("expected mqtt://[user@]host[:port]/topic, such as mqtt://localhost/readings/#")
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.hostname, port, topic, parts.username, parts.scheme == "mqtts")


@contextmanager
def listening(
    broker: Broker, incoming: Path, password: str | None = None, client_id: str = CLIENT_ID
) -> Iterator[Callable[[], None]]:
    """Listen in the background; yields a check that raises what went wrong there.

    Args:
        broker: where to subscribe.
        incoming: folder that the monitor tails.
        password: of ``broker.user``.
        client_id: names the session that the broker keeps; two monitors need two names.

    Raises:
        ImportError: the extra ``mqtt`` is not installed.
        NoBroker: no connection at the start; later ones are tried again by themselves.
    """
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion

    incoming.mkdir(parents=True, exist_ok=True)
    failed: list[Exception] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
    if broker.user:
        client.username_pw_set(broker.user, password)
    if broker.is_encrypted:
        client.tls_set()

    def connected(_client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            failed.append(NoBroker(f"{broker.host}:{broker.port} refuses: {reason}"))
        else:
            client.subscribe(broker.topic, qos=1)

    def received(_client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            keep(bytes(message.payload), incoming)
            client.ack(message.mid, message.qos)
        except OSError as error:  # not acknowledged: the broker delivers it again
            failed.append(error)

    def check() -> None:
        if failed:
            raise failed[0]

    client.on_connect, client.on_message = connected, received
    try:
        client.connect(broker.host, broker.port)
    except OSError as error:
        raise NoBroker(f"no broker at {broker.host}:{broker.port}: {error.strerror or error}") from None
    client.loop_start()
    try:
        yield check
    finally:
        client.disconnect()
        client.loop_stop()


def keep(payload: bytes, incoming: Path) -> None:
    """Write a message as a file, durably; its name is the hash of its content."""
    target = incoming / f"mqtt-{hashlib.sha256(payload).hexdigest()[:32]}.ndjson"
    if payload and not target.exists():
        with replacing(target) as draft:
            draft.write_bytes(payload)
