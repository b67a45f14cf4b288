"""Servers end with those who started them."""

from __future__ import annotations

import sys

import pytest

from lake.settings import Settings
from orchestration import servers

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def test_a_server_that_does_not_listen_is_ended_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.1)
    settings.home.mkdir(parents=True)
    with servers.started([sys.executable, "-c", STUBBORN], settings, settings.home / "logs" / "server.log") as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_a_second_interrupt_while_stopping_leaves_nothing_behind(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    settings.home.mkdir(parents=True)
    with servers.started([sys.executable, "-c", STUBBORN], settings, settings.home / "logs" / "server.log") as process:
        monkeypatch.setattr(servers, "_ask_to_end", interrupted)
    assert process.returncode is not None
