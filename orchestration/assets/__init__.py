"""The asset graph, one file per layer: raw → derived (genome) → warehouse (dbt) → models → published."""
