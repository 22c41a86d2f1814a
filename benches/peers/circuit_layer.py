"""Speed of ohmgrad.torch.CircuitLayer on a deep resistive network: samples/s of a forward and a backward pass.

    python benches/peers/circuit_layer.py --layers 784,100,10 --batch 1024 --seconds 10

The network is that of `[circuit.drn]` with ideal clamps: inputs x and -x, a diode to ground at each hidden node. The
command line on the same work: cargo run --release --example training_speed -- circuits/mnist/drn-xs.toml --batch 1024
"""

import argparse
import os
import statistics
import time

# PyTorch's threads spin for a while after each of its operations, and take cores from the circuit.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from ohmgrad.torch import CircuitLayer


def network(layers, rng):
    inputs, *hidden, outputs = layers
    cards = [f"V{s}{k} x{s}{k} 0 0" for k in range(inputs) for s in "pn"]
    below = [f"x{s}{k}" for k in range(inputs) for s in "pn"]
    for depth, width in enumerate(hidden, 1):
        for h in range(width):
            g = torch.rand(len(below), generator=rng) * len(below) ** -0.5 + 1e-6
            cards += [f"R{depth}_{k}_{h} {a} h{depth}_{h} {1 / x}" for k, (a, x) in enumerate(zip(below, g.tolist()))]
            cards.append(f"D{depth}_{h} h{depth}_{h} 0 DX" if h % 2 else f"D{depth}_{h} 0 h{depth}_{h} DX")
        below = [f"h{depth}_{h}" for h in range(width)]
    for o in range(outputs):
        g = torch.rand(len(below), generator=rng) * len(below) ** -0.5 + 1e-6
        cards += [f"Ro_{k}_{o} {a} out{o} {1 / x}" for k, (a, x) in enumerate(zip(below, g.tolist()))]
    return "\n".join(["network", *cards, ".model DX D(IDEAL)"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", default="784,100,10")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--inputs", action="store_true", help="differentiate to the inputs, too")
    arguments = parser.parse_args()
    layers = [int(n) for n in arguments.layers.split(",")]
    rng = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    names = [[f"v{s}{k}" for k in range(layers[0])] for s in "pn"]
    layer = CircuitLayer(network(layers, rng), names[0], "v(out*)", "r*", complements=names[1])
    print(layer, f"in {time.perf_counter() - began:.1f} s")
    x = 300 * torch.rand(arguments.batch, layers[0], generator=rng, dtype=torch.float64)
    x.requires_grad_(arguments.inputs)
    labels = torch.randint(layers[-1], (arguments.batch,), generator=rng)
    times = []
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or len(times) < 5:
        layer.zero_grad()
        began = time.perf_counter()
        y = layer(x)
        there = time.perf_counter()
        torch.nn.functional.cross_entropy(2 * y, labels).backward()
        times.append((time.perf_counter() - began, there - began))
    both, forward = (statistics.median(t[k] for t in times[2:]) for k in (0, 1))
    print(f"{arguments.batch / both:.0f} samples/s; {1e3 * both:.2f} ms a batch, {1e3 * forward:.2f} of them forward")


if __name__ == "__main__":
    main()
