"""Generation: the same bytes for the same seed, whatever the chunking, and never over other data."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.settings import Settings
from synthetic import LandingInUse, chunks, generate
from tests.synthetic.conftest import PEOPLE, tree


def test_same_seed_gives_the_same_bytes(population: Settings, tmp_path: Path) -> None:
    again = Settings(home=tmp_path)
    generate(again, people=PEOPLE)
    assert tree(again.landing) == tree(population.landing)
    first, second = tree(population.truth), tree(again.truth)
    assert first.pop("population.json") != b""
    second.pop("population.json")
    assert first == second


def test_generating_again_in_place_changes_nothing(population: Settings) -> None:
    before = {path: path.stat().st_mtime_ns for path in population.landing.rglob("*")}
    assert generate(population, people=PEOPLE).unchanged
    assert {path: path.stat().st_mtime_ns for path in population.landing.rglob("*")} == before


def test_lost_file_is_written_again_and_the_others_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    generate(settings, people=5, sources={"ehr"})
    before = tree(settings.landing)
    victim = settings.landing / "st_anne" / "Patient.000.ndjson"
    victim.unlink()
    other = settings.landing / "st_anne" / "Condition.000.ndjson"
    kept = other.stat().st_mtime_ns
    assert not generate(settings, people=5, sources={"ehr"}).unchanged
    assert tree(settings.landing) == before
    assert other.stat().st_mtime_ns == kept


def test_other_data_in_landing_is_never_mixed_in(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (settings.landing / "mine").mkdir(parents=True)
    (settings.landing / "mine" / "a.csv").write_text("x\n")
    with pytest.raises(LandingInUse, match="another origin"):
        generate(settings, people=3)
    assert tree(settings.landing) == {"mine/a.csv": b"x\n"}


def test_another_population_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    generate(settings, people=3, sources={"environment"})
    with pytest.raises(LandingInUse, match="3 people"):
        generate(settings, people=4, sources={"environment"})


@pytest.mark.parametrize(("people", "sources"), [(0, None), (5, {"nonsense"}), (5, set())])
def test_wrong_arguments_are_refused(tmp_path: Path, people: int, sources: set[str] | None) -> None:
    with pytest.raises(ValueError, match="sources among"):
        generate(Settings(home=tmp_path), people=people, sources=sources)


def test_ehr_alone_is_the_same_ehr(population: Settings, tmp_path: Path) -> None:
    alone = Settings(home=tmp_path)
    generate(alone, people=PEOPLE, sources={"ehr"})
    expected = {k: v for k, v in tree(population.landing).items() if k.split("/")[0] in ("st_anne", "riverside")}
    assert tree(alone.landing) == expected


def test_a_chunk_does_not_depend_on_the_population_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streaming: the first chunk of a population of two chunks is the population of one chunk."""
    monkeypatch.setattr(chunks, "CHUNK", 20)
    small, large = Settings(home=tmp_path / "small"), Settings(home=tmp_path / "large")
    generate(small, people=20, sources={"ehr", "wearables"})
    generate(large, people=40, sources={"ehr", "wearables"})
    first = {k: v for k, v in tree(small.landing).items() if "/labs_" not in k and k.count(".csv") == 0}
    second = tree(large.landing)
    assert len(first) > 10
    assert {k: second[k] for k in first} == first
    for name in ("riverside/patients.csv", "enrolment/accounts.csv"):
        assert second[name].startswith((small.landing / name).read_bytes())


def test_person_k_is_the_same_person_in_every_size(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    small, large = Settings(home=tmp_path / "small"), Settings(home=tmp_path / "large")
    generate(small, people=10, sources={"environment"})
    generate(large, people=25, sources={"environment"})
    assert (
        pq.read_table(large.truth / "person.parquet").slice(0, 10).equals(pq.read_table(small.truth / "person.parquet"))
    )


def test_progress_is_told_and_ends_complete(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    generate(Settings(home=tmp_path), people=3, sources={"ehr"}, progress=lambda *step: told.append(step))
    assert told[0] == ("people", 0, 3)
    assert told[-1] == ("people", 3, 3)
