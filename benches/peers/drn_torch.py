"""Deep resistive network (Scellier 2024, arXiv 2402.11674) in PyTorch, trained by equilibrium propagation.

Layers of nodes joined by conductances g >= 0. The inputs are voltages gain * (x, -x). An ideal diode to
ground holds each hidden node: v >= 0 in the first half of a layer, v <= 0 in the other. The outputs are
linear; a current source b feeds each node. Each layer in turn takes its exact potential,

    v_l = clamp((v_{l-1} g_l + v_{l+1} g_{l+1}^T + b_l) / (sum of conductances at the node)),

four sweeps in each phase: free, then nudged by a conductance +beta and -beta from each output to its
target. A conductance between nodes i and j learns from ((v+_i - v+_j)^2 - (v-_i - v-_j)^2) / (4 beta).

Written for speed: the product with the input layer is made once for each batch, both nudged phases run as
one batch of twice the size, and squares are expanded so that an update is one matrix product.
"""

import argparse
import gzip
import statistics
import time
from pathlib import Path

import numpy as np
import torch

VALUES_IN_CACHE = 1 << 17  # conductances that one thread updates at a time
SMALL_BATCH = 32  # up to here, passes over the conductances cost more than products and pieces save


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


class Network:
    def __init__(self, sizes, gain, beta, rates, sweeps):
        self.sizes, self.gain, self.beta, self.rates, self.sweeps = sizes, gain, beta, rates, sweeps
        # g ~ max(0, U(-c, c)), c = 1 / sqrt(fan_in)
        self.g = [
            torch.empty(m, n).uniform_(-(m**-0.5), m**-0.5).clamp_(min=0) for m, n in zip(sizes, sizes[1:])
        ]
        self.b = [torch.zeros(n) for n in sizes[1:]]
        # Sums of each conductance matrix over its columns and rows; the input layer's nodes are held.
        self.into = [g.sum(0) for g in self.g]
        self.out_of = [None] + [g.sum(1) for g in self.g[1:]]
        # Conductances from the inputs x less those from -x.
        self.positive, self.negative = self.g[0].chunk(2)
        self.effective = self.positive - self.negative
        self.low, self.high = [], []
        for n in sizes[1:-1]:
            first = torch.arange(n) < n // 2
            self.low.append(torch.where(first, 0.0, -torch.inf))
            self.high.append(torch.where(first, torch.inf, 0.0))

    def settle(self, v, drive, resistance, backwards=False):
        """Sweeps over all layers; `drive` is the current into the first layer, then that of biases and
        nudges into the others, `resistance` one over the sum of conductances at each node."""
        last = len(v) - 1
        order = range(last, -1, -1) if backwards else range(last + 1)
        for _ in range(self.sweeps):
            for k in order:
                if k == 0:
                    current = drive[0].clone() if v[1] is None else torch.addmm(drive[0], v[1], self.g[1].T)
                else:
                    current = torch.addmm(drive[k], v[k - 1], self.g[k])
                    if k < last and v[k + 1] is not None:
                        current.addmm_(v[k + 1], self.g[k + 1].T)
                v[k] = current.mul_(resistance[k])
                if k < last:
                    torch.clamp_(v[k], self.low[k], self.high[k])

    def free(self, x):
        """Drives, resistances and node potentials of the free phase, from zero."""
        drive = [torch.addmm(self.b[0], x, self.effective, alpha=self.gain)] + self.b[1:]
        total = [i + o for i, o in zip(self.into, self.out_of[1:])] + self.into[-1:]
        resistance = [t.reciprocal() for t in total]
        v = [None] * len(self.g)
        self.settle(v, drive, resistance)
        return drive, resistance, v

    def train(self, x, target):
        drive, resistance, v = self.free(x)
        batch, beta = len(x), self.beta
        # The first half of the rows is nudged by +beta, the other by -beta.
        nudge = torch.cat((torch.full((batch, 1), beta), torch.full((batch, 1), -beta)))
        drive[0] = torch.cat((drive[0], drive[0]))
        drive[-1] = torch.addcmul(drive[-1], nudge, torch.cat((target, target)))
        resistance[-1] = (self.into[-1] + nudge).reciprocal_()
        v = [torch.cat((a, a)) for a in v]
        self.settle(v, drive, resistance, backwards=True)

        # Sums over the batch of (v_i - v_j)^2 with its sign, as r_i + c_j - 2 sum(v_i v_j). Inputs are
        # the same in both phases: r_i = 0, and the sum of products is x times the difference of v_j.
        step = [rate / (4 * beta * batch) for rate in self.rates]
        difference = [a[:batch] - a[batch:] for a in v]
        squares = [d.mul(a[:batch] + a[batch:]).sum(0, keepdim=True) for d, a in zip(difference, v)]
        self.descend_inputs(x, difference[0] * (2 * self.gain * step[0]), squares[0] * step[0])
        for k in range(1, len(v)):
            ones = torch.ones(1, max(self.sizes[k], self.sizes[k + 1]))
            left = torch.cat((v[k - 1][:batch], -v[k - 1][batch:], squares[k - 1], ones[:, : self.sizes[k]]))
            right = torch.cat((v[k] * -2, ones[:, : self.sizes[k + 1]], squares[k]))
            self.descend(k, batch, left.T, right, step[k])
        for b, d, s in zip(self.b, difference, step):
            b.add_(d.sum(0), alpha=2 * s)

    def descend(self, k, batch, left, right, step):
        """g[k] = max(0, g[k] - step * left right), in pieces that stay in cache, and its new sums."""
        self.into[k].zero_()
        for rows in self.pieces(k, batch):
            g = self.g[k][rows].addmm_(left[rows], right, alpha=-step).clamp_(min=0)
            self.into[k].add_(g.sum(0))
            torch.sum(g, 1, out=self.out_of[k][rows])

    def descend_inputs(self, x, difference, squares):
        """The same for the first layer, whose inputs come as x and -x: they share the products, unless
        the batch is so small that passes over the conductances cost more."""
        self.into[0].zero_()
        left = torch.cat((x, torch.ones(1, x.shape[1]))).T
        right = torch.cat((difference, -squares)), torch.cat((-difference, -squares))
        for rows in self.pieces(0, len(x)):
            p, n = self.positive[rows], self.negative[rows]
            if len(x) <= SMALL_BATCH:
                p.addmm_(left[rows], right[0])
                n.addmm_(left[rows], right[1])
            else:
                products = x[:, rows].T @ difference
                p.add_(products).sub_(squares)
                n.sub_(products).sub_(squares)
            torch.sub(p.clamp_(min=0), n.clamp_(min=0), out=self.effective[rows])
            self.into[0].add_(p.sum(0)).add_(n.sum(0))

    def pieces(self, k, batch):
        """Rows of the layer's conductances to update at a time; half of them for the input layer."""
        count, width = self.sizes[k] // (2 if k == 0 else 1), self.sizes[k + 1]
        rows = max(16, VALUES_IN_CACHE * torch.get_num_threads() // width) if batch > SMALL_BATCH else count
        return [slice(start, start + rows) for start in range(0, count, rows)]

    def error(self, x, labels):
        wrong = sum(
            (self.free(a)[2][-1].argmax(1) != c).sum().item() for a, c in zip(x.split(1000), labels.split(1000))
        )
        return 100 * wrong / len(x)


def measure(step, images, targets, batch, seconds):
    """Samples a second: the median over batches drawn at random, after a warm-up."""
    times, start = [], time.perf_counter()
    while (now := time.perf_counter()) < start + 1.2 * seconds or len(times) < 3:
        pick = torch.randint(len(images), (batch,))
        step(images[pick], targets[pick])
        if now > start + 0.2 * seconds:
            times.append(time.perf_counter() - now)
    return batch / statistics.median(times), len(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", default="1568,100,10", help="nodes in each layer, inputs counted twice")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="time to measure, after a fifth of it as warm-up")
    parser.add_argument("--epochs", type=int, default=0, help="train on MNIST instead of measuring")
    parser.add_argument("--data", help="folder of the four MNIST IDX files")
    parser.add_argument("--gain", type=float, default=100, help="of the inputs")
    parser.add_argument("--beta", type=float, default=1, help="nudging conductance")
    parser.add_argument("--rates", default="0.01", help="learning rates: one, or one for each layer")
    parser.add_argument("--decay", type=float, default=0.9, help="of the learning rates after each epoch")
    parser.add_argument("--sweeps", type=int, default=4, help="in each phase")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    sizes = [int(n) for n in a.layers.split(",")]
    rates = [float(r) for r in a.rates.split(",")]
    rates = rates * (len(sizes) - 1) if len(rates) == 1 else rates
    if len(sizes) < 3 or sizes[0] % 2 or len(rates) != len(sizes) - 1:
        parser.error("--layers needs an even first size and a hidden layer; --rates one value or one for each layer")
    if a.epochs and (not a.data or sizes[0] != 1568 or sizes[-1] != 10):
        parser.error("--epochs needs --data, 1568 inputs and 10 outputs")
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    torch.set_flush_denormal(True)
    one_hot = torch.eye(sizes[-1])
    network = Network(sizes, a.gain, a.beta, rates, a.sweeps)
    with torch.inference_mode():
        if not a.epochs:
            images, labels = torch.rand(4096, sizes[0] // 2), torch.randint(sizes[-1], (4096,))
            speed, count = measure(network.train, images, one_hot[labels], a.batch, a.seconds)
            print(f"{a.layers} batch {a.batch} threads {a.threads}: {speed:.5g} samples/s (median of {count} batches)")
            return
        (images, labels), (test_images, test_labels) = read_mnist(a.data)
        for epoch in range(1, a.epochs + 1):
            start = time.perf_counter()
            for pick in torch.randperm(len(images)).split(a.batch):
                network.train(images[pick], one_hot[labels[pick]])
            seconds = time.perf_counter() - start
            network.rates = [r * a.decay for r in network.rates]
            error = network.error(test_images, test_labels)
            print(f"epoch {epoch}: test error {error:.2f} %, {seconds:.1f} s, {len(images) / seconds:.5g} samples/s")


if __name__ == "__main__":
    main()
