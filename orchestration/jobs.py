"""Jobs: taking in a delivery, and refreshing everything that follows from what has been taken in."""

import dagster as dg

RAW = dg.AssetSelection.key_prefixes(["raw"])
ON_DEMAND = dg.AssetSelection.groups("exports")

ingest = dg.define_asset_job(
    "ingest",
    selection=RAW,
    description="Take in one delivery (the new files of one source): read, check its contract, write raw Parquet.",
    tags={"twin/stage": "ingest"},
)

refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all() - RAW - ON_DEMAND,
    description="Everything from what landed to the published snapshot: genome, warehouse, models, scores, publish."
    " Files that still wait in landing are taken in first.",
    tags={"twin/stage": "refresh"},
)

MODELS = dg.AssetSelection.groups("models")
AFTER = dg.AssetSelection.key_prefixes(["marts_risk"]) | dg.AssetSelection.key_prefixes(["published"])

retrain = dg.define_asset_job(
    "retrain",
    selection=(MODELS | AFTER) - ON_DEMAND,
    description="Train the models anew whatever their state, score everyone and publish.",
    tags={"twin/stage": "refresh", "twin/models": "train"},
)

recalibrate = dg.define_asset_job(
    "recalibrate",
    selection=(MODELS | AFTER) - ON_DEMAND,
    description="Fit level and slope of the serving models to what has happened since they were trained; held-out"
    " people decide whether that helps. Then score everyone and publish.",
    tags={"twin/stage": "refresh", "twin/models": "recalibrate"},
)

JOBS = [ingest, refresh, retrain, recalibrate]
