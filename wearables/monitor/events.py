"""Rules on what happens: drops of oxygen saturation, of blood pressure on standing, high scores, and silence."""

from __future__ import annotations

from typing import Literal

from wearables.monitor.readings import Reading
from wearables.monitor.rule import Alarm, Rule, State

BASELINE_S = 120
DESATURATION_S = 10


class Desaturation(Rule):
    """Drops of oxygen saturation per hour: each at least ``drop`` points below the mean of the two minutes before, for
    at least ten seconds (Chung et al., Anesth Analg 2012;114:993).

    Only a sensor that measures every ``longest_gap`` seconds or oftener can show one; single readings say nothing of
    drops and add no time.
    """

    kind: Literal["desaturation"]
    metric: str
    drop: float
    per_hour: float
    clear: float
    window: float = 3600
    longest_gap: float = 15

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Compare with the two minutes before; count drops and the time measured of the last hour."""
        last = state.get("last")
        state["last"] = reading.at
        recent: list[list[float]] = [one for one in state.get("recent", []) if one[0] >= reading.at - BASELINE_S]
        if last is None or reading.at - last > self.longest_gap:
            recent = []
            state.pop("since", None)
        else:
            state["spans"] = [one for one in state.get("spans", []) if one[1] > reading.at - self.window]
            self._measured(state["spans"], last, reading.at)
            self._drop(state, reading, recent)
        state["recent"] = [*recent, [reading.at, reading.value]]
        return self._judge(state, reading)

    def _measured(self, spans: list[list[float]], last: float, now: float) -> None:
        if spans and spans[-1][1] == last:
            spans[-1][1] = now
        else:
            spans.append([last, now])

    def _drop(self, state: State, reading: Reading, recent: list[list[float]]) -> None:
        baseline = sum(one[1] for one in recent) / len(recent)
        if reading.value > baseline - self.drop:
            state.pop("since", None)
            return
        since = state.setdefault("since", reading.at)
        drops: list[float] = [one for one in state.get("drops", []) if one > reading.at - self.window]
        if reading.at - since >= DESATURATION_S and since not in drops:
            drops.append(since)
            state["drop"] = [reading.value, baseline]
        state["drops"] = drops

    def _judge(self, state: State, reading: Reading) -> list[Alarm]:
        begin = reading.at - self.window
        measured = sum(end - max(start, begin) for start, end in state.get("spans", []))
        drops = [one for one in state.get("drops", []) if one > begin]
        if measured < self.window * 0.9:
            return []
        index = len(drops) * 3600 / measured
        if self.begins(state, is_out=index >= self.per_hour, is_over=index <= self.clear):
            value, baseline = state["drop"]
            evidence = {"value": value, "baseline": baseline, "per_hour": index, "measured_minutes": measured / 60}
            return self.raised(state, reading, drops[0], evidence)
        return []


class Orthostatic(Rule):
    """Blood pressure that falls on standing up: the systolic by ``systolic`` or the diastolic by ``diastolic`` mm[Hg]
    within ``within`` seconds of standing (Freeman et al., Clin Auton Res 2011;21:69: 20, 10, three minutes).

    Readings say the posture they were taken in; without it a pressure says nothing of standing. Standing begins with
    the first reading of any metric that was taken standing.
    """

    kind: Literal["orthostatic"]
    systolic: float
    diastolic: float
    within: float
    baseline_within: float = 900

    def concerns(self, metric: str) -> bool:
        """Any metric can say that the person stands."""
        return True

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Keep the last pressures that were not taken standing; compare those taken standing with them."""
        if reading.posture is None:
            return []
        kind = {"systolic_bp": "systolic", "diastolic_bp": "diastolic"}.get(reading.metric)
        if reading.posture != "standing":
            state.pop("stood", None)
            state.pop("told", None)
            if kind:
                state.setdefault("before", {})[kind] = [reading.at, reading.value]
            return []
        stood = state.setdefault("stood", reading.at)
        before = state.get("before", {}).get(kind)
        if before is None or state.get("told") or reading.at - stood > self.within:
            return []
        fall = before[1] - reading.value
        if stood - before[0] > self.baseline_within or fall < (self.systolic if kind == "systolic" else self.diastolic):
            return []
        state["told"] = True
        evidence = {
            "metric": reading.metric,
            "value": reading.value,
            "baseline": before[1],
            "fall": fall,
            "seconds_standing": reading.at - stood,
        }
        return self.raised(state, reading, stood, evidence)


class Silence(Rule):
    """No reading of a person for a while: told by the clock, or by the reading that ends it."""

    kind: Literal["silence"]
    after: float

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """A gap that nobody looked at while it lasted is an alarm all the same."""
        alarms = self._silent(state, reading.person, reading.at)
        state["last"] = max(reading.at, state.get("last", reading.at))
        return alarms

    def tick(self, state: State, person: str, now: float) -> list[Alarm]:
        """Look at the clock."""
        return self._silent(state, person, now)

    def _silent(self, state: State, person: str, now: float) -> list[Alarm]:
        last = state.get("last")
        if last is None or now - last < self.after or state.get("told") == last:
            return []
        state["told"] = last
        evidence = {"hours": self.after / 3600}
        return [Alarm(person, self.rule, self.severity, last, last + self.after, evidence)]


class ScoreRule(Rule):
    """An early warning score that is high whatever is missing: its lowest possible total reaches a level."""

    kind: Literal["score"]
    score: str
    level: int
    clear: int
    fresh: float

    def concerns(self, metric: str) -> bool:
        """Only parameters of the score."""
        from wearables.early_warning import load

        return metric in load(self.score).parameters

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Keep the last value of every parameter; older ones than ``fresh`` are missing, not normal."""
        from wearables.early_warning import load
        from wearables.monitor.points import total

        score = load(self.score)
        latest: dict[str, list[float]] = state.setdefault("latest", {})
        latest[reading.metric] = [reading.at, reading.value]
        values = {name: one[1] for name, one in latest.items() if reading.at - one[0] <= self.fresh}
        lowest, highest = total(self.score, values)
        if lowest <= self.clear:
            state.pop("since", None)
        if not self.begins(state, is_out=lowest >= self.level, is_over=lowest <= self.clear):
            return []
        since = state.setdefault("since", reading.at)
        missing = sorted(set(score.parameters) - set(values))
        evidence = {
            "value": lowest,
            "edge": self.level,
            "lowest_total": lowest,
            "highest_total": highest,
            "values": values,
            "ages_s": {name: reading.at - latest[name][0] for name in values},
            "missing": missing,
        }
        return self.raised(state, reading, since, evidence)
