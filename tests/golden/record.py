#!/usr/bin/env python3
"""Record the operating points of ngspice for the decks in circuits/.

    python3 tests/golden/record.py [folder/deck.cir ...]

Writes tests/golden/<folder>-<deck>.json. Standard library only; needs `ngspice` on the path.
"""
import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CIRCUITS = HERE.parent.parent / "circuits"
FOLDERS = ["basic", "diode", "controlled", "piecewise", "rtgd", "dialect", "behavioural"]

# reltol, abstol, vntol: the first setting that settles is recorded, the next one that settles checks it.
TOLERANCES = [
    ("1e-12", "1e-18", "1e-15"),
    ("1e-12", "1e-16", "1e-13"),
    ("1e-11", "1e-15", "1e-12"),
    ("1e-10", "1e-15", "1e-12"),
    ("1e-9", "1e-15", "1e-12"),
    ("1e-8", "1e-14", "1e-11"),
    ("1e-7", "1e-13", "1e-10"),
]
KEPT_OPTIONS = {"gmin", "tnom", "temp"}
REQUESTS = (".op", ".dc", ".tran", ".ac", ".print", ".save", ".step", ".tf", ".sens", ".meas", ".measure")

# The elements that ohmgrad has built in. The odd inner names are left out of the record.
BUILTINS = """\
.subckt transformer p1 n1 p2 n2 n=1
e1 p1 builtinnode p2 n2 {n}
vbuiltin builtinnode n1 0
f1 p2 n2 vbuiltin {-n}
.ends
.subckt gyrator p1 n1 p2 n2 g=1
g1 p1 n1 p2 n2 {g}
g2 p2 n2 p1 n1 {-g}
.ends
"""

SUFFIX = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def number(text):
    match = re.match(r"([-+]?[0-9.]+(?:e[-+]?\d+)?)(meg|[tgkmunpf])?", text.lower())
    return float(match[1]) * SUFFIX.get(match[2], 1.0)


def cards(text):
    """The title, then one string for each card; comments dropped, continuations joined."""
    lines = text.splitlines()
    out = [lines[0]]
    for line in lines[1:]:
        line = re.split(r";|\s\$", line)[0].strip()
        if not line or line[0] in "*$":
            continue
        if line.lower() == ".end":
            break
        if line[0] == "+":
            out[-1] += " " + line[1:]
        else:
            out.append(line)
    return out


def piecewise(name, p, n, points, quantity="i", control=None):
    """A B source; its pwl() extrapolates the end segments."""
    numbers = ", ".join(f"{v!r}, {i!r}" for v, i in points)
    return f"b{name} {p} {n} {quantity}=pwl({control or f'v({p},{n})'}, {numbers})"


def table(card):
    """`E/G name n+ n- TABLE {control} = (x,y) ...`, constant beyond its ends."""
    match = re.match(r"(\S+)\s+(\S+)\s+(\S+)\s+table\s*=?\s*\{(.*)\}\s*=?(.*)", card, re.I)
    name, p, n, control, pairs = match.groups()
    numbers = [number(x) for x in re.findall(r"[^\s,()]+", pairs)]
    points = list(zip(numbers[::2], numbers[1::2]))
    low, high = points[0], points[-1]
    points = [(low[0] - 1, low[1]), *points, (high[0] + 1, high[1])]
    quantity = "v" if name[0] in "eE" else "i"
    return piecewise(name, p, n, points, quantity, control)


def ltspice_points(parameters):
    roff, ron = parameters["roff"], parameters["ron"]
    vfwd, vrev = parameters["vfwd"], parameters.get("vrev")
    start = (-vrev, -vrev / roff) if vrev is not None else (vfwd - 1, (vfwd - 1) / roff)
    points = [start, (vfwd, vfwd / roff), (vfwd + 1, vfwd / roff + 1 / ron)]
    if vrev is not None:
        points.insert(0, (-vrev - 1, start[1] - 1 / parameters.get("rrev", ron)))
    return points


def translate(text, folder=CIRCUITS):
    """The deck in ngspice's terms, or None when it has no counterpart there (ideal diodes)."""
    title, *body = cards(text)
    models, out = {}, []
    for card in body:
        match = re.match(r"\.model\s+(\S+)\s+d\s*\((.*)\)", card, re.I)
        if match and re.search(r"\bideal\b", match[2], re.I):
            return None
        if match and re.search(r"\bron\b", match[2], re.I):
            pairs = re.findall(r"(\w+)\s*=\s*(\S+)", match[2])
            models[match[1].lower()] = {key.lower(): number(value) for key, value in pairs}
    for card in body:
        word = card.split()
        first = word[0].lower()
        if first in REQUESTS:
            continue
        if first.startswith(".option"):
            kept = [w for w in word[1:] if w.split("=")[0].lower() in KEPT_OPTIONS]
            if kept:
                out.append(".options " + " ".join(kept))
        elif first == ".model" and word[1].lower() in models:
            continue
        elif first[0] == "d" and word[3].lower() in models:
            out.append(piecewise(first, word[1], word[2], ltspice_points(models[word[3].lower()])))
        elif first[0] == "d" and len(word) > 4 and re.match(r"[\d.{]", word[4]):
            word[4] = f"area={word[4]}"  # ngspice-39 rejects the bare number
            out.append(" ".join(word))
        elif first[0] in "eg" and re.match(r"table\b", word[3], re.I):
            out.append(table(card))
        elif first in (".include", ".inc", ".lib") and len(word) > (2 if first == ".lib" else 1):
            # The deck is run from another folder.
            out.append(" ".join([first, str(folder / word[1].strip("\"'")), *word[2:]]))
        else:
            out.append(card)
    return title, out


def run(deck, options):
    """Node voltages and branch currents as ngspice has them, or None when it did not settle."""
    title, body = deck
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "op.raw"
        text = [title, BUILTINS, *body, f".options {options}"]
        text += [".control", "set filetype=binary", "op", f"write {raw}", ".endc", ".end", ""]
        (Path(folder) / "deck.cir").write_text("\n".join(text))
        done = subprocess.run(["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True)
        if not raw.exists() or re.search(r"no convergence|singular|aborted", done.stdout + done.stderr, re.I):
            return None
        data = raw.read_bytes()
    head, values = data.split(b"Binary:\n", 1)
    names = re.findall(r"^\t\d+\t(\S+)\t", head.decode(), re.M)
    return dict(zip(names, struct.unpack(f"<{len(names)}d", values[: 8 * len(names)])))


def record(path):
    text = path.read_text()
    deck = translate(text, path.parent)
    if deck is None:
        return "skipped: ideal diodes have no ngspice counterpart"
    settled = []
    for reltol, abstol, vntol in TOLERANCES:
        options = f"reltol={reltol} abstol={abstol} vntol={vntol} itl1=2000"
        values = run(deck, options)
        if values is not None:
            settled.append((options, values))
        if len(settled) == 2:
            break
    if len(settled) < 2:
        return "FAILED: does not settle at two tolerances"
    options, values = settled[0]
    moved = [
        name
        for name, value in values.items()
        if name.startswith("v(") and abs(value - settled[1][1][name]) > 1e-10 + 1e-9 * abs(value)
    ]
    nodes, currents = {}, {}
    for name, value in values.items():
        kind, inner = name[0], name[2:-1]
        last = inner.split(".")[-1]
        # `d1#internal`, the inside of the built-ins and of VALUE, and `all`, which ngspice adds when there is one node only
        if "#" in inner or last in ("builtinnode", "vbuiltin") or inner == "all" or re.search(r"_int\d$", inner):
            continue
        if kind == "v":
            nodes[inner] = value
        elif inner[0] == "v":
            currents[inner] = value
    relative = path.relative_to(CIRCUITS)
    golden = {
        "deck": relative.as_posix(),
        "ngspice": version(),
        "options": options,
        "nodes": dict(sorted(nodes.items())),
        "currents": dict(sorted(currents.items())),
    }
    name = "-".join(relative.with_suffix("").parts) + ".json"
    (HERE / name).write_text(json.dumps(golden, indent=2) + "\n")
    result = options.split()[0]
    return f"{result} MOVED {moved}" if moved else result


def version():
    text = subprocess.run(["ngspice", "--version"], capture_output=True, text=True).stdout
    return re.search(r"ngspice-[\d.]+", text)[0]


def main():
    if len(sys.argv) > 1:
        paths = [CIRCUITS / name for name in sys.argv[1:]]
    else:
        paths = sorted(path for folder in FOLDERS for path in (CIRCUITS / folder).glob("*.cir"))
    for path in paths:
        print(f"{path.relative_to(CIRCUITS)}: {record(path)}")


if __name__ == "__main__":
    main()
