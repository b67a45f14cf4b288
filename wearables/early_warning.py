"""Early warning scores from declared tables (``wearables/scores/*.yaml``), in SQL over any number of observations.

A parameter that was not measured is never a normal one: it makes the score a range, from the total it would have if all
that is missing were at its best to the total if it were at its worst. Values are rounded to the digits of the chart.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from lake.files import read_yaml

_FOLDER = Path(__file__).with_name("scores")

_YES_AND_NO = {"true": ("yes", "y", "t", "1"), "false": ("no", "n", "f", "0")}

Bands = list[tuple[float | None, int]]
"""(highest value of the band, points), from low to high; the last band has no highest value."""


class Instead(BaseModel):
    """Bands that hold under a condition; ``at_most`` where the condition leaves the points open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    bands: Bands
    at_most: Bands | None = None


class Parameter(BaseModel):
    """One parameter of a score: a number in bands, or a word."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str = ""
    digits: int = 0
    bands: Bands = Field(default_factory=list)
    words: dict[str, int] = Field(default_factory=dict)
    instead: list[Instead] = Field(default_factory=list)

    @property
    def points(self) -> list[int]:
        """All points that the parameter can give."""
        tables = [self.bands, *(table for one in self.instead for table in (one.bands, one.at_most or []))]
        return [*(points for table in tables for _, points in table), *self.words.values()]

    @property
    def spellings(self) -> dict[str, str]:
        """How else the words are written: yes and no, and the letters of charts, such as ACVPU."""
        if set(self.words) == {"true", "false"}:
            return {text: word for word, texts in _YES_AND_NO.items() for text in texts}
        letters = {word[0]: word for word in self.words}
        return letters if len(letters) == len(self.words) else {}


class Level(BaseModel):
    """What a total means: at least ``total``, or ``any`` parameter with as many points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: str
    total: int | None = None
    any: int | None = None


class Score(BaseModel):
    """A score's table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    not_for: str
    parameters: dict[str, Parameter]
    switches: list[str] = Field(default_factory=list)
    levels: list[Level]


class BadObservations(ValueError):
    """The observations cannot be scored as they are."""


@cache
def load(name: str) -> Score:
    """The table of a score.

    Raises:
        KeyError: there is no such score.
    """
    path = _FOLDER / f"{name}.yaml"
    if name not in names():
        raise KeyError(name)
    return Score.model_validate(read_yaml(path))


def names() -> list[str]:
    """The scores that are declared."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def evaluate(name: str, observations: pa.Table) -> pa.Table:
    """Score observations.

    Args:
        name: ``news2``, ``qsofa`` or ``mews``.
        observations: one row per moment; columns named like the score's parameters, numbers in their units, words as
            text (``alert``, ``voice`` … or their first letters; ``true``/``false``, yes/no, 1/0). Columns that lack are
            not measured, others are kept.

    Returns:
        The columns given, then: ``points_<parameter>`` (null: not measured), ``lowest_total`` and ``highest_total``,
        ``total`` (null unless complete), ``missing`` (list of parameters), ``lowest_level``, ``highest_level``, and
        ``problem`` where a value cannot be one (then nothing is scored).

    Raises:
        BadObservations: no column is a parameter of the score.
    """
    score = load(name)
    given = [column for column in observations.column_names if column in score.parameters]
    if not given:
        raise BadObservations(f"no column is one of {', '.join(score.parameters)}")
    for column in (*score.parameters, *score.switches):
        if column not in observations.column_names:
            observations = observations.append_column(column, pa.nulls(observations.num_rows, pa.string()))
    with duckdb.connect(":memory:") as connection:
        connection.register("observation", observations)
        return connection.sql(_sql(score)).to_arrow_table()


def _sql(score: Score) -> str:
    texts = {
        column: f"nullif(trim(cast(o.{column} as varchar)), '')" for column in (*score.parameters, *score.switches)
    }
    typed, problems, least, most = [], [], {}, {}
    for column, parameter in score.parameters.items():
        if parameter.words:
            known = ", ".join(f"'{word}'" for word in parameter.words)
            spelled = " ".join(f"when '{text}' then '{word}'" for text, word in parameter.spellings.items())
            value = f"case lower({texts[column]}) {spelled} else lower({texts[column]}) end"
            problems.append(f"when ({value}) not in ({known}) then '{column}: not one of {known.replace(chr(39), '')}'")
            if set(parameter.words) == {"true", "false"}:
                value = f"try_cast({value} as boolean)"
            typed.append(f"{value} as {column}")
            cases = " ".join(f"when '{word}' then {points}" for word, points in parameter.words.items())
            least[column] = most[column] = f"case cast({column} as varchar) {cases} end"
        else:
            value = f"try_cast({texts[column]} as double)"
            problems.append(
                f"when {texts[column]} is not null and not coalesce(isfinite({value}) and {value} > 0, false)"
                f" then '{column}: not a number above 0'"
            )
            typed.append(f"round({value}, {parameter.digits}) as {column}")
            least[column] = _points(column, parameter, highest=False)
            most[column] = _points(column, parameter, highest=True)
    typed += [f"try_cast({texts[column]} as integer) as {column}" for column in score.switches]
    points = ",\n".join(
        f"{least[column]} as points_{column}, {most[column]} as most_{column}" for column in score.parameters
    )
    missing = ", ".join(f"case when points_{column} is null then '{column}' end" for column in score.parameters)
    low = " + ".join(
        f"coalesce(points_{column}, {min(parameter.points)})" for column, parameter in score.parameters.items()
    )
    high = " + ".join(
        f"coalesce(most_{column}, {max(parameter.points)})" for column, parameter in score.parameters.items()
    )
    shown = ", ".join(
        f"case when problem is null then points_{column} end as points_{column}" for column in score.parameters
    )
    single_low = ", ".join(f"points_{column}" for column in score.parameters)
    single_high = ", ".join(
        f"coalesce(most_{column}, {max(parameter.points)})" for column, parameter in score.parameters.items()
    )
    return f"""
        with
            numbered as (select row_number() over () as row_no, * from observation),
            typed as (select o.row_no, {", ".join(typed)}, case {" ".join(problems)} end as problem from numbered as o),
            pointed as (select *, {points} from typed),
            totalled as (
                select *, {low} as low, {high} as high,
                    greatest({single_low}, 0) as single_low, greatest({single_high}, 0) as single_high
                from pointed
            )
        select
            numbered.* exclude (row_no),
            {shown},
            case when problem is null then low end as lowest_total,
            case when problem is null then high end as highest_total,
            case when problem is null and low = high and len(missing) = 0 then low end as total,
            missing,
            case when problem is null then {_level(score, "low", "single_low")} end as lowest_level,
            case when problem is null then {_level(score, "high", "single_high")} end as highest_level,
            problem
        from (select *, list_filter([{missing}], lambda one: one is not null) as missing from totalled) as found
        inner join numbered using (row_no)
        order by row_no
    """


def _points(column: str, parameter: Parameter, *, highest: bool) -> str:
    tables = [(one.when, (one.at_most if highest else None) or one.bands) for one in parameter.instead]
    return (
        "case "
        + " ".join(f"when {when} then ({_banded(column, bands)})" for when, bands in tables)
        + f" else ({_banded(column, parameter.bands)}) end"
        if tables
        else _banded(column, parameter.bands)
    )


def _banded(column: str, bands: Bands) -> str:
    cases = " ".join(f"when {column} <= {top} then {points}" for top, points in bands if top is not None)
    return f"case when {column} is null then null {cases} else {bands[-1][1]} end"


def _level(score: Score, total: str, single: str) -> str:
    cases: list[Any] = []
    for one in score.levels:
        test = f"{total} >= {one.total}" if one.total is not None else f"{single} >= {one.any}"
        cases.append(f"when {test} then '{one.level}'")
    return f"case {' '.join(cases)} end"
