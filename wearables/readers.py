"""The formats that can be landed, in the order in which they are tried."""

from __future__ import annotations

from lake.reader import Reader
from wearables import (
    account_export,
    dexcom,
    environment,
    fitbit,
    garmin_fit,
    gpx,
    health_connect,
    libre_view,
    open_mhealth,
    waveforms,
)
from wearables.apple_health import reader as apple_health
from wearables.declared import reader as declared
from wearables.monitor import landed as live

_FORMATS: tuple[Reader, ...] = (
    garmin_fit.READER,
    health_connect.READER,
    waveforms.READER,
    apple_health.READER,
    gpx.READER,
    dexcom.READER,
    libre_view.READER,
    environment.READER,
    live.READER,
    open_mhealth.READER,
    declared.READER,
    fitbit.READER,
)

READERS: tuple[Reader, ...] = (*_FORMATS, account_export.reader(_FORMATS))
