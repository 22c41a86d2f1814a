"""Crossbar of resistors with Shockley clamps in ngspice: points a second of a sweep and of random images.

Each layer of nodes is joined to the next by random resistors; two bias nodes lead to every node; the inputs
come in pairs, x and -x. A hidden node has a clamp: `single`, a diode to ground, one way round and the other
by turns, or `pair`, two opposed diodes, each in series with a bias source. One ngspice process makes

  an operating point, from nothing,
  `.dc` sweeps of the first input, of two points and of more, each point starting from the last; the rate is
  that of the points by which they differ,
  `op` for random images, all input sources altered for each.
"""

import argparse
import os
import random
import subprocess
import tempfile
from pathlib import Path


def deck(sizes, clamp, conductance, gain, klu, seed):
    rng = random.Random(seed)
    lines = [f"crossbar {sizes}, {clamp} clamps", ".model clamp d(is=1e-14 n=1)"]
    if klu:
        lines.append(".options klu")
    layer = [f"x{k}" for k in range(sizes[0])]
    for k in range(0, sizes[0], 2):
        x = gain * rng.random()
        lines += [f"vx{k} x{k} 0 {x:.4f}", f"vx{k + 1} x{k + 1} 0 {-x:.4f}"]
    lines += ["vbp bp 0 1", "vbn bn 0 -1"]
    for depth, size in enumerate(sizes[1:], 1):
        last = depth == len(sizes) - 1
        nodes = [f"out{k}" if last else f"h{depth}_{k}" for k in range(size)]
        scale = conductance / (len(layer) + 2) ** 0.5
        for to, node in enumerate(nodes):
            for k, source in enumerate([*layer, "bp", "bn"]):
                lines.append(f"r{depth}_{k}_{to} {source} {node} {1 / (scale * rng.uniform(0.02, 2)):.6g}")
            if last:
                continue
            name = f"{depth}_{to}"
            if clamp == "single":
                lines.append(f"d{name} {node} 0 clamp" if to % 2 == 0 else f"d{name} 0 {node} clamp")
            else:
                lines += [f"dt{name} {node} t{name} clamp", f"vt{name} t{name} 0 0.3"]
                lines += [f"db{name} b{name} {node} clamp", f"vb{name} b{name} 0 -0.7"]
        layer = nodes
    return "\n".join(lines) + "\n"


def control(sizes, gain, sweep, images, seed):
    """Commands of the measurement; `mark` lines carry the time."""
    rng = random.Random(seed + 1)

    def mark(name):
        return f"shell date +mark_{name}_%s.%N"

    lines = [".control", "save " + " ".join(f"v(out{k})" for k in range(sizes[-1]))]
    lines += [mark("start"), "op", mark("op"), f"dc vx0 0 {gain} {gain}", mark("short")]
    lines += [f"dc vx0 0 {gain} {gain / (sweep - 1):.12g}", mark("dc"), "print length(v(out0))"]
    for _ in range(images):
        for k in range(0, sizes[0], 2):
            x = gain * rng.random()
            lines += [f"alter vx{k} = {x:.4f}", f"alter vx{k + 1} = {-x:.4f}"]
        lines += ["op", "print v(out0)"]
    return "\n".join([*lines, mark("images"), "quit", ".endc", ".end"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", default="1568,100,10", help="nodes in each layer, inputs counted twice")
    parser.add_argument("--clamp", choices=["single", "pair"], default="single")
    parser.add_argument("--conductance", type=float, default=1e-3, help="typical, times the root of the fan-in, S")
    parser.add_argument("--gain", type=float, default=100, help="largest input, V")
    parser.add_argument("--sweep", type=int, default=41, help="points of the longer sweep")
    parser.add_argument("--images", type=int, default=4, help="random images")
    parser.add_argument("--klu", action="store_true", help="the solver KLU, in an ngspice built with it")
    parser.add_argument("--ngspice", default="ngspice", help="the program")
    parser.add_argument("--timeout", type=float, default=300, help="seconds")
    parser.add_argument("--deck-only", metavar="FILE", help="write the deck with `.op` and stop")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    sizes = [int(n) for n in a.layers.split(",")]
    if len(sizes) < 2 or sizes[0] % 2 or a.sweep < 3 or a.images < 1:
        parser.error("--layers needs two sizes, the first even; --sweep three points; --images one")
    text = deck(sizes, a.clamp, a.conductance, a.gain, a.klu, a.seed)
    if a.deck_only:
        Path(a.deck_only).write_text(text + ".op\n.end\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "crossbar.cir")
        path.write_text(text + control(sizes, a.gain, a.sweep, a.images, a.seed))
        run = subprocess.run(
            [a.ngspice, "-b", path], capture_output=True, text=True, timeout=a.timeout, env={**os.environ, "LC_ALL": "C"}
        )
    log = run.stdout + run.stderr
    times = {w[1]: float(w[2]) for line in log.splitlines() if (w := line.split("_"))[0] == "mark"}
    points = [line.split("=")[1] for line in log.splitlines() if line.startswith("v(out0) =")]
    swept = [line.split("=")[1].strip() for line in log.splitlines() if line.startswith("length(v(out0)) =")]
    if len(times) != 5 or len(points) != a.images or [float(n) for n in swept] != [a.sweep]:
        raise SystemExit(f"ngspice did not finish:\n{log[-2000:]}")
    if a.klu and "KLU" not in log:
        raise SystemExit("this ngspice ignores the option klu")
    op = times["op"] - times["start"]
    sweep = (a.sweep - 2) / ((times["dc"] - times["short"]) - (times["short"] - times["op"]))
    images = a.images / (times["images"] - times["dc"])
    print(f"{a.layers} {a.clamp}: op {op:.3g} s, sweep {sweep:.3g} points/s, random images {images:.3g} points/s")


if __name__ == "__main__":
    main()
