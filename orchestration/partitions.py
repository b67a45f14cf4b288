"""Partitions: one for each delivery, the new files of one source."""

import dagster as dg

from lake.settings import Settings
from orchestration.deliveries import Delivery, remember

DELIVERY = dg.DynamicPartitionsDefinition(name="delivery")


def announce(settings: Settings, instance: dg.DagsterInstance, delivery: Delivery) -> None:
    """Make a delivery known to Dagster and to the home."""
    remember(settings, delivery)
    instance.add_dynamic_partitions("delivery", [delivery.key])
