"""The demo population: seeded people with a causal model, written the way real sources write, and the truth about them.

``generate(settings, people, seed)`` fills ``landing/`` and ``truth/``. The story in order: who people are (``people``),
their genome, latent health (``states``, ``hazards``, ``history``, ``oracle``), care (``care``, ``measuring``), then one
writer per source. Only tests and benchmarks may read ``truth/``.
"""

from synthetic.generate import SOURCES, GenerateReport, generate
from synthetic.landing import LandingInUse

__all__ = ["SOURCES", "GenerateReport", "LandingInUse", "generate"]
