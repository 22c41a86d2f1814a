"""The full matrix of modified nodal analysis of a deck of `ohmgrad generate`: a row for every node and for the current of
every voltage source and VCVS, where ohmgrad itself eliminates sources. Diodes have conductances over seven decades.

    python3 benches/peers/full_mna.py DECK MATRIX.mtx

For `suitesparse.c` and the example `factor_matrix`.
"""

import random
import sys

SUFFIXES = {"meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "g": 1e9}


def number(text):
    text = text.lower()
    for suffix, factor in SUFFIXES.items():
        if text.endswith(suffix):
            return float(text[: -len(suffix)]) * factor
    return float(text)


def elements(path):
    with open(path) as deck:
        next(deck)
        for line in deck:
            if line.strip() and line[0] not in "*.":
                words = line.split()
                yield words[0][0].lower(), words


def main(deck, out):
    random.seed(1)
    nodes, branches, entries = {"0": -1}, {}, {}
    cards = list(elements(deck))
    for kind, words in cards:
        for node in words[1:3]:
            nodes.setdefault(node, len(nodes) - 1)
        if kind in "ve":
            branches[words[0].lower()] = len(branches)
    own = {name: len(nodes) - 1 + index for name, index in branches.items()}

    def add(row, column, value):
        if row >= 0 and column >= 0:
            entries[row, column] = entries.get((row, column), 0.0) + value

    def add_pair(rows, columns, value):
        (p, n), (cp, cn) = rows, columns
        for row, column, sign in ((p, cp, 1), (n, cn, 1), (p, cn, -1), (n, cp, -1)):
            add(row, column, sign * value)

    for kind, words in cards:
        port = [nodes[node] for node in words[1:3]]
        if kind in "rd":
            add_pair(port, port, 1 / number(words[3]) if kind == "r" else 10 ** random.uniform(-9, -2))
        elif kind in "ve":
            branch = (own[words[0].lower()], -1)
            add_pair(port, branch, 1.0)
            add_pair(branch, port, 1.0)
            if kind == "e":
                add_pair(branch, [nodes[node] for node in words[3:5]], -number(words[5]))
        elif kind == "f":
            add_pair(port, (own[words[3].lower()], -1), number(words[4]))
        elif kind != "i":
            sys.exit(f"no element of this kind is known here: {words[0]}")
    order = len(nodes) - 1 + len(branches)
    with open(out, "w") as file:
        file.write(f"%%MatrixMarket matrix coordinate real general\n{order} {order} {len(entries)}\n")
        for (row, column), value in entries.items():
            file.write(f"{row + 1} {column + 1} {value:.17e}\n")


main(*sys.argv[1:])
