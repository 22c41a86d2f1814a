"""Circuits as functions that JAX differentiates, in reverse mode, and compiles around.

The gradient comes from hardware linearization: the transposed linear solve of each sample. The circuit itself is
solved on the CPU in double precision, in a callback; turn on ``jax_enable_x64`` to keep its digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import jax
import jax.numpy as jnp
import numpy as np

from ._native import Circuit

Names = Union[str, Sequence[str]]


def circuit_function(
    circuit: Union[Circuit, str],
    inputs: Names,
    outputs: Names,
    trained: Optional[Names] = None,
    *,
    complements: Optional[Names] = None,
) -> tuple[Callable[[Any, Any], jax.Array], jax.Array]:
    """``f`` and the conductances ``g`` of the circuit (S), such that ``f(g, x)`` are its outputs.

    ``circuit`` is a ``Circuit`` or the text of a netlist, taken as it is now; ``inputs`` are names of V and I sources,
    ``outputs`` probes such as ``v(out*)``, ``trained`` names and patterns of resistors (``r*``). ``x`` holds values of the
    sources (V, A), ``(..., inputs)``; the result is ``(..., outputs)`` (V, A). It works in ``jit``, ``vmap`` and ``grad``; the
    operating points are found once more on the way back. Sources ``complements`` carry the negatives of the inputs.
    """
    source = Circuit.from_netlist(circuit) if isinstance(circuit, str) else circuit
    function = source.function(inputs, outputs, trained, complements=complements)
    width, count = function.inputs, len(function.outputs)

    def run(x: Any) -> np.ndarray:
        return np.asarray(x, np.float64).reshape(-1, width)

    def solve(g: Any, x: Any) -> np.ndarray:
        found, _ = function(run(x), np.asarray(g, np.float64))
        return found.reshape(*np.shape(x)[:-1], count).astype(x.dtype)

    def pull(g: Any, x: Any, dy: Any) -> tuple[np.ndarray, np.ndarray]:
        _, tape = function(run(x), np.asarray(g, np.float64))
        dx, dg = tape.vjp(np.asarray(dy, np.float64).reshape(-1, count))
        return dg.astype(g.dtype), dx.reshape(np.shape(x)).astype(x.dtype)

    def like(array: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(array.shape, array.dtype)

    @jax.custom_vjp
    def f(g: Any, x: Any) -> jax.Array:
        shape = jax.ShapeDtypeStruct((*x.shape[:-1], count), x.dtype)
        return jax.pure_callback(solve, shape, g, x, vmap_method="sequential")

    def forward(g: Any, x: Any) -> tuple[jax.Array, tuple[Any, Any]]:
        return f(g, x), (g, x)

    def backward(at: tuple[Any, Any], dy: Any) -> tuple[jax.Array, jax.Array]:
        g, x = at
        return jax.pure_callback(pull, (like(g), like(x)), g, x, dy, vmap_method="sequential")

    f.defvjp(forward, backward)

    def checked(g: Any, x: Any) -> jax.Array:
        kind = float
        return f(jnp.asarray(g, dtype=kind), jnp.asarray(x, dtype=kind))

    return checked, jnp.asarray(function.conductances)
