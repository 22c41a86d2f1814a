"""Multilayer perceptron in PyTorch: ReLU, cross-entropy, Adam, all data in memory as one tensor."""

import argparse
import gzip
import statistics
import time
from pathlib import Path

import numpy as np
import torch


def read_idx(path):
    data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(data[3])]
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape).copy())


def read_mnist(folder):
    """Images as rows of numbers from 0 to 1, and labels, for training and for test."""
    sets = []
    for name in "train", "t10k":
        images, labels = (
            next(p for p in sorted(Path(folder).glob(f"{name}-{kind}*"))) for kind in ("images", "labels")
        )
        sets.append((read_idx(images).flatten(1).float() / 255, read_idx(labels).long()))
    return sets


def measure(step, images, labels, batch, seconds):
    """Samples a second: the median over batches drawn at random, after a warm-up."""
    times, start = [], time.perf_counter()
    while (now := time.perf_counter()) < start + 1.2 * seconds or len(times) < 3:
        pick = torch.randint(len(images), (batch,))
        step(images[pick], labels[pick])
        if now > start + 0.2 * seconds:
            times.append(time.perf_counter() - now)
    return batch / statistics.median(times), len(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", default="784,100,10", help="units in each layer")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="time to measure, after a fifth of it as warm-up")
    parser.add_argument("--epochs", type=int, default=0, help="train on MNIST instead of measuring")
    parser.add_argument("--data", help="folder of the four MNIST IDX files")
    parser.add_argument("--rate", type=float, default=1e-3, help="Adam's learning rate")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    sizes = [int(n) for n in a.layers.split(",")]
    if len(sizes) < 2:
        parser.error("--layers needs at least two sizes")
    if a.epochs and (not a.data or sizes[0] != 784 or sizes[-1] != 10):
        parser.error("--epochs needs --data, 784 inputs and 10 outputs")
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    torch.set_flush_denormal(True)

    parts = []
    for m, n in zip(sizes, sizes[1:]):
        parts += [torch.nn.Linear(m, n), torch.nn.ReLU()]
    model = torch.nn.Sequential(*parts[:-1])
    adam = torch.optim.Adam(model.parameters(), lr=a.rate, fused=True)

    def step(x, labels):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(model(x), labels).backward()
        adam.step()

    if not a.epochs:
        images, labels = torch.rand(4096, sizes[0]), torch.randint(sizes[-1], (4096,))
        speed, count = measure(step, images, labels, a.batch, a.seconds)
        print(f"{a.layers} batch {a.batch} threads {a.threads}: {speed:.5g} samples/s (median of {count} batches)")
        return
    (images, labels), (test_images, test_labels) = read_mnist(a.data)
    for epoch in range(1, a.epochs + 1):
        start = time.perf_counter()
        for pick in torch.randperm(len(images)).split(a.batch):
            step(images[pick], labels[pick])
        seconds = time.perf_counter() - start
        with torch.inference_mode():
            error = 100 * (model(test_images).argmax(1) != test_labels).float().mean().item()
        print(f"epoch {epoch}: test error {error:.2f} %, {seconds:.1f} s, {len(images) / seconds:.5g} samples/s")


if __name__ == "__main__":
    main()
