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


@pytest.mark.parametrize("name", ["ideal crossbar", "diode crossbar"])
def test_batches_are_as_rows_and_calls_may_come_between(name):
    circuit, function, x = function_of(name)
    rng = np.random.default_rng(2)
    x = x * rng.uniform(-2, 2, x.shape)
    y, tape = function(x)
    dy = rng.normal(size=y.shape)
    to_x, to_g = tape.vjp(dy)
    without = tape.vjp(dy, inputs=False)
    assert without[0] is None
    assert (without[1] == to_g).all()
    assert function.batched
    # A current as an output sends the circuit to the general solver.
    _, inputs, outputs, trained, _ = CIRCUITS[name]
    alone = circuit.function(inputs, [*outputs, "i(v0)"], trained)
    assert not alone.batched
    z, other = alone(x)
    np.testing.assert_allclose(y, z[:, :-1], rtol=1e-9, atol=1e-12)
    one_by_one = other.vjp(np.column_stack([dy, np.zeros(len(dy))]))
    for found, expected in zip((to_x, to_g), one_by_one):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    function(x[:7] + 1, 2 * function.conductances)
    for found, expected in zip(tape.vjp(dy), (to_x, to_g)):
        assert (found == expected).all()


@pytest.mark.parametrize("name", ["ideal crossbar", "clamp"])
@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.int16])
def test_inputs_of_other_types_are_the_same_numbers(name, kind):
    _, function, x = function_of(name)
    x = np.random.default_rng(4).integers(0, 200, x.shape).astype(kind)
    y, tape = function(x.astype(float))
    dy = np.cos(y)
    to_x, to_g = tape.vjp(dy)
    for same in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        z, other = function(same)
        assert (z == y).all()
        for found, expected in zip(other.vjp(dy), (to_x, to_g)):
            assert (found == expected).all()


@pytest.mark.parametrize("name", ["ideal crossbar", "clamp"])
def test_a_tape_keeps_what_was_given(name):
    _, function, x = function_of(name)
    given, g = x.copy(), function.conductances
    y, tape = function(given, g)
    expected = tape.vjp(np.cos(y))
    given += 1
    g *= 2
    tapes = [function(x + k)[1] for k in range(3)]
    for found, other in zip(tape.vjp(np.cos(y)), expected):
        assert (found == other).all()
    last = tapes[1].vjp(np.cos(y))
    for found, other in zip(function(x + 1)[1].vjp(np.cos(y)), last):
        assert (found == other).all()


@pytest.mark.parametrize("name", ["ideal crossbar", "clamp"])
def test_complements_carry_negatives(name):
    circuit, whole, x = function_of(name)
    _, inputs, outputs, trained, _ = CIRCUITS[name]
    half = len(inputs) // 2
    first, second = inputs[:half], inputs[half : 2 * half]
    paired = circuit.function(first, outputs, trained, complements=second)
    separate = circuit.function([*first, *second], outputs, trained)
    y, tape = paired(x[:, :half])
    z, other = separate(np.hstack([x[:, :half], -x[:, :half]]))
    np.testing.assert_allclose(y, z, rtol=1e-10, atol=1e-12)
    dy = np.random.default_rng(3).normal(size=y.shape)
    (to_x, to_g), (to_both, expected) = tape.vjp(dy), other.vjp(dy)
    np.testing.assert_allclose(to_x, to_both[:, :half] - to_both[:, half:], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(to_g, expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    with pytest.raises(ohmgrad.OhmgradError, match="1 complements for 2 inputs"):
        circuit.function(inputs[:2], outputs, complements=inputs[0])


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
    batched, at = function_of("ideal crossbar")[1:]
    at[3, 1] = np.inf
    for kind in (np.float64, np.float32):
        with pytest.raises(ohmgrad.OhmgradError, match="row 4: `v1` cannot be inf"):
            batched(at.astype(kind))
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


@pytest.mark.parametrize("name", ["clamp", "ideal crossbar"])
def test_no_rows_are_none(name):
    _, function, x = function_of(name)
    y, tape = function(x)
    tape.vjp(y)
    y, tape = function(x[:0])
    to_x, to_g = tape.vjp(y)
    assert (y.shape, to_x.shape) == ((0, len(function.outputs)), (0, x.shape[1]))
    assert to_g.shape == function.conductances.shape and not to_g.any()


@pytest.mark.parametrize("name", ["clamp", "ideal crossbar"])
def test_derivatives_may_be_written_in_place(name):
    _, function, x = function_of(name)
    y, tape = function(x)
    expected = tape.vjp(np.cos(y))[1]
    out = np.full_like(expected, np.nan)
    assert tape.vjp(np.cos(y), out=out)[1] is out
    assert (out == expected).all()
    with pytest.raises(ohmgrad.OhmgradError, match="out: found 1 numbers"):
        tape.vjp(np.cos(y), out=np.zeros(1))


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
