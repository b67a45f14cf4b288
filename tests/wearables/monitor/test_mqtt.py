"""Readings over MQTT: paho as producer and as listener, over a socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lake.settings import Settings
from orchestration.cli import app
from tests.wearables.monitor import broker as brokers
from wearables.monitor import mqtt
from wearables.monitor.mqtt import Broker, NoBroker, listening
from wearables.monitor.store import Store
from wearables.monitor.watch import Places, watch

paho = pytest.importorskip("paho.mqtt.client")


@pytest.fixture
def server() -> Iterator[brokers.Server]:
    with brokers.running() as running:
        yield running


def messages() -> list[bytes]:
    now = datetime.now(UTC)
    rows = [
        {"person": "P", "metric": "glucose", "at": (now - timedelta(minutes=5 * n)).isoformat(), "value": 50,
         "unit": "mg/dL"}
        for n in (4, 3, 2, 1, 0)
    ]  # fmt: skip
    return [json.dumps(row).encode() for row in rows]


def publish(server: brokers.Server, payloads: list[bytes]) -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    for payload in payloads:
        client.publish("home/readings/P", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "nothing happened for 20 s"
        time.sleep(0.01)


def test_messages_become_alarms_and_none_is_lost_or_counted_twice(
    server: brokers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two messages come while nobody listens, and the disk fails at the first attempt to keep one."""
    places = Places.of(Settings(home=tmp_path))
    source = Broker.of(f"mqtt://127.0.0.1:{server.port}/home/readings/#")
    payloads = messages()
    publish(server, payloads[:2])
    whole = mqtt.keep
    monkeypatch.setattr(mqtt, "keep", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with listening(source, places.incoming) as check:
        until(lambda: bool(server.topics))
        with pytest.raises(OSError, match="disk full"):
            until(lambda: check() is not None)
    assert len(server.waiting) == 2
    monkeypatch.setattr(mqtt, "keep", whole)
    with listening(source, places.incoming) as check:
        publish(server, [*payloads[2:], payloads[0]])
        until(lambda: not server.waiting)
        check()
    assert server.topics == ["home/readings/#"] * 2
    told = []
    assert watch(places, told.append, once=True) == 5
    assert [one.rule for one in told] == ["glucose_below_70", "glucose_below_54"]
    store = Store(places.store)
    assert len(store.rows("reading")) == 5
    store.close()


def test_who_cannot_listen_is_told(server: brokers.Server, tmp_path: Path) -> None:
    server.refuses = True
    with (
        listening(Broker.of(f"mqtt://u@127.0.0.1:{server.port}/a"), tmp_path, "wrong") as check,
        pytest.raises(NoBroker, match="Not authorized"),
    ):
        until(lambda: check() is not None)
    server.server_close()
    with pytest.raises(NoBroker, match="no broker at"), listening(Broker("127.0.0.1", 1, "a"), tmp_path):
        pass


@pytest.mark.parametrize("address", ["localhost/a", "mqtt://localhost", "http://localhost/a", "mqtt://u:p@localhost/a"])
def test_an_address_that_is_none(address: str) -> None:
    found = CliRunner().invoke(app, ["watch", "--mqtt", address, "--once"])
    assert (found.exit_code, "mqtt://[user@]host[:port]/topic" in found.output.replace("\n", "")) == (2, True)
    assert Broker.of("mqtts://me@example.org/a/+/b#") == Broker("example.org", 8883, "a/+/b#", "me", True)
