"""Circuits in JAX."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp

import ohmgrad
from decks import CIRCUITS
from ohmgrad.jax import circuit_function


def function_of(name):
    deck, inputs, outputs, trained, at = CIRCUITS[name]
    f, g = circuit_function(deck, inputs, outputs, trained)
    return f, g, jnp.array(at) * jnp.array([[0.9], [1.0], [1.15]])


@pytest.mark.parametrize("name", CIRCUITS)
def test_gradients_agree_with_differences(name):
    f, g, x = function_of(name)
    scale = jnp.abs(f(g, x)).max(0)
    rng = np.random.default_rng(3)
    weights = jnp.array(rng.normal(size=scale.shape))

    def loss(a, b):
        return jnp.sum(jnp.sin(f(g * a, x * b) / scale) * weights)

    ones = (jnp.ones_like(g), jnp.ones_like(x))
    gradients = jax.grad(loss, argnums=(0, 1))(*ones)
    along = [jnp.array(rng.normal(size=one.shape)) for one in ones]
    step = 1e-5
    ahead, behind = (loss(*(one + s * d for one, d in zip(ones, along))) for s in (step, -step))
    found = sum(jnp.vdot(gradient, d) for gradient, d in zip(gradients, along))
    assert float(found) == pytest.approx(float((ahead - behind) / (2 * step)), rel=1e-6, abs=1e-9)


def test_it_is_compiled_and_mapped():
    f, g, x = function_of("clamp")
    y = f(g, x)
    assert y.shape == (3, 4)
    np.testing.assert_array_equal(jax.jit(f)(g, x), y)
    np.testing.assert_allclose(jax.vmap(f, in_axes=(None, 0))(g, x), y, rtol=1e-12)
    each = jax.vmap(jax.grad(lambda g, x: f(g, x)[0]), in_axes=(None, 0))(g, x)
    whole = jax.jit(jax.grad(lambda g: f(g, x)[:, 0].sum()))(g)
    np.testing.assert_allclose(each.sum(0), whole, rtol=1e-10)
    circuit = ohmgrad.Circuit.from_netlist(CIRCUITS["clamp"][0])
    np.testing.assert_allclose(y, circuit.solve((CIRCUITS["clamp"][1], np.asarray(x)), CIRCUITS["clamp"][2]), rtol=1e-9)
