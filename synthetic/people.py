"""Who the people are: birth, sex, ancestry, home, names, identifiers, and in which sources they appear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthetic.clock import ENROLMENT, Array, Days, Index, Mask
from synthetic.names import FAMILY, GIVEN, MAIL_HOSTS, REGIONS, STREETS
from synthetic.variants import ANCESTRIES, ANCESTRY_SHARE

PLATFORMS = ("apple_health", "fitbit", "open_mhealth")
PLATFORM_SHARE = (0.23, 0.21, 0.11)
"""More people wear something than in most biobanks, so that its worth can be measured on 5,000 people."""
GENOME_SHARE = 0.72
ONLY_B, BOTH = 0.06, 0.32
"""Hospital B only delivers laboratory results: people seen only there have no diagnoses and no vital signs."""
TWINS_EVERY = 200


@dataclass
class People:
    """One chunk of people; every field is aligned by position.

    Text fields hold the true value; what a source shows (typos, nicknames, old addresses) is decided by its writer.
    """

    number: Index
    ancestry: Index
    male: Mask
    birth: Days
    enrolled: Days
    region: Index
    in_a: Mask
    in_b: Mask
    platform: Index
    cgm: Mask
    garmin: Mask
    genome: Mask
    given: list[str]
    family: list[str]
    maiden: list[str | None]
    phone: list[str]
    email: list[str]
    street: list[str]
    new_street: list[str]
    moved: Mask
    postal: list[str]
    city: list[str]
    ssn: list[str]
    mrn_a: list[str]
    mrn_b: list[str]
    sample: list[str]

    def __len__(self) -> int:
        return len(self.number)

    def age_at(self, when: np.datetime64) -> Array:
        """Age in years at a date."""
        return np.asarray((when - self.birth).astype(float) / 365.25)

    @property
    def pm2_5(self) -> Array:
        """Mean PM2.5 of the home region in 2014, ug/m3."""
        return np.array([row[2] for row in REGIONS])[self.region]

    def key(self, i: int) -> str:
        """The true person's key, used in ``truth/`` only."""
        return f"T{self.number[i]:07d}"

    def head(self, count: int) -> People:
        """The first ``count`` people."""
        return People(**{name: values[:count] for name, values in vars(self).items()})


def draw(rng: np.random.Generator, first: int, n: int) -> People:
    """Draw people ``first`` .. ``first + n - 1``."""
    number = np.arange(first, first + n)
    ancestry = rng.choice(len(ANCESTRIES), n, p=ANCESTRY_SHARE)
    male = rng.random(n) < 0.49
    span = (ENROLMENT[1] - ENROLMENT[0]).astype(int)
    enrolled = ENROLMENT[0] + rng.integers(0, span, n).astype("timedelta64[D]")
    enrolled -= ((enrolled.astype(int) + 3) % 7 >= 5) * np.timedelta64(2, "D")  # clinics enrol on weekdays
    birth = enrolled - ((40.02 + 35.9 * rng.beta(1.7, 1.6, n)) * 365.25).astype("timedelta64[D]")
    region = rng.integers(0, len(REGIONS), n)
    where = rng.random(n)
    worn = rng.random(n)
    platform = np.select([worn < edge for edge in np.cumsum(PLATFORM_SHARE)], range(3), -1)
    given, family = [], []
    pick = rng.random((n, 2))
    for i in range(n):
        group = ANCESTRIES[ancestry[i]]
        pool, surnames = GIVEN[group][int(male[i])], FAMILY[group]
        given.append(pool[int(pick[i, 0] * len(pool))])
        family.append(surnames[int(pick[i, 1] * len(surnames))])
    house, line, zips = rng.integers(1, 2400, (n, 2)), rng.integers(0, len(STREETS), (n, 2)), rng.integers(0, 40, n)
    digits, host, tag = rng.integers(0, 10_000_000, n), rng.integers(0, len(MAIL_HOSTS), n), rng.integers(10, 99, n)
    street = [f"{house[i, 0]} {STREETS[line[i, 0]]}" for i in range(n)]
    phone = [f"{REGIONS[region[i]][3]}{2_000_000 + digits[i] * 4 // 5:07d}" for i in range(n)]
    postal = [f"{REGIONS[region[i]][0]}{zips[i]:02d}" for i in range(n)]
    for i in range(TWINS_EVERY // 2, n - 1, TWINS_EVERY):
        _make_twins(i, given, family, [ancestry, birth, region, enrolled], [street, phone, postal], male)
    maiden = rng.random(n) < 0.05
    born = rng.random(n)
    born_as = [FAMILY[ANCESTRIES[ancestry[i]]] for i in range(n)]
    email = [
        f"{given[i]}.{family[i]}{tag[i]}{number[i] % 97:02d}@{MAIL_HOSTS[host[i]]}".lower().replace("'", "")
        for i in range(n)
    ]
    return People(
        number=number, ancestry=ancestry, male=male, birth=birth, enrolled=enrolled, region=region,
        in_a=where >= ONLY_B, in_b=(where < ONLY_B + BOTH), platform=platform, cgm=rng.random(n) < 0.25,
        garmin=rng.random(n) < 0.03, genome=rng.random(n) < GENOME_SHARE, given=given, family=family,
        maiden=[
            born_as[i][int(born[i] * len(born_as[i]))] if maiden[i] and not male[i] else None for i in range(n)
        ],
        phone=phone, email=email, street=street,
        new_street=[f"{house[i, 1]} {STREETS[line[i, 1]]}" for i in range(n)], moved=rng.random(n) < 0.08,
        postal=postal, city=[REGIONS[r][1] for r in region], ssn=_ssn(number),
        mrn_a=[f"SA{k:08d}" for k in (number * 61_803_401 + 40_104_729) % 100_000_000],
        mrn_b=[f"RV-{k:07d}" for k in (number * 6_180_339 + 6_204_131) % 10_000_000],
        sample=[f"HTG{k:07d}" for k in (number * 4_142_137 + 1_048_583) % 10_000_000],
    )  # fmt: skip


def _ssn(number: Index) -> list[str]:
    """Numbers from the 9xx range, which is never issued; one to one with the person."""
    code = (number * 61_803_399 + 12_345_677) % 100_000_000
    return [f"9{c // 1_000_000:02d}-{c // 10_000 % 100:02d}-{c % 10_000:04d}" for c in code]


def _make_twins(
    i: int, given: list[str], family: list[str], arrays: list[np.ndarray], texts: list[list[str]], male: Mask
) -> None:
    """Make ``i + 1`` the twin of ``i``: same surname, birth date, home and telephone. The hard case of linkage."""
    for values in arrays:
        values[i + 1] = values[i]
    for text in texts:
        text[i + 1] = text[i]
    family[i + 1] = family[i]
    pool = GIVEN[ANCESTRIES[arrays[0][i]]][int(male[i + 1])]
    given[i + 1] = next(name for name in pool[::-1] if name[0] != given[i][0])
