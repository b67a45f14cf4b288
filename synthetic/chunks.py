"""One chunk of people with everything that is true of them: what all writers share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthetic import care, genome, history, measuring, people, states
from synthetic.clock import STUDY_START
from synthetic.dirt import Dirt
from synthetic.genome import Genome
from synthetic.history import History
from synthetic.landing import Landing
from synthetic.people import People
from synthetic.randomness import stream

CHUNK = 500
"""People simulated at once. Person 17 of a seed is the same person in a population of 400 and of 100,000."""


@dataclass
class Chunk:
    """People ``index * CHUNK`` and on, their lives, and where their records and defects are written to.

    ``identity`` collects (source system, source person key, true person).
    """

    seed: int
    index: int
    people: People
    genome: Genome
    history: History
    landing: Landing
    dirt: Dirt = field(default_factory=Dirt)
    identity: list[tuple[str, str, str]] = field(default_factory=list)

    def rng(self, part: str) -> np.random.Generator:
        """The random stream of one writer for this chunk."""
        return stream(self.seed, self.index, part)

    def visits(self) -> tuple[care.Visits, care.Diagnoses]:
        """Visits and diagnoses; always the same, each writer may ask again."""
        return care.plan(self.people, self.history, self.rng("care"))

    def measured(self, visits: care.Visits) -> measuring.Measured:
        """Everything measured at the visits."""
        return measuring.measure(self.people, self.history, visits, self.rng("measuring"))


def live(seed: int, index: int, count: int, landing: Landing) -> Chunk:
    """Simulate chunk ``index`` whole and keep its first ``count`` people."""
    everyone = people.draw(stream(seed, index, "people"), index * CHUNK, CHUNK)
    genes = genome.draw(stream(seed, index, "genome"), everyone.ancestry, everyone.male)
    traits = states.Traits(
        age=everyone.age_at(STUDY_START),
        male=everyone.male.astype(float),
        ancestry=everyone.ancestry,
        pm2_5=everyone.pm2_5,
        scores=genome.true_scores(genes),
        e4=genes.copies("rs429358"),
        e2=genes.copies("rs7412"),
        brca=genes.carries(("BRCA1", "BRCA2", "PALB2")).astype(float),
        lynch=genes.carries(("MLH1", "MSH2")).astype(float),
        high_ldl=genes.carries(("LDLR", "APOB")).astype(float),
    )
    lives = history.simulate(traits, stream(seed, index, "health"))
    kept = history.History(
        states=[{name: values[:count] for name, values in state.items()} for state in lives.states],
        onset={name: dates[:count] for name, dates in lives.onset.items()},
        started={name: dates[:count] for name, dates in lives.started.items()},
        death=lives.death[:count],
        left=lives.left[:count],
    )
    return Chunk(seed, index, everyone.head(count), Genome(genes.alleles[:count]), kept, landing)
