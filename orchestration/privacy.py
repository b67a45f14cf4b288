"""What the dbt project says of each published column: which kind of identifier it holds, if any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lake.deid import Rules, TableRules
from lake.publish import PUBLISHED_SCHEMAS
from lake.settings import Settings
from orchestration import dbt


def rules(settings: Settings) -> Rules:
    """Tags of the published tables, from the parsed project; parses it if it has changed."""
    return rules_of(json.loads(dbt.manifest_path(settings).read_bytes()))


def rules_of(manifest: Mapping[str, Any]) -> Rules:
    """Tags of the published tables of a manifest: ``meta.phi`` of columns, ``meta.deid: left_out`` of models."""
    return {
        f"{node['schema']}.{node['name']}": TableRules(
            {name: str(one["meta"]["phi"]) for name, one in node["columns"].items() if "phi" in one["meta"]},
            node["config"]["meta"].get("deid") == "left_out",
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in PUBLISHED_SCHEMAS
    }
