"""Fixtures that every room's tests may use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.guard.sitecustomize  # noqa: F401  (from here on the network is closed)
from lake.settings import Settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


LONG = ("tests/transform/", "tests/conformance/", "tests/ml/")
"""Where files of minutes lie that are not marked slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long files first, so that no worker is left with one of them when the other has run out of work."""
    weights: dict[str, int] = {}
    for item in items:
        file = item.nodeid.split("::")[0]
        weight = 2 if item.get_closest_marker("slow") else 1 if file.startswith(LONG) else 0
        weights[file] = max(weight, weights.get(file, 0))
    items.sort(key=lambda item: -weights[item.nodeid.split("::")[0]])


@pytest.fixture(autouse=True, scope="session")
def one_new_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker makes an empty MLflow store once, by all its migrations; every further one is a copy."""
    from ml import tracking

    made = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    create = tracking._create

    def copied(address: str) -> None:
        if not made.exists():
            create(f"sqlite:///{made}")
        shutil.copyfile(made, address.removeprefix("sqlite:///"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracking, "_create", copied)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real and official data beside the checkout; it is never part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real test data (../shared/data) is not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with an empty, private home."""
    return Settings(home=tmp_path / "twin_home", threads=2)
