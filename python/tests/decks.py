"""Circuits that several tests use: of each kind of equations one."""

CLAMP = """diode clamp
V1 in 0 5
R1 in out 1k
D1 out 0 DX
.model DX D(IS=1e-14)
"""

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
}
