"""The formats that can be landed, in the order in which they are tried."""

from __future__ import annotations

from lake.reader import Reader
from wearables import apple_health, dexcom, environment, fitbit, garmin_fit, gpx, libre_view, open_mhealth

READERS: tuple[Reader, ...] = (
    garmin_fit.READER,
    apple_health.READER,
    gpx.READER,
    dexcom.READER,
    libre_view.READER,
    environment.READER,
    open_mhealth.READER,
    fitbit.READER,
)
