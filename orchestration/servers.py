"""The servers of a home: Dagster's web server and daemon, and MLflow; started together, stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lake.settings import PROJECT_DIR, Settings
from orchestration.environment import dagster_home

LOOPBACK = "127.0.0.1"
START_SECONDS = 300
STOP_SECONDS = 20


def free_port(wanted: int) -> int:
    """The wanted port on loopback, or the next one that nobody listens on; 0 takes any.

    Raises:
        OSError: none of the next hundred ports is free.
    """
    for port in [0] if wanted == 0 else range(wanted, wanted + 100):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port from {wanted} to {wanted + 99}")


def dagster_command(port: int) -> list[str]:
    """Web server and daemon with one code server for both."""
    workspace = PROJECT_DIR / "workspace.yaml"
    return [sys.executable, "-m", "dagster", "dev", "-h", LOOPBACK, "-p", str(port), "-w", str(workspace)]


def mlflow_command(settings: Settings, port: int) -> list[str]:
    """MLflow on the home's own store."""
    store = f"sqlite:///{settings.mlflow / 'mlflow.db'}"
    where = ["--backend-store-uri", store, "--default-artifact-root", str(settings.mlflow / "artifacts")]
    return [sys.executable, "-m", "mlflow", "server", *where, "--host", LOOPBACK, "--port", str(port), "--workers", "1"]


@contextmanager
def started(command: list[str], settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in its own process group, its output in a log file; ends the whole group on leaving."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "TWIN_HOME": str(settings.home),
        "DAGSTER_HOME": str(dagster_home(settings.home)),
        # The code location is this project, wherever the command was called.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_DIR), os.environ.get("PYTHONPATH", "")])),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=settings.home, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            _stop(process)


def wait_until_listening(process: subprocess.Popen[bytes], port: int, seconds: float) -> bool:
    """True once somebody listens on the port; False if the process ended or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return True
        time.sleep(0.3)
    return False


FIRST_PAGE = {"MLflow": "/#/experiments?workflowType=machine_learning"}
"""MLflow opens on its pages about language models unless it is told otherwise."""


def serve(settings: Settings, port: int, mlflow_port: int | None, say: Callable[[str], object]) -> None:
    """Start the servers, say where they are, and wait until ctrl-c, SIGTERM, or the end of one of them.

    Raises:
        RuntimeError: a server did not come up; its log says why.
    """
    from contextlib import ExitStack

    settings.home.mkdir(parents=True, exist_ok=True)
    logs = settings.home / "logs"
    wanted = [("Dagster", dagster_command(port := free_port(port)), port)]
    if mlflow_port is not None:
        (settings.mlflow / "artifacts").mkdir(parents=True, exist_ok=True)
        wanted.append(("MLflow", mlflow_command(settings, mlflow_port := free_port(mlflow_port)), mlflow_port))
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with ExitStack() as stack:
            running = []
            for name, command, _ in wanted:
                process = stack.enter_context(started(command, settings, logs / f"{name.lower()}.log"))
                running.append((name, process))
            for (name, process), (_, _, where) in zip(running, wanted, strict=True):
                if not wait_until_listening(process, where, START_SECONDS):
                    raise RuntimeError(f"{name} did not start; see {logs / f'{name.lower()}.log'}")
                say(f"{name:8} http://{LOOPBACK}:{where}{FIRST_PAGE.get(name, '')}")
            say(f"Logs: {logs}. Press ctrl-c to stop.")
            try:
                while all(process.poll() is None for _, process in running):
                    time.sleep(0.5)
                ended = next(name for name, process in running if process.poll() is not None)
            finally:
                for _, process in running:
                    _ask_to_end(process)
            raise RuntimeError(f"{ended} ended by itself; see {logs / f'{ended.lower()}.log'}")
    except KeyboardInterrupt:
        say("Stopped.")
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _ask_to_end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, then see to it that none of its children stays, also where nobody waits for it."""
    try:
        _ask_to_end(process)
        process.wait(STOP_SECONDS)
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(0.5)
    except (subprocess.TimeoutExpired, ProcessLookupError, KeyboardInterrupt):
        pass
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
