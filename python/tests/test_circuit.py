"""Circuits, operating points and derivatives; NumPy is all they need."""

import threading

import numpy as np
import pytest

import ohmgrad
from decks import CIRCUITS, CLAMP


def clamp():
    return ohmgrad.Circuit.from_netlist(CLAMP)


def test_an_operating_point_is_read_by_name():
    op = clamp().op()
    assert op.voltage("out") == pytest.approx(0.6928875985993175, abs=1e-14)
    assert op.voltage("IN", "out") == pytest.approx(5 - op.voltage("out"))
    assert op.current("r1") == pytest.approx((5 - op.voltage("out")) / 1e3, rel=1e-12)
    assert op.voltages.keys() == {"0", "in", "out"}
    assert op.currents["v1"] == pytest.approx(-op.current("r1"))
    assert op.powers["r1"] == pytest.approx(op.value("p(r1)"))
    assert op.value("{v(in)*i(r1)}") == pytest.approx(op.power_dissipated)
    assert op.power_dissipated == pytest.approx(op.power_delivered, rel=1e-12)
    assert op.iterations > 1 and op.strategy and op.cocontent is not None


def test_a_circuit_is_built_in_code():
    built = ohmgrad.Circuit("diode clamp")
    built.voltage_source("V1", "in", "0", 5)
    built.resistor("1", "in", "out", 1e3)
    built.diode("D1", "out", "0", IS=1e-14)
    assert built.op().voltages == clamp().op().voltages
    built.add("R2 out 0 1k\nI1 0 out 1m")
    built.current_source("I2", "out", "0", 1e-3)
    built.diode("d2", "0", "out", ideal=True)
    assert built.op().voltage("out") < clamp().op().voltage("out")
    deck = ohmgrad.Circuit.from_netlist(CLAMP + ".end\n")
    deck.add("R2 out 0 100")
    assert deck.op().voltage("out") == pytest.approx(5 / 11, rel=1e-3)


def test_values_are_set_all_or_none():
    circuit = clamp()
    values = circuit.parameters()
    assert (values["r1"], values["v1"], values["d1:is"], values["temp"]) == (1e3, 5, 1e-14, 27)
    circuit.set({"r1": 2e3, "temp": 50})
    before = circuit.op().voltages
    with pytest.raises(ohmgrad.OhmgradError, match="no variable `r9`"):
        circuit.set({"v1": 1, "r9": 2})
    with pytest.raises(ohmgrad.OhmgradError, match="`d1:is` cannot be -1"):
        circuit.set({"v1": 1, "d1:is": -1})
    assert circuit.op().voltages == before
    assert circuit.parameters()["r1"] == 2e3
    circuit.add("R2 out 0 1meg")
    assert circuit.parameters()["temp"] == 50


def test_many_points_are_an_array():
    circuit = clamp()
    volts = np.linspace(-1, 5, 50)
    table = circuit.solve({"v1": volts, "r1": 2e3}, ["v(out)", "i(r1)"])
    assert table.shape == (50, 2) and table.dtype == np.float64 and table.flags.c_contiguous
    same = circuit.solve((["v1", "r1"], np.column_stack([volts, np.full(50, 2e3)])), ["v(out)", "i(r1)"])
    np.testing.assert_array_equal(table, same)
    for row in (0, 17, 49):
        circuit.set({"v1": volts[row], "r1": 2e3})
        op = circuit.op()
        np.testing.assert_allclose(table[row], [op.voltage("out"), op.current("r1")], rtol=1e-10, atol=1e-18)
    strided = circuit.solve({"v1": np.repeat(volts, 2)[::2]}, "v(out)")
    np.testing.assert_allclose(strided, table[:, :1], rtol=1e-10)


def test_a_sweep_has_an_array_for_each_output():
    volts = [0.0, 1.0, 5.0]
    swept = clamp().sweep("v1", volts)
    assert set(swept) == {"v(in)", "v(out)", "i(v1)"}
    np.testing.assert_allclose(swept["v(in)"], volts)
    assert list(clamp().sweep("temp", [0, 50], "v(out*)")) == ["v(out)"]


def differences(deck, output, name, value):
    def at(x):
        circuit = ohmgrad.Circuit.from_netlist(deck)
        circuit.set({name: x})
        return circuit.op().value(output)

    step = 1e-4 * abs(value)
    return (at(value - 2 * step) - 8 * at(value - step) + 8 * at(value + step) - at(value + 2 * step)) / (12 * step)


@pytest.mark.parametrize("name", CIRCUITS)
def test_gradients_agree_with_differences(name):
    deck, _, outputs, _, _ = CIRCUITS[name]
    circuit = ohmgrad.Circuit.from_netlist(deck)
    values = circuit.parameters()
    checked = [name for name in values if name[0] in "rvi" and ":" not in name]
    for output in outputs:
        gradient = circuit.gradient(output)
        assert gradient.keys() == values.keys()
        assert circuit.gradient(output, wrt=checked[0]) == {checked[0]: gradient[checked[0]]}
        largest = max(abs(gradient[name] * values[name]) for name in checked)
        for name in checked:
            found, expected = (g * values[name] for g in (gradient[name], differences(deck, output, name, values[name])))
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-9 * largest), (output, name)


def test_products_with_the_jacobian_are_its_rows_and_columns():
    circuit = ohmgrad.Circuit.from_netlist(CIRCUITS["clamp"][0])
    outputs = ["v(b)", "i(d1)"]
    rows = {output: circuit.gradient(output) for output in outputs}
    pulled = circuit.vjp({"v(b)": 2.0, "i(d1)": -3.0})
    for name, found in pulled.items():
        assert found == pytest.approx(2 * rows["v(b)"][name] - 3 * rows["i(d1)"][name], rel=1e-9, abs=1e-18)
    pushed = circuit.jvp({"r1": 10.0, "i1": 1e-6}, outputs)
    for output in outputs:
        expected = 10 * rows[output]["r1"] + 1e-6 * rows[output]["i1"]
        assert pushed[output] == pytest.approx(expected, rel=1e-12)


def test_the_adjoint_network_holds_the_gradient():
    circuit = clamp()
    adjoint = circuit.linearize("v(out)")
    drops = [c.op().voltage("in", "out") for c in (circuit, adjoint)]
    # dL/dG is minus the product of the drops in both circuits, dG/dR = -1/R^2.
    assert drops[0] * drops[1] / 1e6 == pytest.approx(circuit.gradient("v(out)")["r1"], rel=1e-10)


def test_ports_give_the_kernel_equation():
    half_wave = ohmgrad.Circuit.from_netlist("half wave\nV1 a 0 1\nD1 a b DX\nR1 b 0 1k\nR2 b 0 1k\n.model DX D(IDEAL)\n")
    kernel = half_wave.ports("v1")
    assert (kernel.diodes, kernel.ports) == (["d1"], ["v1"])
    # Through its diode the port sees 500 ohm: w = 500 z - u, y = z.
    np.testing.assert_allclose([kernel.H, np.abs(kernel.B), np.abs(kernel.C)], [[[500]], [[1]], [[1]]], rtol=1e-9)
    np.testing.assert_allclose(kernel.D, [[0]], atol=1e-12)
    assert kernel.c.shape == kernel.d.shape == (1,)


def test_an_exported_deck_is_the_same_circuit():
    circuit = clamp()
    circuit.set({"r1": 1234.5})
    again = ohmgrad.Circuit.from_netlist(circuit.export())
    assert again.op().voltages == circuit.op().voltages
    assert ".op" in circuit.export("ngspice").lower()
    with pytest.raises(ohmgrad.OhmgradError, match="no simulator `spice3`"):
        circuit.export("spice3")


def test_a_file_is_read_with_what_it_includes(tmp_path):
    (tmp_path / "diode.lib").write_text(".model DX D(IS=1e-14)\n")
    deck = CLAMP.replace(".model DX D(IS=1e-14)", ".include diode.lib")
    (tmp_path / "clamp.cir").write_text(deck)
    circuit = ohmgrad.Circuit.from_file(tmp_path / "clamp.cir")
    assert circuit.op().voltages == clamp().op().voltages
    with pytest.raises(ohmgrad.OhmgradError, match="takes no more cards"):
        circuit.add("R2 out 0 1k")


def test_errors_have_the_text_of_the_command_line():
    with pytest.raises(ohmgrad.NetlistError) as bad:
        ohmgrad.Circuit.from_netlist("t\nR1 a 0 1k\nR2 a 0 xy%\n", name="mine.cir")
    assert str(bad.value).startswith("error") and "mine.cir:3" in str(bad.value)
    with pytest.raises(ohmgrad.TopologyError, match="loop of voltage sources: `v2` closes a loop with `v1`"):
        ohmgrad.Circuit.from_netlist("t\nV1 a 0 5\nR1 a 0 1\nV2 a 0 3\n")
    with pytest.raises(ohmgrad.ConvergenceError, match="no operating point"):
        ohmgrad.Circuit.from_netlist("t\nI1 a 0 1m\nD1 a 0 DX\n.model DX D(IDEAL)\n").op()
    with pytest.raises(ohmgrad.NetlistError, match="cannot read"):
        ohmgrad.Circuit.from_file("nowhere.cir")
    with pytest.raises(ohmgrad.OhmgradError, match="no node `oot`\n  help: did you mean `out`"):
        clamp().op().voltage("oot")
    with pytest.raises(ohmgrad.OhmgradError, match="did you mean `v1`"):
        clamp().solve({"vi": [1.0]}, "v(out)")
    with pytest.raises(ohmgrad.OhmgradError, match="inputs, row 2: `v1` cannot be NaN"):
        clamp().solve({"v1": [1.0, np.nan]}, "v(out)")
    with pytest.raises(ohmgrad.OhmgradError, match="`r1` has 3 values, `v1` has 2"):
        clamp().solve({"v1": [1, 2], "r1": [1, 2, 3]}, "v(out)")
    with pytest.raises(ohmgrad.OhmgradError):
        clamp().solve({"v1": []}, "v(out)")
    assert issubclass(ohmgrad.NetlistError, ohmgrad.OhmgradError)


def test_what_is_odd_is_a_warning():
    with pytest.warns(ohmgrad.OhmgradWarning, match="has 0 ohm"):
        ohmgrad.Circuit.from_netlist("t\nV1 a 0 1\nR1 a b 0\nR2 b 0 1k\n")


def test_other_threads_run_while_a_circuit_is_solved():
    side = 60
    cards = ["grid", "V1 n0_0 0 1", f"R0 n{side - 1}_{side - 1} 0 1"]
    for i in range(side):
        for j in range(side):
            if i + 1 < side:
                cards.append(f"RV{i}_{j} n{i}_{j} n{i + 1}_{j} 1k")
            if j + 1 < side:
                cards.append(f"RH{i}_{j} n{i}_{j} n{i}_{j + 1} 1k")
    circuit = ohmgrad.Circuit.from_netlist("\n".join(cards) + "\n")
    done = threading.Event()
    values = np.linspace(0, 1, 200)
    worker = threading.Thread(target=lambda: (circuit.sweep("r0", values + 1, "v(n1_1)"), done.set()))
    counted = 0
    worker.start()
    while not done.wait(0.001):
        counted += 1
    worker.join()
    assert counted > 2
