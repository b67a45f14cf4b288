"""Networks of vessels against the stored results of svZeroDSolver, and against what its files solve by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from orchestration.cli.program import app
from simulation.engine.network import BadNetwork, solve
from simulation.engine.sbml import Unsupported

STEADY = (
    "RC_R", "RLC_R", "RL_R", "R_R", "R_RCR", "R_coronary", "R_steadyPressure", "bifurcationR_R1",
    "bifurcationR_R1_blockNames", "bifurcationR_R2", "blood_vessel_junction", "confluenceR_R", "stenosis_R",
)  # fmt: skip
KINDS = ("flow_in", "flow_out", "pressure_in", "pressure_out")


def compared(folder: Path, case: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ours and theirs of every vessel and kind, over the last cycle."""
    found = solve((folder / f"{case}.json").read_text())
    stored = json.loads((folder / f"results/result_{case}.json").read_text())
    told = {}
    for name, ours in found.vessels.items():
        rows = [key for key, one in stored["name"].items() if one == name]
        for kind in KINDS:
            told[f"{name} {kind}"] = ours[kind], np.array([stored[kind][row] for row in rows])[-len(found.times) :]
    return told


def test_steady_networks_are_solved_exactly(shared_data: Path) -> None:
    """All steady cases with a stored result, within 1e-6; inlet 10,500 and outlet 10,000 of the windkessel by hand."""
    folder = shared_data / "sim/svzerod/tests/cases"
    for name in STEADY:
        for what, (ours, theirs) in compared(folder, f"steadyFlow_{name}").items():
            np.testing.assert_allclose(ours[-1], theirs[-1], rtol=1e-6, err_msg=f"{name}: {what}")
    (vessel,) = solve((folder / "steadyFlow_R_RCR.json").read_text()).vessels.values()
    assert vessel["pressure_in"][-1] == pytest.approx(10_500, rel=1e-6)
    assert vessel["pressure_out"][-1] == pytest.approx(10_000, rel=1e-6)


@pytest.mark.parametrize("name", ["CRL", "R_RCR_derivative"])
def test_pulsatile_networks_follow_the_stored_course(shared_data: Path, name: str) -> None:
    """Within 0.5 % of the largest value at every time: another method with the same steps."""
    for what, (ours, theirs) in compared(shared_data / "sim/svzerod/tests/cases", f"pulsatileFlow_{name}").items():
        apart = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9)
        assert apart < 5e-3, f"{what}: {apart:.2g}"


def test_a_capacitance_behind_a_stenosis(shared_data: Path) -> None:
    """By hand: outlet flow is the inlet's sine, inlet pressure |sin t| sin t + 0.1; the stored flow is 2.4 % off it."""
    file = shared_data / "sim/svzerod/tests/cases/pulsatileFlow_CStenosis_steadyPressure.json"
    content = json.loads(file.read_text())
    content["simulation_parameters"] |= {"number_of_cardiac_cycles": 2, "number_of_time_pts_per_cardiac_cycle": 201}
    found = solve(json.dumps(content))
    (vessel,) = found.vessels.values()
    sine = np.sin(found.times)
    np.testing.assert_allclose(vessel["flow_out"], sine, atol=1e-3)
    np.testing.assert_allclose(vessel["pressure_in"], np.abs(sine) * sine + 0.1, atol=2e-3)


def test_what_is_no_network_is_refused(shared_data: Path) -> None:
    folder = shared_data / "sim/svzerod/tests/cases"
    for case, words in (("valve_tanh", "valves"), ("closedLoopHeart_singleVessel", "closed loop blocks")):
        with pytest.raises(Unsupported, match=words):
            solve((folder / f"{case}.json").read_text())
    plain = json.loads((folder / "steadyFlow_R_R.json").read_text())
    with pytest.raises(BadNetwork, match="no network of vessels"):
        solve("{}")
    plain["vessels"][0]["boundary_conditions"] = {"inlet": "INFLOW"}
    with pytest.raises(BadNetwork, match="3 equations for 4 unknowns: an end is free"):
        solve(json.dumps(plain))


def test_network_as_a_command(shared_data: Path, tmp_path: Path) -> None:
    file = shared_data / "sim/svzerod/tests/cases/steadyFlow_R_RCR.json"
    result = CliRunner().invoke(app, ["sim", "network", str(file), "--json"])
    assert result.exit_code == 0, result.output
    (vessel,) = json.loads(result.output)["vessels"].values()
    assert vessel["pressure_in"][-1] == pytest.approx(10_500)
    assert "10500" in CliRunner().invoke(app, ["sim", "network", str(file)]).output
    (tmp_path / "bad.json").write_text("[]")
    for arguments, status in (([str(tmp_path / "bad.json")], 1), ([str(tmp_path / "absent.json")], 2)):
        assert CliRunner().invoke(app, ["sim", "network", *arguments]).exit_code == status
