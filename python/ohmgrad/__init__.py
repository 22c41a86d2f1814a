"""Resistor-diode circuits that are solved, differentiated and trained.

>>> import ohmgrad
>>> clamp = ohmgrad.Circuit.from_netlist('''diode clamp
... V1 in 0 5
... R1 in out 1k
... D1 out 0 DX
... .model DX D(IS=1e-14)
... ''')
>>> round(clamp.op().voltage("out"), 9)
0.692887599
>>> sorted(clamp.gradient("v(out)", wrt=["r1", "v1"]))
['r1', 'v1']

``ohmgrad.torch.CircuitLayer`` and ``ohmgrad.jax.circuit_function`` make a circuit part of a network.
"""

from ._native import (
    Circuit,
    ConvergenceError,
    Function,
    Kernel,
    NetlistError,
    OhmgradError,
    OhmgradWarning,
    OperatingPoint,
    Tape,
    TopologyError,
    __version__,
)
from ._training import train

__all__ = [
    "Circuit",
    "ConvergenceError",
    "Function",
    "Kernel",
    "NetlistError",
    "OhmgradError",
    "OhmgradWarning",
    "OperatingPoint",
    "Tape",
    "TopologyError",
    "__version__",
    "train",
]
