#!/usr/bin/env python3
"""Writes the decks of circuits/hard with the answers they must have.

The answers come from closed forms, from recursions and from a small nodal analysis, all with 50 digits
(mpmath) or with fractions; nothing here knows ohmgrad. `tests/hard.rs` reads them:

    * expect v(out) = 1.5                 the one solution
    * expect-one v(out) = 0.1 | 2.3       several solutions, any of them; `error` may be one
    * expect-error 1 word this|that       no solution: exit code, and what the message holds
    * tolerance 1e-6                      relative, where the data of the deck allow no better than 1e-9
    * floor 1e-12                         absolute, where rounding of larger numbers hides small ones
"""

import sys
from fractions import Fraction as F
from pathlib import Path

from mpmath import acosh, cosh, exp, findroot, lambertw, log, lu_solve, matrix, mp, mpf, sqrt, tanh

mp.dps = 50
FOLDER = Path(__file__).resolve().parents[2] / "circuits" / "hard"
VT = mpf("1.38064852e-23") * mpf("300.15") / mpf("1.6021766208e-19")
GMIN = mpf("1e-12")
WRITTEN = []


def number(x):
    return repr(float(x))


def deck(name, title, cards, expect=(), one=(), error=None, tolerance=None, floor=None):
    lines = [title] + [card.strip() for card in cards.strip().splitlines()]
    if tolerance:
        lines.append(f"* tolerance {tolerance}")
    if floor:
        lines.append(f"* floor {floor}")
    for output, value in dict(expect).items():
        lines.append(f"* expect {output} = {number(value)}")
    for output, values in dict(one).items():
        texts = [v if isinstance(v, str) else number(v) for v in values]
        lines.append(f"* expect-one {output} = {' | '.join(texts)}")
    if error:
        lines.append(f"* expect-error {error}")
    lines += [".op", ".end"]
    (FOLDER / f"{name}.cir").write_text("\n".join(lines) + "\n")
    WRITTEN.append(name)


def rising_root(f, low, high):
    """Zero of a rising function."""
    low, high = mpf(low), mpf(high)
    assert f(low) <= 0 <= f(high), (f(low), f(high))
    for _ in range(190):
        middle = (low + high) / 2
        if f(middle) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def all_roots(f, low, high, steps=4000):
    """Zeros of a continuous function, found by its changes of sign on a grid."""
    grid = [mpf(low) + (mpf(high) - mpf(low)) * k / steps for k in range(steps + 1)]
    values = [f(x) for x in grid]
    roots = []
    for a, b, fa, fb in zip(grid, grid[1:], values, values[1:]):
        if fa == 0:
            roots.append(a)
        elif fa * fb < 0:
            sign = 1 if fb > 0 else -1
            roots.append(rising_root(lambda x: sign * f(x), a, b))
    return roots


class Diode:
    """ngspice's diode: exponential, cubic reverse, breakdown; GMIN across the junction."""

    def __init__(self, IS="1e-14", N=1, RS=0, BV=None, IBV="1e-3", gmin=GMIN):
        self.IS, self.nvt, self.RS, self.gmin = mpf(IS), mpf(N) * VT, mpf(RS), mpf(gmin)
        self.start = None
        if BV is not None:
            bv, ibv = mpf(BV), mpf(IBV)
            law = lambda x: self.IS * (exp((bv - x) / self.nvt) - 1 + x / VT) - ibv
            self.start = bv if law(bv) >= 0 else rising_root(lambda x: -law(x), 0, bv)

    def junction(self, u):
        """Current and slope."""
        if u >= -3 * self.nvt:
            e = exp(u / self.nvt)
            i, g = self.IS * (e - 1), self.IS * e / self.nvt
        elif self.start is not None and u < -self.start:
            e = exp(-(self.start + u) / self.nvt)
            i, g = -self.IS * e, self.IS * e / self.nvt
        else:
            cube = (3 * self.nvt / (u * exp(1))) ** 3
            i, g = -self.IS * (1 + cube), self.IS * 3 * cube / u
        return i + self.gmin * u, g + self.gmin

    def voltage(self, current):
        """The voltage that carries a current."""
        current = mpf(current)
        bound = mpf(1)
        while self.junction(bound)[0] < abs(current):
            bound *= 2
        low = -bound
        while self.junction(low)[0] > current:
            low *= 2
        return rising_root(lambda u: self.junction(u)[0] - current, low, bound) + self.RS * current

    def at(self, v):
        if self.RS == 0:
            return self.junction(v)
        u = rising_root(lambda u: u + self.RS * self.junction(u)[0] - v, min(v, 0), max(v, 0))
        i, g = self.junction(u)
        return i, g / (1 + self.RS * g)


class Net:
    """Nodal analysis of R, I, V and D by Newton with stepped sources."""

    def __init__(self):
        self.names, self.r, self.i, self.v, self.d = {"0": -1}, [], [], [], []

    def node(self, name):
        return self.names.setdefault(str(name), len(self.names) - 1)

    def R(self, a, b, r):
        self.r.append((self.node(a), self.node(b), mpf(r)))

    def I(self, a, b, i):
        self.i.append((self.node(a), self.node(b), mpf(i)))

    def V(self, a, b, v):
        self.v.append((self.node(a), self.node(b), mpf(v)))

    def D(self, a, b, law):
        self.d.append((self.node(a), self.node(b), law))

    def equations(self, x, factor):
        n = len(self.names) - 1
        size = n + len(self.v)
        J, Z = matrix(size, size), [mpf(0)] * size
        at = lambda k: x[k] if k >= 0 else mpf(0)

        def current(a, b, i, g):
            for node, sign in ((a, 1), (b, -1)):
                if node < 0:
                    continue
                Z[node] += sign * i
                for other, s in ((a, sign), (b, -sign)):
                    if other >= 0:
                        J[node, other] += s * g

        for a, b, r in self.r:
            current(a, b, (at(a) - at(b)) / r, 1 / r)
        for a, b, i in self.i:
            current(a, b, factor * i, 0)
        for a, b, law in self.d:
            current(a, b, *law.at(at(a) - at(b)))
        for k, (a, b, v) in enumerate(self.v):
            Z[n + k] = at(a) - at(b) - factor * v
            for node, sign in ((a, 1), (b, -1)):
                if node >= 0:
                    Z[node] += sign * x[n + k]
                    J[node, n + k] += sign
                    J[n + k, node] += sign
        return J, Z

    def solve(self, steps=4):
        size = len(self.names) - 1 + len(self.v)
        x = [mpf(0)] * size
        for step in range(1, steps + 1):
            x = self.newton(x, mpf(step) / steps)
        return {name: (x[k] if k >= 0 else mpf(0)) for name, k in self.names.items()}, x

    def newton(self, x, factor):
        for _ in range(400):
            J, Z = self.equations(x, factor)
            step = lu_solve(J, matrix([-z for z in Z]))
            # Where a diode is steep its voltage moves by a few thermal voltages at a time.
            at = lambda k, v: v[k] if k >= 0 else mpf(0)
            t = mpf(1)
            for a, b, law in self.d:
                old, move = at(a, x) - at(b, x), at(a, step) - at(b, step)
                new, most = old + move, 4 * law.nvt
                if move > most and new > 0:
                    t = min(t, (max(old, 0) + most - old) / move)
                if move < -most and law.start is not None and new < -law.start:
                    t = min(t, (min(old, -law.start) - most - old) / move)
            x = [xi + t * si for xi, si in zip(x, step)]
            if t == 1 and max(abs(s) for s in step) < mpf(10) ** -35 * (1 + max(abs(v) for v in x)):
                return x
        raise ArithmeticError("no convergence")


# Chains and stacks of diodes.

D14 = Diode()
v = D14.voltage("1e-3")
TENS = """
.subckt ten a k
{}
.ends
.subckt hundred a k
{}
.ends
""".format(
    "\n".join(f"D{k} {'a' if k == 0 else k} {'k' if k == 9 else k + 1} DX" for k in range(10)),
    "\n".join(f"X{k} {'a' if k == 0 else k} {'k' if k == 9 else k + 1} ten" for k in range(10)),
)


def hundreds(count, first="top", last="0"):
    node = lambda k: first if k == 0 else last if k == count else f"h{k}"
    return "\n".join(f"X{k} {node(k)} {node(k + 1)} hundred" for k in range(count))


deck("chain1000_current", "A thousand diodes carry 1 mA.",
     f".model DX D(IS=1e-14)\n{TENS}\nI1 0 top 1m\n{hundreds(10)}",
     {"v(top)": 1000 * v, "v(h9)": 100 * v})
deck("chain1000_reverse", "A thousand blocking diodes share 3 kV; only leakage flows.",
     f".model DX D(IS=1e-14)\n{TENS}\nV1 top 0 -3k\n{hundreds(10)}",
     {"v(h5)": -1500, "i(v1)": -D14.at(mpf(-3))[0]})
i = rising_root(lambda i: 1000 * D14.voltage(i) + 1000 * i - 700, "1e-12", 1)
deck("chain1000_voltage", "700 V push a current through 1 kohm and a thousand diodes.",
     f".model DX D(IS=1e-14)\n{TENS}\nV1 in 0 700\nR1 in top 1k\n{hundreds(10)}",
     {"v(top)": 1000 * D14.voltage(i), "i(v1)": -i, "v(h5)": 500 * D14.voltage(i)})
deck("stack500_direct", "535 V directly across 500 diodes: 1.07 V each, nothing limits the current.",
     f".model DX D(IS=1e-14)\n{TENS}\nV1 top 0 535\n{hundreds(5)}",
     {"i(v1)": -D14.at(mpf(535) / 500)[0], "v(h2)": 321})
D1 = Diode(RS=1)
deck("stack500_1kv", "1 kV across 500 diodes of 1 ohm: 2 V each.",
     f".model DX D(IS=1e-14 RS=1)\n{TENS}\nV1 top 0 1k\n{hundreds(5)}",
     {"i(v1)": -D1.at(mpf(2))[0], "v(h1)": 800})
Z51 = Diode(BV=51)
i = rising_root(lambda i: -20 * Z51.voltage(-i) + 10000 * i - 1100, "1e-9", 1)
deck("zener_stack", "1100 V across 10 kohm and twenty Zeners of 51 V.",
     ".model DX D(IS=1e-14 BV=51)\nV1 in 0 1100\nR1 in n0 10k\n"
     + "\n".join(f"D{k} {'0' if k == 19 else f'n{k + 1}'} n{k} DX" for k in range(20)),
     {"v(n0)": -20 * Z51.voltage(-i), "i(v1)": -i, "v(n10)": -10 * Z51.voltage(-i)})
Z12 = Diode(BV=12, IBV="1e-6")
i = rising_root(lambda i: Z12.voltage(i) - Z12.voltage(-i) + 10**6 * i - 10**4, "1e-9", 1)
deck("back_to_back_zeners_10kv", "10 kV against two Zeners face to face, and -10 kV against two more.",
     """.model DZ D(IS=1e-14 BV=12 IBV=1u)
     V1 p 0 10k
     R1 p a 1meg
     D1 a m DZ
     D2 0 m DZ
     V2 q 0 -10k
     R2 q b 1meg
     D3 b n DZ
     D4 0 n DZ""",
     {"v(a)": Z12.voltage(i) - Z12.voltage(-i), "v(m)": -Z12.voltage(-i),
      "v(b)": Z12.voltage(-i) - Z12.voltage(i), "v(n)": -Z12.voltage(i), "i(v1)": -i})
D9 = Diode(IS="1e-9", N=2)
def pair(v):
    return D9.at(v)[0] - D9.at(-v)[0]
u = rising_root(lambda u: 1000 * u + 100 * pair(u) - 1000, 0, 1)
deck("antiparallel_thousand", "A thousand antiparallel pairs in series behind 100 ohm at 1 kV.",
     ".model DX D(IS=1n N=2)\n.subckt pair a k\nD1 a k DX\nD2 k a DX\n.ends\n"
     + TENS.replace("DX", "pair").replace("D", "X") + f"\nV1 in 0 1k\nR1 in top 100\n{hundreds(10)}",
     {"v(top)": 1000 * u, "i(v1)": -pair(u)})

# Extreme diodes.

steep, soft = Diode(IS="1e-20", N="0.01"), Diode(IS="1e-3", N=10)
i1 = rising_root(lambda i: steep.voltage(i) + 1000 * i - 5, "1e-15", 1)
i2 = rising_root(lambda i: soft.voltage(i) + 1000 * i - 5, "1e-9", 1)
deck("extreme_emission", "IS = 1e-20 with N = 0.01, and IS = 1 mA with N = 10, each behind 1 kohm at +-5 V.",
     """.model DS D(IS=1e-20 N=0.01)
     .model DW D(IS=1m N=10)
     V1 p 0 5
     V2 q 0 -5
     R1 p a 1k
     D1 a 0 DS
     R2 p b 1k
     D2 b 0 DW
     R3 q c 1k
     D3 c 0 DS""",
     {"v(a)": steep.voltage(i1), "v(b)": soft.voltage(i2),
      "v(c)": rising_root(lambda v: steep.at(v)[0] + (v + 5) / 1000, -6, 0)})
fat = Diode(IS="1e-12", RS="1e-6")
deck("ten_kiloampere", "10 kA through a diode with RS = 1 uohm, and 10 kA driven by a voltage.",
     """.model DF D(IS=1p RS=1u)
     I1 0 a 10k
     D1 a 0 DF
     V1 b 0 1
     D2 b 0 DF""",
     {"v(a)": fat.voltage(10**4), "i(v1)": -fat.at(mpf(1))[0]})
tiny = Diode(IS="1e-20", gmin=0)
deck("leakage", "Currents from 1e-21 A to 1e-15 A into diodes of IS = 1e-20 A without GMIN.",
     """.model DL D(IS=1e-20)
     .options gmin=0
     I1 0 a 1e-15
     D1 a 0 DL
     I2 b 0 5e-21
     D2 b 0 DL
     I3 0 c 1e-21
     D3 c 0 DL""",
     {"v(a)": VT * log(1 + mpf("1e5")), "v(b)": VT * log(mpf("0.5")), "v(c)": VT * log(mpf("1.1"))})
big, thin = Diode(IS="1e-3"), Diode(IS="1e-20")
through = lambda v: big.at(v)[0] - thin.at(-v)[0]
v = rising_root(lambda v: v + through(v) / 10**6 - 1, 0, 1)
deck("short_circuit", "1 V across 1 uohm and a diode of IS = 1 mA; in parallel one that leaks 1e-20 A.",
     """.model DB D(IS=1m)
     .model DL D(IS=1e-20)
     V1 in 0 1
     R1 in a 1u
     D1 a 0 DB
     D2 0 a DL""",
     {"i(v1)": -through(v), "v(a)": v})

# Bridges of bridges: each level's output is the next one's input.

D15 = Diode(IS="1e-12", N="1.5")


def level(y, out):
    """Input voltage and current of a bridge from its output."""
    on = rising_root(lambda v: D15.at(v)[0] + D15.at(-v - y)[0] - out, 0, 3)
    return y + 2 * on, D15.at(on)[0] - D15.at(-on - y)[0]


def bridges(y, load, levels):
    x, i, inner = y, y / load, []
    for _ in range(levels):
        inner.append(x)
        x, i = level(x, i)
    return x, i, inner


def bridge_cards(levels, model):
    cards = []
    for k in range(levels):
        a, b, p, n = (f"{c}{k + d}" for c, d in (("p", 0), ("n", 0), ("p", 1), ("n", 1)))
        if k % 2:
            a, b = b, a
        cards += [f"Da{k} {a} {p} {model}", f"Db{k} {b} {p} {model}", f"Dc{k} {n} {a} {model}", f"Dd{k} {n} {b} {model}"]
    return "\n".join(cards)


y = rising_root(lambda y: bridges(y, 1000, 4)[0] - 24, "0.01", 24)
x, i, inner = bridges(y, 1000, 4)
deck("bridge_of_bridges", "Four full-wave bridges, each feeding the next, every other one turned round.",
     f".model DX D(IS=1p N=1.5)\nV1 n0 p0 24\nRg n0 0 1k\n{bridge_cards(4, 'DX')}\nRL p4 n4 1k",
     {"v(p4,n4)": y, "v(p3,n3)": inner[1], "v(p1,n1)": inner[3], "i(v1)": -i})
deck("bridge_of_ideal_bridges", "Eight bridges of ideal diodes, each feeding the next.",
     f".model DI D(IDEAL)\nV1 n0 p0 24\nRg n0 0 1k\n{bridge_cards(8, 'DI')}\nRL p8 n8 1k",
     {"v(p8,n8)": 24, "i(v1)": mpf(-24) / 1000})

# A Cockcroft-Walton multiplier at DC: the capacitors are left with their leakage.

net, cards = Net(), []
DC = Diode(IS="1e-10", N="1.8")
net.V("in", 0, 5000)
columns = [["in"] + [f"a{k}" for k in range(1, 9)], ["0"] + [f"b{k}" for k in range(1, 9)]]
for c, column in enumerate(columns):
    for k in range(8):
        net.R(column[k], column[k + 1], "1e9")
        cards.append(f"Rc{c}{k} {column[k]} {column[k + 1]} 1g")
order = ["0"] + [columns[k % 2][k // 2 + 1] for k in range(16)]
for k in range(16):
    net.D(order[k], order[k + 1], DC)
    cards.append(f"D{k} {order[k]} {order[k + 1]} DC")
net.R("b8", 0, "1e10")
solution, _ = net.solve()
deck("cockcroft_walton", "Cockcroft-Walton multiplier of eight stages at 5 kV DC: leakage of its capacitors rules.",
     ".model DC D(IS=1e-10 N=1.8)\nV1 in 0 5k\n" + "\n".join(cards) + "\nRL b8 0 10g",
     {f"v({n})": solution[n] for n in ("a1", "b1", "a4", "b4", "a8", "b8")})

net, cards = Net(), []
DG = Diode(BV=30)
net.V("s", 0, 100)
net.R("s", "g00", 100)
for r in range(4):
    for c in range(4):
        for dr, dc in ((0, 1), (1, 0)):
            if r + dr < 4 and c + dc < 4:
                a, b = f"g{r}{c}", f"g{r + dr}{c + dc}"
                a, b = (a, b) if (r + c + dr) % 3 else (b, a)
                net.D(a, b, DG)
                cards.append(f"D{len(cards)} {a} {b} DG")
net.R("g33", 0, 1000)
net.R("g30", 0, 5000)
solution, _ = net.solve()
deck("zener_grid", "A grid of Zeners in both directions at 100 V: some conduct, some block, some break down.",
     ".model DG D(IS=1e-14 BV=30)\nV1 s 0 100\nR1 s g00 100\n" + "\n".join(cards) + "\nRa g33 0 1k\nRb g30 0 5k",
     {f"v({n})": solution[n] for n in ("g00", "g11", "g12", "g22", "g33", "g30", "g03")})

# Conductances 15 orders of magnitude apart.

deck("ratio_1e15", "A link of 1 uohm hangs off ground by 1 Gohm: 1 A in at one end, 2^-30 A less out at the other.",
     """R1 a b 1u
     R2 b 0 1g
     I1 0 a 1
     I2 b 0 0.999999999068677425384521484375""",
     {"v(b)": F(10**9, 2**30), "v(a)": F(10**9, 2**30) + F(1, 10**6)})
deck("ratio_1e15_chain", "Two links of 1 uohm on two of 1 Gohm: all 3 mA pass both, 3 MV each.",
     """R1 a b 1u
     R2 b c 1u
     R3 c d 1g
     R4 d 0 1g
     I1 0 a 1m
     I2 0 c 2m""",
     {"v(d)": F(3, 1000) * 10**9, "v(c)": F(6, 1000) * 10**9})
deck("ratio_1e15_two_islands", "Two links of 1 uohm, each hung by 1 Gohm, joined by 1 Mohm.",
     """R1 a b 1u
     R2 b 0 1g
     R3 c d 1u
     R4 d 0 1g
     R5 a c 1meg
     I1 0 a 1m
     I2 0 d 3m""",
     # By symmetry: the mean carries 4 mA into 0.5 Gohm, the difference 2 mA/2 into 1 Mohm || 2 Gohm.
     {"v(a)": F(2 * 10**6) - F(1, 1000) * F(10**6 * 2 * 10**9, 10**6 + 2 * 10**9) / 2,
      "v(c)": F(2 * 10**6) + F(1, 1000) * F(10**6 * 2 * 10**9, 10**6 + 2 * 10**9) / 2})
deck("ratio_1e15_voltage", "1 uohm and 1 Gohm in series at 1 kV, and a middle tap of 1 Gohm.",
     """V1 in 0 1k
     R1 in a 1u
     R2 a 0 1g
     R3 a b 1g
     R4 b 0 1u""",
     {"v(b)": F(1000) * F(1, 10**6) / (F(10**9) + F(1, 10**6)), "i(v1)": F(-2, 10**6)})


# Ideal diodes in degenerate states: v = 0 and i = 0 at once, splits of currents that nothing determines.

n = 10
edges = [(r, c, r + dr, c + dc) for r in range(n) for c in range(n) for dr, dc in ((0, 1), (1, 0))
         if r + dr < n and c + dc < n]
grid = "\n".join(f"D{k} n{a}_{b} n{c}_{d} DI" for k, (a, b, c, d) in enumerate(edges))
loads = "\n".join(f"Rg{r}_{c} n{r}_{c} 0 100k" for r in range(n) for c in range(n) if (r, c) != (0, 0))
v = F(1) * F(100000, 99) / (1000 + F(100000, 99))
deck("ideal_grid", "A grid of 180 ideal diodes, all conducting: every node has the potential of its corner.",
     f".model DI D(IDEAL)\nV1 in 0 1\nR1 in n0_0 1k\n{grid}\n{loads}",
     {"v(n0_0)": v, "v(n9_9)": v, "v(n4_5)": v, "i(v1)": -(1 - v) / 1000})
feeds = "\n".join(f"Rf{r}_{c} s n{r}_{c} 1k" for r in range(n) for c in range(n))
deck("ideal_grid_at_rest", "The same grid with nothing to do: all its diodes have v = 0 and i = 0.",
     f".model DI D(IDEAL)\nV1 s 0 5\n{grid}\n{feeds}",
     {"v(n0_0)": 5, "v(n9_9)": 5, "v(n3_7)": 5, "i(v1)": 0}, floor="1e-14")
deck("ideal_grid_reversed", "The same grid driven backwards: all its diodes block, 1 V to 19 V each.",
     ".model DI D(IDEAL)\n" + grid + "\n" + "\n".join(
         f"V{r}_{c} s{r}_{c} 0 {r + c}\nRf{r}_{c} s{r}_{c} n{r}_{c} 1k" for r in range(n) for c in range(n)),
     {"v(n0_0)": 0, "v(n9_9)": 18, "v(n3_7)": 10}, floor="1e-14")
deck("ideal_antiparallel", "Antiparallel ideal diodes are a short, whichever way the current flows.",
     """.model DI D(IDEAL)
     V1 p 0 6
     R1 p a 1k
     D1 a b DI
     D2 b a DI
     R2 b 0 2k
     V2 q 0 -6
     R3 q c 1k
     D3 c d DI
     D4 d c DI
     R4 d 0 2k""",
     {"v(a)": 4, "v(b)": 4, "v(c)": -4, "v(d)": -4, "i(v1)": -F(2, 1000)})
ring = "\n".join(f"D{k} n{k} n{(k + 1) % 100} DI\nR{k} n{k} 0 1k" for k in range(100))
deck("ideal_ring", "A ring of a hundred ideal diodes is one node: 1 A finds a hundred resistors.",
     f".model DI D(IDEAL)\n{ring}\nI1 0 n0 1", {"v(n0)": 10, "v(n50)": 10, "v(n99)": 10})
deck("ideal_ring_negative", "The same ring, 1 A drawn from it.",
     f".model DI D(IDEAL)\n{ring}\nI1 n7 0 1", {"v(n0)": -10, "v(n50)": -10, "v(n99)": -10})
ring = "\n".join(f"D{k} n{k} n{(k + 1) % 100} DI" for k in range(100))
deck("ideal_ring_current", "A current source across a ring of ideal diodes that nothing but one resistor ties to ground.",
     f".model DI D(IDEAL)\n{ring}\nI1 n0 n50 1\nI2 0 n3 2m\nR1 n20 0 1k",
     {"v(n0)": 2, "v(n50)": 2, "v(n99)": 2})
parallel = "\n".join(f"D{k} a b DI" for k in range(1000))
deck("ideal_parallel", "A thousand ideal diodes in parallel: how they share 1 A is open, what they do is not.",
     f".model DI D(IDEAL)\nV1 in 0 20\nR1 in a 15\n{parallel}\nR2 b 0 5", {"v(a)": 5, "v(b)": 5, "i(v1)": -1})
series = "\n".join(f"D{k} n{k} n{k + 1} DI" for k in range(1000))
deck("ideal_chain1000", "A thousand ideal diodes in series, conducting.",
     f".model DI D(IDEAL)\nI1 0 n0 1m\n{series}\nR1 n1000 0 5k", {"v(n0)": 5, "v(n500)": 5, "v(n1000)": 5})
levels = [(37 * k) % 91 for k in range(100)]
gates = "\n".join(f"V{k} s{k} 0 {x}\nD{k} s{k} hi DI\nE{k} lo s{k} DI" for k, x in enumerate(levels)).replace("E", "DL")
deck("ideal_or_and_100", "Maximum and minimum of a hundred inputs, with ties.",
     f".model DI D(IDEAL)\n{gates}\nRh hi 0 1k\nVs s 0 1k\nRl s lo 1k", {"v(hi)": max(levels), "v(lo)": min(levels)}, floor="1e-12")
deck("ideal_or_all_equal", "The maximum of a hundred equal inputs, and of a hundred zeros.",
     ".model DI D(IDEAL)\nV1 s 0 3\n" + "\n".join(
         f"R{k} s s{k} 1k\nD{k} s{k} hi DI\nDz{k} 0 z DI" for k in range(100)) + "\nRh hi 0 90\nRz z 0 1k\n",
     {"v(hi)": F(3 * 90, 100), "v(z)": 0}, floor="1e-12")


def string(levels, resistances, load):
    """Potentials of a string of resistors to ground that levels lift from below: their least concave
    majorant over the resistance, flat before the highest. Exact."""
    xs = [F(0)]
    for r in resistances:
        xs.append(xs[-1] + r)
    points = [(x, F(level)) for x, level in zip(xs, levels)] + [(xs[-1] + load, F(0))]
    top = max(range(len(levels)), key=lambda k: (levels[k], k))
    hull = []
    for x, y in points[top:]:
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-2][0]) <= (y - hull[-2][1]) * (hull[-1][0] - hull[-2][0]):
            hull.pop()
        hull.append((x, y))
    found = []
    for k, x in enumerate(xs):
        if k <= top:
            found.append(F(levels[top]))
            continue
        (x0, y0), (x1, y1) = next((a, b) for a, b in zip(hull, hull[1:]) if a[0] <= x <= b[0])
        found.append(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return found


for n, factor, name in ((60, 373, "ideal_string_60"), (250, 373, "ideal_string_250")):
    levels = [F((k * factor) % 1000, 10) for k in range(n)]
    resistances = [1 + (k * 31) % 17 for k in range(n)]
    v = string(levels, resistances, 10)
    deck(name, f"{n} ideal diodes lift a string of resistors; {n} more lie along it with nothing to do, many at v = 0, i = 0.",
         ".model DI D(IDEAL)\n" + "\n".join(
             f"V{k} s{k} 0 {float(levels[k])}\nD{k} s{k} n{k} DI\nR{k} n{k} n{k + 1} {resistances[k]}\nDb{k} n{k + 1} n{k} DI"
             for k in range(n)) + f"\nRL n{n} 0 10",
         {f"v(n{k})": v[k] for k in (0, 1, n // 4, n // 2, 3 * n // 4, n - 1, n)})

# Distances: v(j) <= v(i) + length, each node pulled up by a resistor.

count, arcs = 40, []
for k in range(count):
    for step, length in ((1, 3), (7, 11), (13, 18), (29, 5)):
        arcs.append((k, (k * 3 + step) % count, (length * (k + 2)) % 17 + 1))
distance = [0] + [10**9] * (count - 1)
for _ in range(count):
    for a, b, w in arcs:
        distance[b] = min(distance[b], distance[a] + w)
assert max(distance) < 1000
deck("shortest_paths", "Shortest paths in a graph of 40 nodes and 160 arcs: v(j) <= v(i) + length by ideal diodes.",
     ".model DI D(IDEAL)\nVs up 0 1k\nV0 n0 0 0\n" + "\n".join(
         f"D{k} n{b} m{k} DI\nV{k + 1} m{k} n{a} {w}" for k, (a, b, w) in enumerate(arcs) if a != b)
     + "\n" + "\n".join(f"R{k} up n{k} 1meg" for k in range(1, count)),
     {f"v(n{k})": distance[k] for k in range(1, count)})

# Transformers, gyrators, negative resistances.

deck("transformer_1000", "Two transformers of 1:1000 in cascade: 1 Mohm looks like 1 uohm.",
     """V1 s 0 1u
     R1 s p 1u
     X1 p 0 q 0 TRANSFORMER n=1e-3
     X2 q 0 r 0 TRANSFORMER n=1e-3
     RL r 0 1meg""",
     {"v(p)": F(1, 2 * 10**6), "v(q)": F(1, 2000), "v(r)": F(1, 2), "i(v1)": F(-1, 2)})
g, shunt = F(1, 1000), F(1, 10**6)
y, gains = F(1, 5000), []
for _ in range(200):
    # The last gyrator turns its load y into g^2/y; v2 = g v1/y.
    gains.append(g / y)
    y = g * g / y + shunt
v0 = F(1, 1000) / y
vs = [v0]
for gain in reversed(gains):
    vs.append(vs[-1] * gain)
deck("gyrator_chain", "A chain of 200 gyrators with a leak of 1 Mohm at each.",
     "I1 0 n0 1m\n" + "\n".join(f"X{k} n{k} 0 n{k + 1} 0 GYRATOR g=1m\nR{k} n{k} 0 1meg" for k in range(200))
     + "\nRL n200 0 5k",
     {f"v(n{k})": vs[k] for k in (0, 1, 100, 199, 200)})
deck("negative_parallel", "1 kohm in parallel with -1000.1 ohm is 10 Mohm.",
     """I1 0 a 1u
     R1 a 0 1k
     R2 a 0 -1000.1""",
     {"v(a)": F(1, 10**6) / (F(1, 1000) - F(10, 10001))}, tolerance="1e-8")
deck("negative_series", "1 kohm in series with -999.999 ohm is 1 mohm.",
     """V1 in 0 1m
     R1 in a 1k
     R2 a 0 -999.999""",
     {"i(v1)": -1, "v(a)": F(-999999, 10**6)  * 1000}, tolerance="1e-8")
deck("negative_diode", "A diode fed through a negative resistance that is smaller than the load in series.",
     """.model DX D(IS=1e-14)
     V1 in 0 5
     R1 in a 2k
     R2 a b -1k
     D1 b 0 DX""",
     {"v(b)": rising_root(lambda v: D14.at(v)[0] - (5 - v) / 1000, 0, 5)})

# Feedback.

deck("opamp_gain_1e9", "Inverting amplifiers with open-loop gains of 1e6 and 1e9.",
     """V1 in 0 1
     R1 in a 1k
     R2 a x 100k
     E1 x 0 0 a 1e6
     R3 in b 1k
     R4 b y 100k
     E2 y 0 0 b 1e9
     RL y 0 1k""",
     {f"v({n})": F(-100) / (1 + F(101, gain)) for n, gain in (("x", 10**6), ("y", 10**9))}
     | {"v(a)": F(100) / (1 + F(101, 10**6)) / 10**6, "v(b)": F(100) / (1 + F(101, 10**9)) / 10**9})
deck("opamp_log", "Logarithmic amplifier: a diode in the feedback of a gain of 1e9.",
     """.model DX D(IS=1e-14)
     V1 in 0 1
     R1 in a 1k
     D1 a x DX
     E1 x 0 0 a 1e9""",
     (lambda v: {"v(x)": v, "v(a)": -v / 10**9})(
         -rising_root(lambda u: D14.at(u * (1 + mpf(10) ** -9))[0] - (1 - u / 10**9) / 1000, 0, 2)))
chain, x = ["V1 n0 0 1"], F(1)
for k in range(30):
    chain.append(f"E{k} n{k + 1} 0 n{k} n{k + 1} 1e6")
    x = x * F(10**6, 10**6 + 1)
deck("opamp_followers", "Thirty followers of gain 1e6 one behind the other.",
     "\n".join(chain) + "\nRL n30 0 1k", {"v(n30)": x, "v(n15)": F(10**6, 10**6 + 1) ** 15})
deck("cccs_loop", "A loop of current gain 0.999999.",
     """I1 0 a 1m
     V1 a b 0
     R1 b 0 1k
     F1 0 a V1 0.999999""",
     {"v(a)": 10**6, "i(v1)": 1000})

# Laws that grow fast, or are undefined where a solver starts.

deck("exp_of_exp", "An exponential of an exponential behind 1 kohm at 5 V.",
     """V1 in 0 5
     R1 in a 1k
     B1 a 0 I={1u*(exp(exp(v(a)))-exp(1))}""",
     {"v(a)": rising_root(lambda v: (exp(exp(v)) - exp(1)) / 10**6 - (5 - v) / 1000, 0, 5)})
deck("exp_of_exp_of_exp", "Three exponentials, one inside the other, behind 1 ohm at 100 V.",
     """V1 in 0 100
     R1 in a 1
     B1 a 0 I={1m*exp(exp(exp(v(a))))}""",
     {"v(a)": rising_root(lambda v: exp(exp(exp(v))) / 1000 - (100 - v), "-10", "2.5")})
w = lambda v, r, i, vt: (lambda a: v + r * i - vt * lambertw(a).real)(r * i / vt * exp((v + r * i) / vt))
deck("exponential_law_100v", "A diode written as a B source, which nothing limits, behind 1 ohm at 100 V.",
     """V1 in 0 100
     R1 in a 1
     B1 a 0 I={1e-14*(exp(v(a)/0.025)-1)}""",
     {"v(a)": w(mpf(100), mpf(1), mpf("1e-14"), mpf("0.025"))})
deck("chain_of_laws", "Twenty diodes written as B sources, in series at 20 V behind 10 ohm.",
     "V1 in 0 20\nR1 in n0 10\n" + "\n".join(
         f"B{k} n{k} {'0' if k == 19 else f'n{k + 1}'} I={{1e-14*(exp(v(n{k}{'' if k == 19 else f',n{k + 1}'})/0.025)-1)}}"
         for k in range(20)),
     {"v(n0)": 20 * w(mpf(1), mpf("0.5"), mpf("1e-14"), mpf("0.025"))})
deck("power_21", "i = v^21 at 1 kA, and 1 fA.",
     """B1 a 0 I={pwr(v(a),21)}
     I1 0 a 1k
     B2 b 0 I={pwr(v(b),21)}
     I2 0 b 1f""",
     {"v(a)": mpf(1000) ** (mpf(1) / 21), "v(b)": mpf("1e-15") ** (mpf(1) / 21)})
deck("undefined_start", "A logarithm, a root and a quotient that have no value where a solver starts.",
     """V1 in 0 10
     R1 in a 1k
     B1 a 0 I={1m*log(v(a)-5)}
     R2 in b 1k
     B2 b 0 I={1m*sqrt(v(b)-2)}
     R3 in c 1k
     B3 c 0 I={1m/v(c)+1m*log(v(c))}""",
     {"v(a)": rising_root(lambda v: log(v - 5) - (10 - v), "5.000001", 10),
      "v(b)": rising_root(lambda v: sqrt(v - 2) - (10 - v), 2, 10)},
     {"v(c)": all_roots(lambda v: 1 / v + log(v) - (10 - v), "0.001", 10)})
deck("product_of_logs", "log(v(a)) log(v(b)) with v(a) = e^2 and v(b) = e^3 behind resistors.",
     """V1 p 0 10
     R1 p a 1k
     R2 a 0 1k
     R3 p b 1k
     R4 b 0 4k
     B1 x 0 V={log(v(a))*log(v(b))+sqrt(v(a)*v(b)-30)}
     RX x 0 1""",
     {"v(x)": log(5) * log(8) + sqrt(10)})
deck("hysteresis", "Two switches inside their hysteresis that control each other: each keeps the state on its card.",
     """.model SH SW(VT=2.5 VH=1 RON=1 ROFF=1meg)
     V1 p 0 5
     R1 p a 1k
     R2 p b 1k
     RA a 0 1k
     RB b 0 1k
     S1 a 0 b 0 SH OFF
     S2 b 0 a 0 SH OFF""",
     {"v(a)": F(5, 1000) / (F(2, 1000) + F(1, 10**6)), "v(b)": F(5, 1000) / (F(2, 1000) + F(1, 10**6))})

deck("steep_followers", "Followers of gain 1e9 within +-15 V: clipped, hyperbolic, with a diode in the loop.",
     """V1 i 0 3.3
     E1 o 0 VALUE={limit(1e9*(v(i)-v(o)),-15,15)}
     RL o 0 1k
     E2 p 0 VALUE={15*tanh(1e9*(v(i)-v(f)))}
     R1 p f 3k
     R2 f 0 1k
     .model DX D(IS=1e-14)
     E3 q 0 VALUE={15*tanh(1e6*(v(i)-v(g)))}
     D1 q g DX
     R3 g 0 1k""",
     (lambda o, p, g: {"v(o)": o, "v(p)": p, "v(g)": g, "v(q)": g + D14.voltage(g / 1000)})(
         mpf("3.3") / (1 + mpf(10) ** -9),
         rising_root(lambda p: p - 15 * tanh(10**9 * (mpf("3.3") - p / 4)), 0, 15),
         rising_root(lambda g: g + D14.voltage(g / 1000) - 15 * tanh(10**6 * (mpf("3.3") - g)), 3, 4)))
deck("inverter_ring_101", "A ring of 101 inverters with a gain of 25,000 each: one solution, in the middle of all.",
     "\n".join(f"E{k} n{(k + 1) % 101} 0 VALUE={{5*(1-tanh(1e4*(v(n{k})-2.5)))/2}}\nR{k} n{k} 0 1k" for k in range(101)),
     {"v(n0)": F(5, 2), "v(n50)": F(5, 2)})
deck("smooth_step", "A step of 10 mA within some uV on the way to what a source can give.",
     "V1 in 0 5\nR1 in a 1k\nB1 a 0 I={5m*(1+tanh(1e6*(v(a)-2)))}",
     {"v(a)": rising_root(lambda v: 5 * (1 + tanh(10**6 * (v - 2))) - (5 - v), 0, 5)})

# Several solutions.

schmitt = all_roots(lambda o: 5 * tanh(1000 * ((mpf("0.3") * 22 + o * 10) / 32)) - o, "-5.5", "5.5", 20011)
deck("latch_tanh", "A Schmitt trigger in its hysteresis, without a nodeset.",
     """VIN in 0 0.3
     R1 in p 10k
     R2 out p 22k
     E1 out 0 VALUE={5*tanh(1e3*v(p))}""",
     one={"v(out)": schmitt})
tunnel = lambda v: mpf("1e-3") * v / mpf("0.1") * exp(1 - v / mpf("0.1")) + mpf("1e-12") * (exp(v / mpf("0.04")) - 1)
deck("tunnel_diode", "A tunnel diode whose load line crosses it three times.",
     """V1 in 0 0.7
     R1 in a 800
     B1 a 0 I={1m*v(a)/0.1*exp(1-v(a)/0.1) + 1p*(exp(v(a)/0.04)-1)}""",
     one={"v(a)": all_roots(lambda v: tunnel(v) - (mpf("0.7") - v) / 800, 0, "0.7")})
m0, m1 = F(-757, 10**6), F(-409, 10**6)
g = F(1, 1900)
outer = (m1 - m0) / (g + m1)
deck("chua_diode", "Chua's diode with its resistor: three solutions.",
     """V1 in 0 0
     R1 in a 1.9k
     B1 a 0 I={-0.409m*v(a)+0.5*(-0.757m+0.409m)*(abs(v(a)+1)-abs(v(a)-1))}""",
     one={"v(a)": [-outer, F(0), outer]}, floor="1e-12")
low = all_roots(lambda a: 5 / (1 + exp(4 * (5 / (1 + exp(4 * (a - mpf("2.5")))) - mpf("2.5")))) - a, 0, 5)
deck("flip_flop", "Two inverters feed each other.",
     """E1 b 0 VALUE={5/(1+exp(4*(v(a)-2.5)))}
     E2 a 0 VALUE={5/(1+exp(4*(v(b)-2.5)))}
     R1 a 0 1k
     R2 b 0 1k""",
     one={"v(a)": low, "v(b)": low})
deck("constant_power", "A load of 10 W at 10 V behind 1 ohm: two solutions.",
     """V1 in 0 10
     R1 in a 1
     B1 a 0 I={10/v(a)}""",
     one={"v(a)": [5 + sqrt(15), 5 - sqrt(15)]})
deck("negative_resistor_diode", "A negative resistance in parallel with a diode and a source: two solutions.",
     """.model DX D(IS=1e-14)
     I1 0 a 0.1m
     R1 a 0 -1k
     D1 a 0 DX""",
     one={"v(a)": all_roots(lambda v: D14.at(v)[0] - v / 1000 - mpf("1e-4"), "-2", 2)})


def thyristor():
    """Anode potentials: of each voltage d across the middle junction, both base-emitter voltages x of the npn
    that balance the current into its base; the load line chooses d."""
    IS, an, ap, shunt, VT0 = mpf("1e-14"), mpf("0.98"), mpf("0.9"), 1000, mpf("0.025")
    i2 = lambda x: IS * (exp(x / VT0) - 1)
    i3 = lambda d: IS * (exp(-d / VT0) - 1)
    i1 = lambda x, d: (an * i2(x) - i3(d)) / (1 - ap)
    base = lambda x, d: ap * i1(x, d) - i3(d) - (1 - an) * i2(x) - x / shunt
    lowest = VT0 * log(VT0 / (shunt * IS * (ap * an / (1 - ap) - (1 - an))))

    def load(d, branch):
        if base(lowest, d) > 0 or (branch == 0 and base(mpf(-1), d) < 0):
            return None
        x = rising_root(lambda x: -base(x, d), -1, lowest) if branch == 0 else rising_root(lambda x: base(x, d), lowest, 2)
        if i1(x, d) <= -IS:
            return None
        anode = x + d + VT0 * log(1 + i1(x, d) / IS)
        return (20 - anode) / 1000 - i1(x, d), anode

    grid = [mpf(k) / 200 - mpf("0.75") for k in range(190)] + [mpf("0.2") + mpf(k) / 4 for k in range(83)]
    anodes = []
    for branch in (0, 1):
        last = None
        for d in grid:
            at = load(d, branch)
            if at and last and at[0] * last[1][0] < 0:
                sign = 1 if at[0] > 0 else -1
                root = rising_root(lambda y: sign * load(y, branch)[0], last[0], d)
                anodes.append(load(root, branch)[1])
            last = (d, at) if at else None
    return anodes


deck("thyristor", "A thyristor of two behavioural transistors with a shunt at its gate: off, on, or in between.",
     """V1 s 0 20
     RL s a 1k
     * pnp: emitter a, base n1, collector n2; npn: collector n1, base n2, emitter 0
     B1 a n1 I={1e-14*(exp(v(a,n1)/0.025)-1)}
     B2 n1 n2 I={0.9*1e-14*(exp(v(a,n1)/0.025)-1)}
     B3 n2 0 I={1e-14*(exp(v(n2)/0.025)-1)}
     B4 n1 n2 I={0.98*1e-14*(exp(v(n2)/0.025)-1)}
     B5 n2 n1 I={1e-14*(exp(v(n2,n1)/0.025)-1)}
     RG n2 0 1k""",
     one={"v(a)": thyristor()})

# No solution.

deck("blocked_current", "A current source into a blocking ideal diode.",
     ".model DI D(IDEAL)\nI1 0 a 1m\nD1 0 a DI\nR1 b 0 1k\nI2 0 b 1m", error="1 `a`")
deck("blocked_island", "A current into two nodes that only blocking ideal diodes lead to.",
     ".model DI D(IDEAL)\nI1 0 a 1m\nR0 a b 1k\nD1 0 a DI\nD2 0 b DI\nR1 c 0 1k\nI2 0 c 1m", error="1 `a`|`b`")
deck("forced_diode", "A voltage forced forwards across an ideal diode.",
     ".model DI D(IDEAL)\nV1 a 0 1\nD1 a 0 DI\nR1 a 0 1k", error="1 `a`")
deck("full_table", "A current beyond the end of a table that saturates.",
     "I1 0 a 3m\nG1 a 0 TABLE {V(a,0)} = (-1,-1m) (1,1m)", error="1 `a`")
deck("contradiction", "A voltage that is itself plus one.",
     "B1 a 0 V={v(a)+1}\nR1 a 0 1k", error="1 a")
deck("contradiction_of_two", "Two voltages, each one more than the other.",
     "B1 a 0 V={v(b)+1}\nB2 b 0 V={v(a)+1}\nR1 a 0 1k\nR2 b 0 1k", error="1 a b")
deck("gain_of_one", "Positive feedback of gain one leaves two potentials open.",
     "E1 a 0 b 0 1\nR1 a b 1k", error="1 v(a) v(b)")
deck("negative_cancels", "1 kohm and -1 kohm in parallel: no potential at all.",
     "I1 0 a 1m\nR1 a 0 1k\nR2 a 0 -1k", error="1 v(a)")
deck("too_much_power", "A load of 100 W at 10 V behind 1 ohm: the line carries 25 W at most.",
     "V1 in 0 10\nR1 in a 1\nB1 a 0 I={100/v(a)}", error="1 `a`")
deck("step_jumps_over", "A current that steps over what its source can give.",
     "V1 in 0 5\nR1 in a 1k\nB1 a 0 I={10m*u(v(a)-2)}", error="1 `a`")
deck("comparator_follower", "A comparator without gain as a follower: its output jumps over the solution.",
     "V1 in 0 1\nB1 x 0 V={5*sgn(v(in)-v(x))}\nRX x 0 1k", error="1 `x`")
print(len(WRITTEN), "decks")
