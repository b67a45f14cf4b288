"""The asset graph: it loads, and a newcomer can read it."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from lake.settings import Settings


@pytest.fixture(scope="module")
def graph() -> dg.AssetGraph:
    from orchestration.definitions import defs

    dg.Definitions.validate_loadable(defs)
    return defs.resolve_asset_graph()


def test_every_asset_explains_itself(graph: dg.AssetGraph) -> None:
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert node.description, f"{key.to_user_string()} has no description"
        assert node.owners, f"{key.to_user_string()} has no owner"
        assert node.kinds, f"{key.to_user_string()} has no kind"
        assert node.group_name != "default", f"{key.to_user_string()} has no group"


def test_nothing_stands_for_data_that_nobody_makes(graph: dg.AssetGraph) -> None:
    """Every upstream asset is one of ours: a dbt source without an asset behind it would be drawn as external."""
    assert not [key.to_user_string() for key in graph.external_asset_keys]


def test_dbt_waits_for_what_landed(graph: dg.AssetGraph) -> None:
    """A refresh takes in late files first; dbt must not start before."""
    landed = dg.AssetKey(["derived", "landing_file"])
    staging = [key for key in graph.executable_asset_keys if key.path[0] == "staging"]
    assert staging
    assert landed in {parent for key in staging for parent in graph.get(key).parent_keys}


def test_only_the_drop_zone_is_partitioned(graph: dg.AssetGraph) -> None:
    partitioned = {key.path[0] for key in graph.executable_asset_keys if graph.get(key).is_partitioned}
    assert partitioned == {"raw"}


def test_the_assets_outside_dbt_are_the_ones_written_down(graph: dg.AssetGraph) -> None:
    """A key is a promise: dashboards, sensors and people refer to it. Change the list with the key."""
    dbt_layers = ("staging", "intermediate", "core/twin", "core/environment", "reference", "marts")
    keys = (key.to_user_string() for key in graph.executable_asset_keys)
    found = sorted(key for key in keys if not key.startswith(dbt_layers))
    assert found == Path(__file__).with_name("asset_keys.txt").read_text().split()


def test_stages_and_assets_are_the_same(graph: dg.AssetGraph, home: Settings) -> None:
    """Every stage that can be stale has assets that bring it up to date."""
    from orchestration import graph as assets
    from orchestration import staleness

    assert {stage.name for stage in staleness.chain(home)} == set(assets.stages()) - {"raw"}
