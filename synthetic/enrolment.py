"""Lists that the study office keeps: device accounts, and the sample sheet of the genome laboratory."""

from __future__ import annotations

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import days
from synthetic.landing import Landing
from synthetic.people import PLATFORMS, People
from synthetic.typing_errors import nickname, slip

ACCOUNT_COLUMNS = "account_id,platform,first_name,last_name,birth_date,email,phone,postal_code,enrolled_at"
SAMPLE_COLUMNS = (
    "sample_id,hospital,mrn,first_name,last_name,birth_date,sex,collected_on,reported_on,assay,findings_consent"
)
_PREFIX = {"apple_health": "ap", "fitbit": "fb", "open_mhealth": "om", "dexcom": "dx", "garmin": "ga"}


def account(people: People, i: int, platform: str) -> str:
    """Account id of a person on a platform."""
    return f"{_PREFIX[platform]}-{(int(people.number[i]) * 61_803_403 + 7_654_321) % 100_000_000:08d}"


def platforms(chunk: Chunk, i: int) -> list[str]:
    """Platforms of a person: at most one tracker, perhaps a glucose sensor, perhaps a sports watch."""
    people = chunk.people
    found = [PLATFORMS[people.platform[i]]] if people.platform[i] >= 0 else []
    return found + ["dexcom"] * bool(wears_cgm(chunk)[i]) + ["garmin"] * bool(people.garmin[i])


def wears_cgm(chunk: Chunk) -> np.ndarray:
    """People with diabetes at the end of the study, and a few at risk of it, who wear a glucose sensor."""
    last = chunk.history.states[-1]
    here = np.isnat(chunk.history.death) & np.isnat(chunk.history.left)
    return np.asarray(chunk.people.cgm & here & ((last["t2d"] > 0) | (last["a1c"] > 6.2)))


class Lists:
    """Device accounts over all chunks."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self.rows: list[str] = []

    def add(self, chunk: Chunk) -> None:
        """Take the accounts of one chunk."""
        rng, people = chunk.rng("accounts"), chunk.people
        n = len(people)
        luck, born = rng.random((n, 4)), days(people.birth)
        late = people.enrolled + rng.integers(0, 20, n).astype("timedelta64[D]")
        for i in range(n):
            for platform in platforms(chunk, i):
                phone, given, family = people.phone[i], people.given[i], people.family[i]
                if luck[i, 0] < 0.12:
                    given = nickname(given)
                elif luck[i, 0] < 0.14:
                    family = slip(family, rng)
                # whoever changes the name keeps the address: a record never differs in everything
                email = (
                    people.email[i]
                    if luck[i, 1] < 0.88 or luck[i, 0] < 0.14
                    else f"{platform}.user{people.number[i]}@example.com"
                )
                shown = f"+1{phone}" if luck[i, 2] < 0.8 or email != people.email[i] else ""
                number = account(people, i, platform)
                self.rows.append(
                    f"{number},{platform},{given},{family},{born[i]},{email},{shown},{people.postal[i]},{late[i]}T10:15:00"
                )
                chunk.identity.append(("enrolment", number, people.key(i)))

    def finish(self) -> None:
        """Write the list."""
        data = "\n".join([ACCOUNT_COLUMNS, *self.rows]) + "\n"
        self.landing.put("enrolment/accounts.csv", data.encode(), len(self.rows))


def sample_rows(chunk: Chunk) -> list[str]:
    """Rows of the genome laboratory's sample sheet for one chunk."""
    rng, people = chunk.rng("sample sheet"), chunk.people
    n = len(people)
    luck, born = rng.random((n, 3)), days(people.birth)
    collected = people.enrolled + rng.integers(0, 30, n).astype("timedelta64[D]")
    reported = collected + rng.integers(20, 60, n).astype("timedelta64[D]")
    rows = []
    for i in np.flatnonzero(people.genome).tolist():
        hospital, mrn = ("st_anne", people.mrn_a[i]) if people.in_a[i] else ("riverside", people.mrn_b[i])
        if luck[i, 0] > 0.85:
            hospital = mrn = ""
        family = slip(people.family[i], rng) if mrn and luck[i, 1] < 0.03 else people.family[i]
        assay = "wgs_gvcf" if is_gvcf(people, i) else "array_imputed_grch38"
        sex, consent = "male" if people.male[i] else "female", "yes" if luck[i, 2] < 0.8 else "no"
        rows.append(
            f"{people.sample[i]},{hospital},{mrn},{people.given[i]},{family},{born[i]},{sex},{collected[i]},{reported[i]},{assay},{consent}"
        )
        chunk.identity.append(("genome", people.sample[i], people.key(i)))
    return rows


def is_gvcf(people: People, i: int) -> bool:
    """Whether the genome laboratory delivered a person's sample as a single gVCF instead of in the cohort file."""
    return int(people.number[i]) % 97 == 5
