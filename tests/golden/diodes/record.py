#!/usr/bin/env python3
"""Record currents of single diodes from ngspice.

    python3 tests/golden/diodes/record.py [name ...]

Sweeps a voltage source across each diode of CASES at three temperatures and writes <name>.json beside
this file: what was run, and lists of voltages and currents. Standard library only; needs `ngspice` on
the path.
"""
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The first setting that settles is recorded.
OPTIONS = [
    "reltol=1e-12 abstol=1e-18 vntol=1e-15 gmin=1e-12 itl1=500",
    "reltol=1e-10 abstol=1e-17 vntol=1e-13 gmin=1e-12 itl1=500",
    "reltol=1e-9 abstol=1e-15 vntol=1e-11 gmin=1e-12 itl1=500",
]
PATIENCE = 2.0
TEMPERATURES = (-40.0, 27.0, 125.0)

# Name: model card, element parameters.
CASES = {
    "1n4148": ("is=2.52e-9 rs=0.568 n=1.752 bv=110 ibv=0.0001 cjo=4e-12 m=0.4 vj=0.65 tt=2e-8", ""),
    "1n4148_knee": ("is=4.352e-9 n=1.906 bv=110 ibv=0.0001 rs=0.6458 cjo=7.048e-13 vj=0.869 m=0.03 fc=0.5 "
                    "tt=3.48e-9 ikf=0.05 eg=1.11 xti=3", "area=2 m=3"),
    "1n4007": ("is=7.02767e-9 rs=0.0341512 n=1.80803 eg=1.05743 xti=5 bv=1000 ibv=5e-8 cjo=1e-11 vj=0.7 m=0.5 "
               "fc=0.5 tt=1e-7", ""),
    "bat54": ("is=2.117e-7 n=1.016 ikf=0.1 rs=0.6 isr=5e-8 nr=2.05 eg=0.69 xti=2 bv=20 ibv=1e-5 nbv=3 cjo=1.2e-11 "
              "m=0.333 vj=0.4 tt=0", ""),
    "bzx84c5v1": ("is=1.9e-15 n=1.05 bv=5.1 ibv=5e-3 nbv=1.4 rs=2 ikf=0.3 isr=1e-12 nr=2 vj=0.75 m=0.33 tcv=-1.2e-3",
                  "m=2"),
    "1n4733": ("is=1.214e-16 rs=1.078 n=1 xti=3 eg=1.11 cjo=1.759e-10 m=0.3601 vj=0.75 fc=0.5 isr=2.601e-9 nr=2 "
               "bv=5.265 ibv=0.70507 nbv=0.74348 tt=1e-8 trs1=2e-3 trs2=1e-6", ""),
    "schottky": ("is=1e-6 n=1.05 rs=0.02 ikf=2.5 isr=3e-6 nr=1.8 vj=0.4 m=0.45 tm1=1e-4 eg=0.69 xti=2 bv=45 ibv=1e-3 "
                 "ikr=5e-5 trs=3e-3", "area=1.5"),
    "sidewall": ("is=1e-15 jsw=3e-17 ns=1.4 n=1.02 rs=5 bv=9 ibv=1e-4 nbv=1.5 ikr=1e-9 ikf=1e-4 tnom=25 tcv=2e-3 "
                 "tlev=0", "area=3 pj=40 m=2"),
    "sidewall_joined": ("is=1e-15 jsw=3e-15 n=1.1 rs=5 tnom=50", "area=3 pj=40"),
    "tunnel": ("is=1e-12 n=1.2 jtun=1e-9 ntun=15 xtitun=2 keg=0.8 jtunsw=2e-10 rs=3", "pj=5 area=2"),
    "potential": ("is=1e-14 isr=1e-9 nr=2 vj=3 m=0.95 fc=0.6 tlevc=1 tpb=2e-3 bv=6 tcv=1e-4 tlev=1 rs=10", ""),
}


def voltages(card, temperature):
    """-30 V to 1 V: coarse, around breakdown, around -3 N Vt, and finely forward.

    Recombination ends with a jump at -3 N Vt. Behind RS two currents are solutions in a window of RS times
    the jump, here below 5e-5 V: no point lies inside.
    """
    vt = 8.617330337217213e-5 * (temperature + 273.15)
    entries = dict(entry.split("=") for entry in card.split())
    corner = -3 * float(entries.get("n", 1)) * vt
    points = {-30.0 + 1.37 * k for k in range(22)}
    points |= {corner + d for d in (-0.2, -0.05, -0.01, -1e-3, -1e-4, 1e-4, 1e-3, 0.01, 0.05)}
    bv = float(entries.get("bv", 1000))
    points |= {-bv + 0.05 * k for k in range(-8, 25, 2) if bv < 30}
    points |= {0.02 * k for k in range(1, 51)}
    return sorted(v for v in points if -30 <= v <= 1)


def raw(text):
    """Vectors of a binary raw file by name."""
    head, data = text.split(b"Binary:\n", 1)
    lines = head.decode().splitlines()
    field = lambda name: int(next(l for l in lines if l.startswith(name)).split(":")[1])
    width, length = field("No. Variables"), field("No. Points")
    start = lines.index("Variables:") + 1
    names = [l.split()[1] for l in lines[start:start + width]]
    numbers = struct.unpack(f"<{width * length}d", data[:8 * width * length])
    return {name: numbers[k::width] for k, name in enumerate(names)}


def current(card, element, temperature, voltage, folder):
    """The diode's current at one voltage; None where ngspice does not converge.

    That of the source would carry the rounding of the matrix, 1e-16 of the voltage over RS.
    """
    for options in OPTIONS:
        deck = (f"diode\nv1 a 0 {voltage!r}\nd1 a 0 dm {element}\n.model dm d({card})\n"
                f".options {options} temp={temperature}\n.save @d1[id]\n.op\n.end\n")
        (folder / "d.cir").write_text(deck)
        (folder / "d.raw").unlink(missing_ok=True)
        try:
            run = subprocess.run(["ngspice", "-b", "-r", "d.raw", "d.cir"], cwd=folder, capture_output=True,
                                 text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            continue
        if (folder / "d.raw").exists() and "aborted" not in run.stdout + run.stderr:
            vectors = raw((folder / "d.raw").read_bytes())
            i = next(values[0] for name, values in vectors.items() if "@d1[id]" in name)
            if math.isfinite(i):
                return i
    return None


def record(name):
    card, element = CASES[name]
    version = next(w for w in subprocess.run(["ngspice", "--version"], capture_output=True, text=True).stdout.split()
                   if w.startswith("ngspice-"))
    sweeps = []
    with tempfile.TemporaryDirectory() as folder:
        for temperature in TEMPERATURES:
            points = [(v, current(card, element, temperature, v, Path(folder))) for v in voltages(card, temperature)]
            kept = [(v, i) for v, i in points if i is not None and abs(i) < 1e3]
            sweeps.append({"temperature": temperature, "voltages": [v for v, _ in kept],
                           "currents": [i for _, i in kept], "left_out": len(points) - len(kept)})
    result = {"ngspice": version, "options": OPTIONS, "card": card, "element": element, "sweeps": sweeps}
    text = json.dumps(result).replace('{"temperature"', '\n{"temperature"').replace('"currents"', '\n"currents"')
    (HERE / f"{name}.json").write_text(text + "\n")
    print(name, [(len(s["voltages"]), s["left_out"]) for s in sweeps])


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        record(case)
