"""Circuits as layers of PyTorch networks.

The gradient comes from hardware linearization: one linear solve for each sample gives the derivatives of the
loss to every input and to every trained conductance. Circuits that suit the batch engine (resistors, diodes to
held nodes or with a co-content, voltages as outputs) are solved and differentiated in whole batches.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
from torch.autograd.function import once_differentiable

from ._native import Circuit, Function, OhmgradError

Names = Union[str, Sequence[str]]

# Types of inputs that the circuit takes without a copy.
_KINDS = (torch.float64, torch.float32, torch.uint8)

_calm = threading.Lock()


def _calm_down() -> None:
    """Lets PyTorch's threads sleep between its operations, once for the process.

    They spin for milliseconds, on the cores that the circuit needs next: training takes two to seven times as long.
    GNU's OpenMP has them sleep soon where there are more of its threads than cores. A second thread that has used
    PyTorch, and waits from then on, brings that about at any time, where variables of the environment are read as
    PyTorch is loaded. Who has set these is left alone.
    """
    told = any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"))
    if told or torch.get_num_threads() == 1 or not _calm.acquire(blocking=False):
        return
    used = threading.Event()

    def use_and_wait() -> None:
        torch.ones(1 << 20).neg_()
        used.set()
        threading.Event().wait()

    threading.Thread(target=use_and_wait, name="ohmgrad-calm", daemon=True).start()
    used.wait()


def _numbers(tensor: torch.Tensor):
    return tensor.detach().to("cpu", torch.float64).numpy()


# After a batch nothing of PyTorch is in the caches: each operation that is left out is worth ten microseconds.
class _Solve(torch.autograd.Function):
    """Inputs, rows x inputs, and conductances to outputs, rows x outputs."""

    @staticmethod
    def forward(ctx, function: Function, inputs, conductances):
        kind = inputs.dtype
        own = inputs if kind in _KINDS else inputs.to(torch.float64)
        outputs, ctx.tape = function(own.detach().cpu().numpy(), _numbers(conductances))
        ctx.like = (inputs, conductances)
        outputs = torch.from_numpy(outputs)
        kind = kind if kind.is_floating_point else torch.float64
        return outputs if kind == torch.float64 and inputs.is_cpu else outputs.to(inputs.device, kind)

    @staticmethod
    @once_differentiable
    def backward(ctx, cotangents):
        inputs, conductances = ctx.like
        to_conductances = torch.empty(conductances.shape, dtype=torch.float64)
        # The first layer of a network passes nothing on.
        wanted = ctx.needs_input_grad[1]
        to_inputs, _ = ctx.tape.vjp(_numbers(cotangents), inputs=wanted, out=to_conductances.numpy())
        return None, torch.from_numpy(to_inputs).to(inputs) if wanted else None, to_conductances.to(conductances)


class CircuitLayer(torch.nn.Module):
    """A circuit between tensors.

    ``circuit`` is a ``Circuit`` or the text of a netlist, taken as it is now. ``inputs`` are names of V and I
    sources, ``outputs`` probes such as ``v(out*)``, ``i(r1)`` or ``p(d1)``, and ``trained`` names and patterns of
    resistors (``r*``). Their conductances (S) are the parameter ``conductances``, in float64; they must stay above
    zero: call ``clamp_`` after each step of an optimizer. Sources ``complements`` carry the negatives of the inputs, in
    order, as networks without negative weights want them.

    ``forward`` takes values of the sources (V, A), ``(..., inputs)``, and gives ``(..., outputs)`` (V, A) of the same
    type, float64 for whole numbers. Computation is in double precision on the CPU whatever that is. A second derivative is not available.

    Inputs of type float64, float32 and uint8 are read where they are.

    PyTorch's threads spin for a while after each of its operations and take cores from the circuit. A layer of a
    circuit that is solved in batches lets them sleep instead, unless ``OMP_WAIT_POLICY`` is set in the environment.
    Where the circuit is most of the work, ``torch.set_num_threads(1)`` is faster still.
    """

    conductances: torch.nn.Parameter

    def __init__(
        self,
        circuit: Union[Circuit, str],
        inputs: Names,
        outputs: Names,
        trained: Optional[Names] = None,
        *,
        complements: Optional[Names] = None,
    ) -> None:
        super().__init__()
        source = Circuit.from_netlist(circuit) if isinstance(circuit, str) else circuit
        self.input_names = [inputs] if isinstance(inputs, str) else list(inputs)
        self._deck = source.export()
        complements = [complements] if isinstance(complements, str) else complements
        self.complement_names = None if complements is None else list(complements)
        self._function = source.function(self.input_names, outputs, trained, complements=self.complement_names)
        if self._function.batched:
            _calm_down()
        self.output_names = self._function.outputs
        self.resistors = self._function.resistors
        self.conductances = torch.nn.Parameter(torch.from_numpy(self._function.conductances))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dim() == 2:
            return _Solve.apply(self._function, inputs, self.conductances)
        rows = inputs.reshape(-1, len(self.input_names))
        outputs = _Solve.apply(self._function, rows, self.conductances)
        return outputs.reshape(*inputs.shape[:-1], len(self.output_names))

    @torch.no_grad()
    def clamp_(self, minimum: float = 1e-9, maximum: Optional[float] = None) -> CircuitLayer:
        """Keeps conductances within bounds (S)."""
        self.conductances.clamp_(minimum, maximum)
        return self

    def circuit(self) -> Circuit:
        """The circuit with the conductances of now."""
        circuit = Circuit.from_netlist(self._deck)
        values = self.conductances.detach().cpu().tolist()
        circuit.set({name: 1.0 / value for name, value in zip(self.resistors, values)})
        return circuit

    def extra_repr(self) -> str:
        sizes = (len(self.input_names), len(self.output_names), len(self.resistors))
        return "inputs={}, outputs={}, conductances={}".format(*sizes)

    def get_extra_state(self) -> dict[str, Any]:
        return {"resistors": self.resistors}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        if state["resistors"] != self.resistors:
            raise OhmgradError("error: the state is that of a circuit with other trained resistors")

    # The native parts are made anew from the deck.
    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_function"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        circuit = Circuit.from_netlist(self._deck)
        self._function = circuit.function(
            self.input_names, self.output_names, self.resistors or None, complements=self.complement_names
        )
        if self._function.batched:
            _calm_down()
