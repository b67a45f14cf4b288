"""One typed object for every setting. Environment variables start with ``TWIN_``; everything has a working default."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Where state lives and how much of the machine may be used.

    All state lives under ``home`` (``TWIN_HOME``, default ``./twin_home``). Nothing outside it is ever written.
    """

    model_config = SettingsConfigDict(env_prefix="TWIN_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("twin_home"), description="Folder of all state.")
    threads: int = Field(default=0, ge=0, description="Threads for DuckDB; 0 means one per core.")
    memory_limit: str = Field(
        default="", description="DuckDB memory limit, such as '8GB'; empty means DuckDB's default."
    )
    lock_wait_seconds: float = Field(default=600, gt=0, description="How long a writer waits for the build file.")
    max_file_bytes: int = Field(default=64 << 30, gt=0, description="Largest decompressed size accepted of one file.")
    max_ratio: int = Field(default=400, gt=1, description="Largest decompressed:compressed ratio accepted.")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @cached_property
    def landing(self) -> Path:
        """Drop zone: ``landing/<source>/[account=<id>/]file``. Nothing here is ever changed."""
        return self.home / "landing"

    @cached_property
    def lake(self) -> Path:
        """Parquet written by the platform."""
        return self.home / "lake"

    @cached_property
    def raw(self) -> Path:
        """``raw/<table>/<sha256>.parquet``: typed rows of one landed file."""
        return self.lake / "raw"

    @cached_property
    def derived(self) -> Path:
        """``derived/<table>/<part>.parquet``: results of Python rooms (genomics, ml, simulation), replaced whole."""
        return self.lake / "derived"

    @cached_property
    def core(self) -> Path:
        """``core/<table>.parquet``: the hand-over of core tables to the Python rooms."""
        return self.lake / "core"

    @cached_property
    def quarantine(self) -> Path:
        """``quarantine/<sha256>.parquet``: the rejected rows of one landed file."""
        return self.lake / "quarantine"

    @cached_property
    def manifest(self) -> Path:
        """``manifest/<sha256>.json``: one entry per landed file; its presence commits the file."""
        return self.lake / "manifest"

    @cached_property
    def warehouse(self) -> Path:
        """The build file. Only the pipeline opens it; readers open the published snapshot."""
        return self.home / "build" / "twin.duckdb"

    @cached_property
    def published(self) -> Path:
        """Read-only snapshots and exports."""
        return self.home / "published"

    @cached_property
    def snapshot(self) -> Path:
        """The identified snapshot that analysts read."""
        return self.published / "twin.duckdb"

    @cached_property
    def snapshot_deid(self) -> Path:
        """The de-identified snapshot."""
        return self.published / "twin_deid.duckdb"

    @cached_property
    def snapshot_encrypted(self) -> Path:
        """The identified snapshot, encrypted."""
        return self.published / "twin_encrypted.duckdb"

    @cached_property
    def deid_key(self) -> Path:
        """The secret of the pseudonyms; never published."""
        return self.home / "keys" / "deid.key"

    @cached_property
    def mlflow(self) -> Path:
        """MLflow's sqlite store and artifacts."""
        return self.home / "mlflow"

    @cached_property
    def truth(self) -> Path:
        """What the demo generator knows. No pipeline code may read it; only tests and benchmarks do."""
        return self.home / "truth"

    @cached_property
    def transform(self) -> Path:
        """The dbt project."""
        return PROJECT_DIR / "transform"
