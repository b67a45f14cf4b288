"""Random streams: each part of the population draws from its own, so that leaving one out changes no other."""

from __future__ import annotations

import zlib
from itertools import accumulate

import numpy as np


def stream(seed: int, *keys: int | str) -> np.random.Generator:
    """Return the generator of one named part, such as ``stream(seed, chunk, "health")``."""
    words = [key if isinstance(key, int) else zlib.crc32(key.encode()) for key in keys]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def autoregression(rng: np.random.Generator, count: int, memory: float) -> np.ndarray:
    """First-order autoregressive noise with variance near 1 and correlation ``memory`` from one step to the next."""
    steps = (rng.normal(size=count) * np.sqrt(1 - memory**2)).tolist()
    return np.array(list(accumulate(steps, lambda level, step: memory * level + step)))


def hex_ids(rng: np.random.Generator, count: int) -> list[str]:
    """Return ``count`` random identifiers in the form of UUIDs (version 4 layout)."""
    text = rng.bytes(16 * count).hex()
    whole = [text[i : i + 32] for i in range(0, 32 * count, 32)]
    return [f"{one[:8]}-{one[8:12]}-4{one[13:16]}-a{one[17:20]}-{one[20:]}" for one in whole]
