"""``twin watch`` and ``twin alarms``: the resident monitor, its alarms, and its rules over history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    from wearables.monitor.rule import Alarm
    from wearables.monitor.rules import AnyRule

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Alarms of the resident monitor.", rich_markup_mode="rich")

Rules = Annotated[Path | None, typer.Option("--rules", help="YAML of rules, in place of the platform's own.")]
SHOWN = 50


def watch(
    once: Annotated[bool, typer.Option("--once", help="Take in what is there, and stop.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="Stop after this time.")] = None,
    rules: Rules = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            "--mqtt",
            help="Listen there, too: mqtt://[user@]host[:port]/topic (mqtts for TLS); needs the extra mqtt.",
        ),
    ] = None,
    password: Annotated[
        str | None, typer.Option(envvar="TWIN_MQTT_PASSWORD", hidden=True, help="Of the broker's user.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Watch TWIN_HOME/hot/incoming: take in files of readings as they appear, and print alarms; ctrl-c stops.

    A file holds one JSON object a line: person, metric, at (ISO 8601 with zone), value, unit. Write it as name.part and
    rename it. Files that were taken in move to TWIN_HOME/hot/taken. A message of MQTT is such a file; the password of
    its user comes from the environment (TWIN_MQTT_PASSWORD). Research use, not for care.

    Example: twin watch --json
    """
    from wearables.monitor.mqtt import NoBroker
    from wearables.monitor.watch import Places
    from wearables.monitor.watch import watch as run

    chosen = _rules(rules)
    started = time.monotonic()

    def tell(alarm: Alarm) -> None:
        if as_json:
            typer.echo(json.dumps(_row(alarm), default=str))
        else:
            row = _row(alarm)
            age = f"{row['age_s']:.0f} s old{', late' if alarm.is_late else ''}"
            console().print(
                f"{row['at']} ({age})  {row['severity']:8} {row['person']}  {row['rule']}  {row['evidence']}",
                markup=False,
            )

    def complain(told: str) -> None:
        typer.echo(told, err=True)

    places = Places.of(settings())
    listener = _listener(mqtt, password, places.incoming) if mqtt else nullcontext(lambda: None)

    def is_over() -> bool:
        check()
        return seconds is not None and time.monotonic() - started >= seconds

    try:
        with listener as check:
            number = run(places, tell, chosen, complain=complain, once=once, until=is_over)
    except ImportError:
        raise WrongUsage("MQTT needs paho-mqtt: pip install 'human-twin[mqtt]'") from None
    except (NoBroker, OSError) as error:
        raise BadData(str(error)) from None
    except KeyboardInterrupt:
        return
    if not as_json:
        console().print(f"{number} {'file' if number == 1 else 'files'} taken in")


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """The alarms so far, newest first.

    Example: twin alarms list --json
    """
    from wearables.monitor.store import Store
    from wearables.monitor.watch import Places

    places = Places.of(settings())
    if not places.store.exists():
        raise BadData("the monitor has not run in this home; `twin watch` starts it")
    store = Store(places.store)
    rows = sorted(store.rows("alarm"), key=lambda row: -row["at"])
    store.close()
    shown = [
        {**row, **{name: _time(row[name]) for name in ("began", "at", "received_at", "committed_at")},
         "evidence": json.loads(row["evidence"]), "is_late": bool(row["is_late"])}
        for row in rows
    ]  # fmt: skip
    if as_json:
        print_json(shown)
    else:
        header = ("at (UTC)", "severity", "person", "rule", "evidence")
        print_table(
            header, [(one["at"], one["severity"], one["person"], one["rule"], one["evidence"]) for one in shown[:SHOWN]]
        )


@app.command()
def merge(as_json: AsJson = False) -> None:
    """Hand over what the monitor has taken in, and its new alarms, to landing/live; `twin build` ingests them.

    Example: twin alarms merge && twin build
    """
    from wearables.monitor.merge import merge as run

    done = run(settings())
    if as_json:
        print_json(asdict(done))
    else:
        console().print(f"{done.taken} taken files in {done.landed} landed ones, {done.alarms} new alarms")


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Files of readings, as `twin watch` takes them.")],
    events: Annotated[
        Path | None,
        typer.Option("--events", help="CSV person,from,to: alarms outside are false. Times as in the readings."),
    ] = None,
    rules: Rules = None,
    as_json: AsJson = False,
) -> None:
    """Run the rules over history: alarms, and false alarms per person-week where events are given.

    Exit status 1 if a line could not be read.

    Example: twin alarms replay readings.ndjson --events infections.csv
    """
    from wearables.monitor.readings import parse
    from wearables.monitor.replay import replay as run

    for path in [*files, *([events] if events else [])]:
        if not path.is_file():
            raise WrongUsage(f"nothing at {path}")
    chosen = _rules(rules)
    readings, rejected = [], []
    for path in files:
        good, bad = parse(path.read_bytes(), time.time())
        readings += good
        rejected += [(path.name, one.line, one.reason, one.detail) for one in bad]
    found = run(readings, chosen, _events(events) if events else None)
    if as_json:
        print_json(
            {
                "readings": found.readings,
                "people": found.people,
                "person_weeks": found.person_weeks,
                "rules": found.per_rule,
                "alarms": [_row(one) for one in found.alarms],
                "rejected": [dict(zip(("file", "line", "reason", "detail"), one, strict=True)) for one in rejected],
            }
        )
    else:
        header = tuple(found.per_rule[0]) if found.per_rule else ()
        print_table([name.replace("_", " ") for name in header], [tuple(row.values()) for row in found.per_rule])
        if rejected:
            print_table(("file", "line", "reason", "what to do"), rejected, "Rejected", SHOWN)
        console().print(
            f"{found.readings:,} readings of {found.people} people, {found.person_weeks:.1f} person-weeks,"
            f" {len(found.alarms)} alarms"
        )
    if rejected:
        raise typer.Exit(1)


def _listener(address: str, password: str | None, incoming: Path) -> AbstractContextManager[Callable[[], None]]:
    from wearables.monitor.mqtt import Broker, listening

    try:
        return listening(Broker.of(address), incoming, password)
    except ValueError as error:
        raise WrongUsage(f"--mqtt: {error}") from None


def _rules(path: Path | None) -> tuple[AnyRule, ...]:
    from wearables.monitor.rules import declared, load

    if path is None:
        return declared()
    if not path.is_file():
        raise WrongUsage(f"nothing at {path}")
    try:
        return load(path)
    except ValueError as error:
        raise WrongUsage(f"{path.name}: {error}") from None


def _events(path: Path) -> list[tuple[str, float, float]]:
    import csv

    found = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                begin, end = (datetime.fromisoformat(row[name]) for name in ("from", "to"))
                person = row["person"]
            except (KeyError, TypeError, ValueError):
                raise BadData(f"{path.name}: expected the columns person, from, to with ISO 8601 times") from None
            zoned = [one if one.tzinfo else one.replace(tzinfo=UTC) for one in (begin, end)]
            found.append((person, zoned[0].timestamp(), zoned[1].timestamp()))
    return found


def _row(alarm: Alarm) -> dict[str, Any]:
    return {**asdict(alarm), "began": _time(alarm.began), "at": _time(alarm.at)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
