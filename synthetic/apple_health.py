"""Apple Health: ``export.zip`` with ``apple_health_export/export.xml``, as the Health app writes it.

Every time carries the offset of the phone *when it exported* (-0400), in winter too; the true zone of a sample stands in
``HKTimeZone`` metadata where an app wrote it. Phone and watch both count steps, over overlapping intervals.
"""
# ruff: noqa: E501 -- XML templates

from __future__ import annotations

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF, TIME_ZONE, Times, utc_offset_minutes
from synthetic.enrolment import account
from synthetic.landing import zipped
from synthetic.wearables import STEP_HOURS, Worn

_EXPORT_OFFSET = -240
_TYPE = "HKQuantityTypeIdentifier"
_DTD = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 14 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary|ClinicalRecord|Audiogram|VisionPrescription)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT ExportDate EMPTY>
<!ATTLIST ExportDate
  value CDATA #REQUIRED
>
<!ELEMENT Me EMPTY>
<!ATTLIST Me
  HKCharacteristicTypeIdentifierDateOfBirth                    CDATA #REQUIRED
  HKCharacteristicTypeIdentifierBiologicalSex                  CDATA #REQUIRED
  HKCharacteristicTypeIdentifierBloodType                      CDATA #REQUIRED
  HKCharacteristicTypeIdentifierFitzpatrickSkinType            CDATA #REQUIRED
  HKCharacteristicTypeIdentifierCardioFitnessMedicationsUse    CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type          CDATA #REQUIRED
  unit          CDATA #IMPLIED
  value         CDATA #IMPLIED
  sourceName    CDATA #REQUIRED
  sourceVersion CDATA #IMPLIED
  device        CDATA #IMPLIED
  creationDate  CDATA #IMPLIED
  startDate     CDATA #REQUIRED
  endDate       CDATA #REQUIRED
>
<!ELEMENT MetadataEntry EMPTY>
<!ATTLIST MetadataEntry
  key   CDATA #REQUIRED
  value CDATA #REQUIRED
>
]>"""


def write(chunk: Chunk, i: int, campaigns: list[Worn], rng: np.random.Generator) -> None:
    """Write one person's export."""
    people = chunk.people
    owner = people.given[i].replace("'", "&apos;")
    watch = (
        f'sourceName="{owner}’s Apple\u00a0Watch" sourceVersion="9.4" device="&lt;&lt;HKDevice: 0x28{i:07x}&gt;, name:Apple Watch, '
        'manufacturer:Apple Inc., model:Watch, hardware:Watch6,7, software:9.4&gt;"'
    )
    phone = (
        f'sourceName="{owner}’s iPhone" sourceVersion="16.4" device="&lt;&lt;HKDevice: 0x29{i:07x}&gt;, name:iPhone, '
        'manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,5, software:16.4&gt;"'
    )
    lines: list[str] = []
    for worn in campaigns:
        _steps(lines, worn, watch, phone, rng)
        _daily(lines, worn, watch, rng)
        _sleep(lines, worn, watch, rng)
        _weight(lines, worn)
    name = f"apple_health/account={account(people, i, 'apple_health')}/export.zip"
    if rng.random() < 0.08:
        _clock_jump(chunk, i, lines, watch, name)
    sex = "Male" if people.male[i] else "Female"
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{_DTD}\n<HealthData locale="en_US">\n'
        f' <ExportDate value="{DATA_CUTOFF} 21:05:00 -0400"/>\n <Me HKCharacteristicTypeIdentifierDateOfBirth="{people.birth[i]}" '
        f'HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSex{sex}" '
        'HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet" '
        'HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet" '
        'HKCharacteristicTypeIdentifierCardioFitnessMedicationsUse="None"/>\n'
    )
    xml = (head + "\n".join(lines) + "\n</HealthData>\n").encode()
    chunk.landing.put(name, zipped({"apple_health_export/export.xml": xml}), len(lines))


def _text(local: Times) -> list[str]:
    shift = (_EXPORT_OFFSET - utc_offset_minutes(local)).astype("timedelta64[m]")
    written = np.datetime_as_string(local.astype("datetime64[s]") + shift, unit="s")
    return "\n".join(written.tolist()).replace("T", " ").split("\n") if len(written) else []


def _records(
    lines: list[str], kind: str, unit: str, source: str, start: Times, end: Times,
    values: list[str], metadata: str = "",
) -> None:  # fmt: skip
    close = f">\n  {metadata}\n </Record>" if metadata else "/>"
    head, n = f' <Record type="{kind}" {source}{unit} creationDate="', len(start)
    times = _text(np.concatenate([end + np.timedelta64(4, "m"), start, end]))
    lines.extend(
        [
            f'{head}{c} -0400" startDate="{s} -0400" endDate="{e} -0400" value="{v}"{close}'
            for c, s, e, v in zip(times[:n], times[n : 2 * n], times[2 * n :], values, strict=True)
        ]
    )


def _steps(lines: list[str], worn: Worn, watch: str, phone: str, rng: np.random.Generator) -> None:
    """The watch counts every hour but the first (it charges); the phone sees part of the same steps, minutes shifted."""
    midnight = worn.date.astype("datetime64[m]")[:, None]
    start = midnight + (STEP_HOURS * 60)[None, :].astype("timedelta64[m]")
    rows = worn.hourly > 0
    seen = rows.copy()
    seen[:, 0] = False
    count = worn.hourly[seen]
    length = np.timedelta64(52, "m")
    _records(
        lines,
        f"{_TYPE}StepCount",
        ' unit="count"',
        watch,
        start[seen],
        start[seen] + length,
        [str(c) for c in count.tolist()],
    )
    carried = rows & (rng.random(rows.shape) < 0.7)
    carried[:, 0] = rows[:, 0]
    part = np.where(np.arange(len(STEP_HOURS)) == 0, 1.0, rng.uniform(0.5, 0.95, rows.shape))
    count = np.floor(worn.hourly * part).astype(np.int64)
    carried &= count > 0
    begin = (start + np.timedelta64(6, "m"))[carried]
    _records(
        lines,
        f"{_TYPE}StepCount",
        ' unit="count"',
        phone,
        begin,
        begin + np.timedelta64(40, "m"),
        [str(c) for c in count[carried].tolist()],
    )


def _daily(lines: list[str], worn: Worn, watch: str, rng: np.random.Generator) -> None:
    midnight = worn.date.astype("datetime64[m]")
    day_end = midnight + np.timedelta64(1438, "m")
    rate = ' unit="count/min"'
    _records(
        lines, f"{_TYPE}RestingHeartRate", rate, watch, midnight + 2, day_end, [str(v) for v in worn.resting.tolist()]
    )
    at = midnight + rng.integers(180, 330, len(midnight)).astype("timedelta64[m]")
    _records(
        lines,
        f"{_TYPE}HeartRateVariabilitySDNN",
        ' unit="ms"',
        watch,
        at,
        at + 1,
        [f"{v:.4f}" for v in worn.sdnn.tolist()],
    )
    at = midnight + rng.integers(60, 330, len(midnight)).astype("timedelta64[m]")
    _records(
        lines, f"{_TYPE}OxygenSaturation", ' unit="%"', watch, at, at, [f"{v / 100:.2f}" for v in worn.oxygen.tolist()]
    )
    for hour, above in ((9, 9), (14, 14), (20, 11)):
        at = midnight + (hour * 60 + rng.integers(0, 50, len(midnight))).astype("timedelta64[m]")
        value = worn.resting + above + rng.integers(-5, 15, len(midnight))
        _records(lines, f"{_TYPE}HeartRate", rate, watch, at, at, [str(v) for v in value.tolist()],
                 '<MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>')  # fmt: skip
    energy = [f"{0.036 * v + 120:.1f}" for v in worn.steps.tolist()]
    _records(lines, f"{_TYPE}ActiveEnergyBurned", ' unit="kcal"', watch, midnight + 420, midnight + 1320, energy)


def _sleep(lines: list[str], worn: Worn, watch: str, rng: np.random.Generator) -> None:
    """One night per day worn, in four pieces; the night of a day ends on that day."""
    begin = worn.date.astype("datetime64[m]") - 720 + worn.asleep.astype("timedelta64[m]")
    zone = f'<MetadataEntry key="HKTimeZone" value="{TIME_ZONE}"/>'
    share = rng.dirichlet((40, 16, 18, 3), len(begin))
    kind = "HKCategoryTypeIdentifierSleepAnalysis"
    for k, stage in enumerate(("AsleepCore", "AsleepDeep", "AsleepREM", "Awake")):
        length = np.maximum(np.rint(share[:, k] * worn.slept), 1).astype("timedelta64[m]")
        _records(
            lines, kind, "", watch, begin, begin + length, [f"HKCategoryValueSleepAnalysis{stage}"] * len(begin), zone
        )
        begin = begin + length


def _weight(lines: list[str], worn: Worn) -> None:
    at = worn.date[worn.weighed].astype("datetime64[m]") + 425
    scale = 'sourceName="Withings" sourceVersion="5.2"'
    zone = f'<MetadataEntry key="HKTimeZone" value="{TIME_ZONE}"/>'
    pounds = [f"{v / 0.45359237:.1f}" for v in worn.weight[worn.weighed].tolist()]
    _records(lines, f"{_TYPE}BodyMass", ' unit="lb"', scale, at, at, pounds, zone)


def _clock_jump(chunk: Chunk, i: int, lines: list[str], watch: str, name: str) -> None:
    """Samples of a watch whose clock was wrong: in 2092, and at the epoch."""
    for when in ("2092-03-01T10:00", "2092-03-01T11:00", "1970-01-01T00:30"):
        at = np.array([np.datetime64(when, "m")])
        _records(lines, f"{_TYPE}StepCount", ' unit="count"', watch, at, at + 30, ["777"])
        chunk.dirt.add("clock_jump", name, f"start {when[:4]}", chunk.people.key(i), "flagged",
                       metric="step_count", value=777, reason="clock_jump", also_accepted="rejected")  # fmt: skip
