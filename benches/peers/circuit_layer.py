"""Speed of ohmgrad.torch.CircuitLayer on a deep resistive network: samples/s of training steps in PyTorch.

    python benches/peers/circuit_layer.py --layers 784,100,10 --batch 1024 --seconds 10 --data DIR

The network is that of `[circuit.drn]` with ideal clamps: inputs x and -x, a diode to ground at each hidden node. A
step takes a batch from images in memory, goes forward and back, and moves the conductances. DIR holds the MNIST IDX
files, packed or not; without it, images are random. The command line on the same work:
cargo run --release --example training_speed -- circuits/mnist/drn-xs.toml --batch 1024 --optimizer sgd --data DIR
"""

import argparse
import gzip
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from ohmgrad.torch import CircuitLayer

OPTIMIZERS = {
    "none": None,
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-5),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-4, fused=True),
}


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


def read_idx(path):
    """An IDX file of bytes."""
    open_file = gzip.open if path.suffix == ".gz" else open
    with open_file(path, "rb") as file:
        content = file.read()
    sizes = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes[0], -1)


def read_images(layers, data, rng):
    """Grey values and labels."""
    if data is None:
        images = torch.randint(256, (10_000, layers[0]), generator=rng, dtype=torch.uint8)
        return images, torch.randint(layers[-1], (len(images),), generator=rng)
    files = (next(Path(data).glob(f"train-{kind}*")) for kind in ("images", "labels"))
    images, labels = (torch.from_numpy(read_idx(file).copy()) for file in files)
    return images, labels[:, 0].long()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", default="784,100,10")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--data", help="folder of the MNIST IDX files")
    parser.add_argument("--type", default="uint8", choices=["uint8", "float32", "float64"], help="of the images")
    parser.add_argument("--threads", type=int, help="of PyTorch; the circuit takes all cores")
    parser.add_argument("--fixed", action="store_true", help="one batch, again and again")
    parser.add_argument("--optimizer", default="sgd", choices=OPTIMIZERS)
    parser.add_argument("--points", action="store_true", help="forward alone, without gradients")
    parser.add_argument("--inputs", action="store_true", help="differentiate to the inputs, too")
    arguments = parser.parse_args()
    layers = [int(n) for n in arguments.layers.split(",")]
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    rng = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    names = [[f"v{s}{k}" for k in range(layers[0])] for s in "pn"]
    layer = CircuitLayer(network(layers, rng), names[0], "v(out*)", "r*", complements=names[1])
    print(layer, f"in {time.perf_counter() - began:.1f} s")
    images, labels = read_images(layers, arguments.data, rng)
    images = images.to(getattr(torch, arguments.type))
    make = OPTIMIZERS[arguments.optimizer]
    optimizer = make and make(layer.parameters())

    def next_batch():
        chosen = torch.randint(len(images), (arguments.batch,), generator=rng)
        return images[chosen].requires_grad_(arguments.inputs), labels[chosen]

    def train(x, wanted):
        layer.zero_grad()
        began = time.perf_counter()
        y = layer(x)
        there = time.perf_counter()
        torch.nn.functional.cross_entropy(2 * y, wanted).backward()
        back = time.perf_counter()
        if optimizer:
            optimizer.step()
            layer.clamp_(1e-7)
        return there - began, back - there

    @torch.no_grad()
    def look(x, _):
        began = time.perf_counter()
        layer(x)
        return time.perf_counter() - began, 0.0

    times = []
    fixed = next_batch()
    end = time.perf_counter() + arguments.seconds
    while time.perf_counter() < end or len(times) < 10:
        began = time.perf_counter()
        batch = fixed if arguments.fixed else next_batch()
        taken = time.perf_counter()
        parts = (look if arguments.points else train)(*batch)
        times.append((time.perf_counter() - began, taken - began, *parts))
    whole, taken, forward, back = (list(column) for column in zip(*times[3:]))
    low, middle, high = (arguments.batch / t for t in reversed(statistics.quantiles(whole)))
    best = arguments.batch / min(whole)
    print(f"{middle:.0f} samples/s (median of {len(whole)} batches; quartiles {low:.0f}, {high:.0f}), {best:.0f} at best")
    taken, forward, back, whole = (1e3 * statistics.median(times) for times in (taken, forward, back, whole))
    rest = f"{back:.2f} loss and back, {whole - taken - forward - back:.2f} step"
    print(f"{whole:.2f} ms a batch: {taken:.2f} its selection, {forward:.2f} forward, {rest}")


if __name__ == "__main__":
    main()
