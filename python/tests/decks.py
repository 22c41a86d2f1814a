"""Circuits that several tests use: of each kind of equations one."""

CLAMP = """diode clamp
V1 in 0 5
R1 in out 1k
D1 out 0 DX
.model DX D(IS=1e-14)
"""



def crossbar(clamp):
    """Two layers of resistors between inputs, clamped nodes and outputs, as whole batches take them. One input lies on
    top of another, one floats between free nodes, one is a current."""
    inputs, hidden, outputs = 6, 5, 3
    cards = ["crossbar", *(f"V{k} x{k} 0 {k - 2.5}" for k in range(inputs)), "V6 x6 x5 1", "VB b 0 1"]
    for h in range(hidden):
        for k in [*range(inputs + 1), "b"]:
            place = inputs + 1 if k == "b" else k
            cards.append(f"R1_{k}_{h} {'b' if k == 'b' else f'x{k}'} h{h} {1000 + 137 * ((7 * place + 3 * h) % 11)}")
        cards.append(f"D{h} h{h} 0 DX" if h % 2 else f"D{h} 0 h{h} DX")
        for o in range(outputs):
            cards.append(f"R2_{h}_{o} h{h} out{o} {800 + 211 * ((5 * h + 2 * o) % 7)}")
    cards += ["I1 0 h1 1m", "V7 f h2 0.3", "RF f out0 2k", f".model DX D({clamp})"]
    return "\n".join(cards) + "\n"


def crossbar_case(clamp):
    names = [f"v{k}" for k in range(8)] + ["i1"]
    outputs = ["v(out0)", "v(out1)", "v(out2)", "v(h0,x1)", "v(x6)", "v(f)"]
    return crossbar(clamp), names, outputs, "r*", [1.0, -2.0, 0.7, 1.3, -0.4, 2.1, 0.8, 0.5, 2e-3]


# deck, inputs, outputs, trained resistors, values of the inputs around which it is asked
CIRCUITS = {
    "divider": ("divider\nV1 a 0 1\nR1 a b 1k\nR2 b 0 3k\n", ["v1"], ["v(b)", "i(v1)"], "r*", [2.0]),
    "clamp": (
        "two diodes\nV1 a 0 1\nI1 0 b 1m\nR1 a b 1k\nR2 b c 2k\nR3 c 0 1k\nD1 b 0 DX\nD2 0 c DX\n.model DX D(IS=1e-9 N=2)\n",
        ["v1", "i1"],
        ["v(b)", "v(b,c)", "i(d1)", "p(r1)"],
        ["r1", "r2"],
        [1.0, 2e-3],
    ),
    "ideal": (
        "bridge\nV1 p n 1\nR0 n 0 5k\nD1 p a DX\nD2 n a DX\nD3 b p DX\nD4 b n DX\nR1 a b 1k\nR2 a 0 20k\n.model DX D(IDEAL)\n",
        ["v1"],
        ["v(a,b)", "i(r1)"],
        "r*",
        [3.0],
    ),
    "amplifier": (
        "controlled sources\nV1 a 0 1\nR1 a b 1k\nD1 b 0 DX\nE1 c 0 b 0 4\nR2 c d 2k\nG1 0 d a d 1m\nR3 d 0 1k\n.model DX D(IS=1e-9 N=2)\n",
        ["v1"],
        ["v(d)", "i(e1)"],
        "r*",
        [0.7],
    ),
    "table": (
        "resistor by table\nV1 a 0 1\nI1 0 b 1m\nR1 a b 1k\nG1 b 0 TABLE {V(b)} = (-1,-1m) (0,0) (1,5m)\nX1 b 0 c 0 TRANSFORMER n=2\nR2 c 0 500\n",
        ["i1", "v1"],
        ["v(b)", "v(c)"],
        "r?",
        [1.5e-3, 2.0],
    ),
    "ideal crossbar": crossbar_case("IDEAL"),
    "diode crossbar": crossbar_case("IS=1e-9 N=2"),
}
