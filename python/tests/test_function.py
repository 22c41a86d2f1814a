"""Rows of inputs through a circuit and back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ohmgrad
from decks import CIRCUITS


def function_of(name):
    deck, inputs, outputs, trained, at = CIRCUITS[name]
    circuit = ohmgrad.Circuit.from_netlist(deck)
    x = np.array(at) * np.linspace(0.8, 1.2, 40)[:, None]
    return circuit, circuit.function(inputs, outputs, trained), x


@pytest.mark.parametrize("name", CIRCUITS)
def test_rows_are_operating_points(name):
    circuit, function, x = function_of(name)
    y, _ = function(x)
    _, inputs, outputs, _, _ = CIRCUITS[name]
    assert function.outputs == outputs
    np.testing.assert_allclose(y, circuit.solve((inputs, x), outputs), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", CIRCUITS)
def test_products_agree_with_differences_and_with_each_other(name):
    _, function, x = function_of(name)
    g = function.conductances
    rng = np.random.default_rng(1)
    dx, dg = x * rng.normal(size=x.shape), g * rng.normal(size=g.shape)
    _, tape = function(x)
    pushed = tape.jvp(dx, dg)
    step = 1e-5
    ahead, behind = (function(x + s * dx, g + s * dg)[0] for s in (step, -step))
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(pushed, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())
    dy = rng.normal(size=pushed.shape)
    to_x, to_g = tape.vjp(dy)
    assert (to_x.shape, to_g.shape) == (x.shape, g.shape)
    assert np.sum(dy * pushed) == pytest.approx(np.sum(to_x * dx) + np.sum(to_g * dg), rel=1e-9)


def test_bad_arguments_are_told():
    circuit, function, x = function_of("clamp")
    with pytest.raises(ohmgrad.OhmgradError, match=r"shape \(40, 1\), expected \(rows, 2\)"):
        function(x[:, :1])
    with pytest.raises(ohmgrad.OhmgradError, match="conductance of `r2` cannot be 0 S"):
        function(x, [1e-3, 0.0])
    with pytest.raises(ohmgrad.OhmgradError, match="found 3 numbers, expected 2"):
        function(x, [1e-3] * 3)
    with pytest.raises(ohmgrad.OhmgradError, match="row 1: `v1` cannot be NaN"):
        function([[np.nan, 1.0]])
    with pytest.raises(ohmgrad.OhmgradError, match="no V or I source `r1`"):
        circuit.function("r1", "v(b)")
    with pytest.raises(ohmgrad.OhmgradError, match="no resistor of the circuit matches `x"):
        circuit.function("v1", "v(b)", "x*")


def test_what_an_operating_point_leaves_open_has_no_derivative():
    deck = "open\nV1 a 0 1\nD1 b a DX\nD2 0 b DX\nR1 a c 1k\nR2 c 0 1k\n.model DX D(IDEAL)\n"
    circuit = ohmgrad.Circuit.from_netlist(deck)
    with pytest.warns(ohmgrad.OhmgradWarning, match="open"):
        circuit.op()
    with pytest.raises(ohmgrad.ConvergenceError, match=r"`v\(b\)` is not determined"):
        circuit.gradient("v(b)")
    _, tape = circuit.function("v1", ["v(c)", "v(b)"])([[1.0], [2.0]])
    with pytest.raises(ohmgrad.ConvergenceError, match=r"row 1: `v\(b\)` is not determined"):
        tape.vjp([[0, 1], [0, 0]])
    assert tape.vjp([[1, 0], [1, 0]])[0].ravel() == pytest.approx([0.5, 0.5])


def test_no_rows_are_none():
    _, function, _ = function_of("clamp")
    y, tape = function(np.empty((0, 2)))
    to_x, to_g = tape.vjp(y)
    assert (y.shape, to_x.shape, to_g.tolist()) == ((0, 4), (0, 2), [0, 0])


def test_bits_do_not_depend_on_threads():
    program = """
import numpy as np, ohmgrad
from decks import CIRCUITS
deck, inputs, outputs, trained, at = CIRCUITS["clamp"]
f = ohmgrad.Circuit.from_netlist(deck).function(inputs, outputs, trained)
y, tape = f(np.array(at) * np.linspace(-2, 2, 101)[:, None])
print([part.tobytes().hex() for part in (y, *tape.vjp(np.cos(y)))])
"""

    def printed(threads):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, cwd=Path(__file__).parent, check=True, capture_output=True).stdout

    assert printed(1) == printed(4)
