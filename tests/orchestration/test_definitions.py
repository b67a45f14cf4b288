"""The asset graph: it loads, and a newcomer can read it."""

from __future__ import annotations

import dagster as dg
import pytest


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
