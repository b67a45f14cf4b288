"""The warehouse: dbt builds the ledger and its views first, and what shows the models' results after the models."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from lake import warehouse
from lake.dq import DQ_RUN
from lake.publish import export_core
from lake.settings import Settings
from orchestration import dbt, increment, rooms, staleness
from orchestration.assets.landing import FILES
from orchestration.assets.raw import RETRY, key_of
from orchestration.resources import Home

AFTER_MODELS = "tag:after_models"
ON_DEMAND = "tag:on_demand"
"""Grain tests of the interop views, which would compute every export; the exports check their keys themselves."""
EXPORT = dg.AssetKey(["core", "export"])
OWNERS = {"core": ["team:data-engineering"], "marts": ["team:analytics"]}


class Translator(DagsterDbtTranslator):
    """Names, groups and owners of dbt models, and the assets that stand behind dbt's sources."""

    def __init__(self, results: Mapping[str, Sequence[dg.AssetKey]]) -> None:
        super().__init__()
        self.raw: dict[str, list[dg.AssetKey]] = {}
        for room in rooms.READER_ROOMS:
            for reader in rooms.readers_of(room):
                for table in reader.tables:
                    self.raw.setdefault(table.name, []).append(key_of(reader.name))
        self.results = results

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """A raw table is written by several formats, a result by several tasks: the model depends on all of them."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("source."):
            return spec
        deps: dict[dg.AssetKey, dg.AssetDep] = {}
        for dep in spec.deps:
            for key in self._behind(dep.asset_key):
                deps[key] = dg.AssetDep(key, partition_mapping=_partitions(key))
        return spec.replace_attributes(deps=list(deps.values()))

    def _behind(self, key: dg.AssetKey) -> Sequence[dg.AssetKey]:
        layer, table = key.path[0], key.path[-1]
        if table == DQ_RUN.name:  # publishing adds to it; its place is made with the landing manifest
            return [FILES]
        if layer == "raw":
            # A refresh takes in late files with the landing manifest; what reads raw rows waits for that.
            return [*self.raw.get(table, []), FILES]
        return self.results.get(table, [key]) if layer == "derived" else [key]

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Layer and name, as in DuckDB: ``core/twin_person``, ``marts_risk/risk_current``."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What a person looks for: the layer."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        layer = dbt_resource_props["fqn"][1]
        return {"staging": "warehouse_staging", "intermediate": "warehouse_intermediate", "core": "warehouse"}.get(
            layer, layer
        )

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Marts belong to the analysts, the rest to the engineers."""
        return OWNERS["marts" if dbt_resource_props["fqn"][1] == "marts" else "core"]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own description; the SQL is a click away in the definition."""
        return dbt_resource_props.get("description") or f"{dbt_resource_props['resource_type']} without a description"


def _partitions(key: dg.AssetKey) -> dg.PartitionMapping | None:
    return dg.AllPartitionMapping() if key.path[0] == "raw" else None


def assets(settings: Settings, results: Mapping[str, Sequence[dg.AssetKey]]) -> dict[str, list[dg.AssetsDefinition]]:
    """The two passes of dbt and the hand-over of core tables to Python, by stage.

    Args:
        results: which assets write a derived table of the models.
    """
    manifest = json.loads(dbt.manifest_path(settings).read_bytes())
    translator = Translator(results)

    @dbt_assets(
        manifest=manifest, exclude=f"{AFTER_MODELS} {ON_DEMAND}", name="dbt_core", dagster_dbt_translator=translator
    )
    def dbt_core(context: dg.AssetExecutionContext, home: Home) -> Iterator[Any]:
        settings = home.settings()
        with staleness.running(settings, staleness.CORE, whole=not context.is_subset):
            if context.is_subset:
                yield from _build(context, settings, manifest, translator, [])
                return
            plan = increment.plan(settings, manifest)
            with increment.running(settings, plan):
                context.log.info(f"whole build: {plan.why}" if plan.files is None else f"increment: {plan.why}")
                whole = ["--exclude", AFTER_MODELS, ON_DEMAND]
                selection = whole if plan.nodes is None else increment.selection(plan, manifest)
                yield from _build(context, settings, manifest, translator, selection, plan.nodes)

    core_keys = [key for key in dbt_core.keys if key.path[0] == "core"]

    @dg.asset(
        key=EXPORT,
        deps=core_keys,
        group_name="warehouse",
        owners=OWNERS["core"],
        kinds={"duckdb", "parquet"},
        retry_policy=RETRY,
        description="One Parquet file per core table: the hand-over to the Python rooms (features, models,"
        " simulations), which never open the warehouse.",
    )
    def core_export(home: Home) -> dg.MaterializeResult:
        with staleness.running(home.settings(), staleness.EXPORT):
            rows = export_core(home.settings())
        return dg.MaterializeResult(metadata={"dagster/row_count": sum(rows.values()), "tables": len(rows)})

    stages = {staleness.CORE: [dbt_core], staleness.EXPORT: [core_export]}
    after = [node for node in manifest["nodes"].values() if "after_models" in node.get("tags", [])]
    if after:

        @dbt_assets(manifest=manifest, select=AFTER_MODELS, name="dbt_marts", dagster_dbt_translator=translator)
        def dbt_marts(context: dg.AssetExecutionContext, home: Home) -> Iterator[Any]:
            with staleness.running(home.settings(), staleness.MARTS, whole=not context.is_subset):
                yield from _build(context, home.settings(), manifest, translator, ["--select", AFTER_MODELS])

        stages[staleness.MARTS] = [dbt_marts]
    return stages


def _build(
    context: dg.AssetExecutionContext,
    settings: Settings,
    manifest: Mapping[str, Any],
    translator: Translator,
    selection: list[str],
    nodes: Collection[str] | None = None,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Run dbt on what was selected, then tell Dagster what became of each node.

    Args:
        nodes: unique ids of the only nodes that have work, if not all; the others are as they were.

    Raises:
        dagster.Failure: a model could not be built or a test failed; what stands downstream does not run.
    """
    rooms.ensure_typed_files(settings)
    wanted = context.selected_asset_keys
    specs = {
        unique_id: translator.get_asset_spec(manifest, unique_id, None)
        for unique_id in manifest["nodes"]
        if not unique_id.startswith(("test.", "unit_test.", "analysis.", "operation."))
    }
    if context.is_subset:
        names = [manifest["nodes"][unique_id]["name"] for unique_id, spec in specs.items() if spec.key in wanted]
        selection = ["--select", *names]
    results = dbt.build(settings, selection)
    counts = _row_counts(settings)
    done = {one.unique_id: one for one in results}
    for unique_id in TopologicalSorter(manifest["parent_map"]).static_order():  # Dagster wants to hear it in order
        spec = specs.get(unique_id)
        if spec is None:
            continue
        unchanged = nodes is not None and unique_id not in nodes
        if spec.key in wanted and (unchanged or (unique_id in done and done[unique_id].passed)):
            schema, name = spec.key.path
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "seconds": 0.0 if unchanged else round(done[unique_id].seconds, 3),
                    **({"dagster/row_count": counts[schema, name]} if (schema, name) in counts else {}),
                },
            )
    yield from _checked(context, manifest, results, everything=nodes is None)
    failed = [
        f"{one.unique_id.split('.', 2)[-1]}{f' ({one.problem})' if one.problem else ''}"
        for one in results
        if not one.passed and one.status != "skipped"
    ]
    if failed:
        raise dg.Failure(
            description=f"{len(failed)} of {len(results)} dbt nodes failed: {', '.join(failed[:10])}",
            metadata={"log": dg.MetadataValue.path(str(dbt.target(settings) / "logs" / "dbt.log"))},
            allow_retries=False,
        )


def _checked(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], results: Sequence[dbt.NodeResult], everything: bool
) -> Iterator[dg.AssetCheckResult]:
    """What dbt's tests found. A blocking test of what did not change passed in the last complete build, or this were
    no increment; it says so, because what stands downstream waits for it."""
    checks = {key.name: key for key in context.selected_asset_check_keys}
    tests = {one.unique_id: one for one in results if one.unique_id.startswith("test.")}
    for unique_id, node in manifest["nodes"].items():
        key = checks.get(node["name"])
        if key is None or node["resource_type"] != "test":
            continue
        one = tests.get(unique_id)
        if one is not None and one.status != "skipped":
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=one.status == "pass",
                severity=dg.AssetCheckSeverity.WARN if one.status == "warn" else dg.AssetCheckSeverity.ERROR,
                metadata={"failures": one.failures or 0, "seconds": round(one.seconds, 3)},
            )
        elif one is None and not everything and node["config"]["severity"].lower() == "error":
            yield dg.AssetCheckResult(
                asset_key=key.asset_key, check_name=key.name, passed=True, metadata={"seconds": 0.0, "unchanged": True}
            )


def _row_counts(settings: Settings) -> dict[tuple[str, str], int]:
    """Rows per table of the build file, from its statistics: nothing is scanned."""
    with warehouse.writing(settings) as connection:
        found = connection.execute("select schema_name, table_name, estimated_size from duckdb_tables()").fetchall()
    return {(schema, table): int(rows) for schema, table, rows in found}
