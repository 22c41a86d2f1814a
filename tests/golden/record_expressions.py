#!/usr/bin/env python3
"""Record what ngspice makes of expressions, as parameters and in behavioural sources.

    python3 tests/golden/record_expressions.py

Writes tests/golden/expressions.json. Standard library only; needs `ngspice` on the path.

Left out: what ngspice-39 cannot read in either place; in parameters a choice inside the first branch of a choice, which
it reads wrongly, and `a == b < c`, where it associates to the left; statistical functions, which draw, and among them
`limit` with three arguments, which is taken for one.
"""
import concurrent.futures
import json
import re
from pathlib import Path

from record import run, version

HERE = Path(__file__).resolve().parent
OPTIONS = "reltol=1e-12 abstol=1e-18 vntol=1e-15 itl1=500"
VARIABLES = {"x": 2.0, "y": 3.0, "n": -2.0, "z": 0.0, "h": 0.5}

UNARY = """abs sqrt exp ln log log10 sin cos tan asin acos atan arctan sinh cosh tanh asinh acosh atanh
sgn u u2 uramp int floor ceil nint sqr eq0 ne0 gt0 lt0 ge0 le0 ddt""".split()
BINARY = "min max pow pwr".split()
ARGUMENTS = ["x", "y", "n", "z", "h", "(n-0.7)", "(h+2)", "(0-h)", "(x*y+0.3)"]
PAIRS = [("x", "y"), ("y", "x"), ("n", "x"), ("n", "y"), ("x", "n"), ("y", "h"), ("n", "h"), ("n", "n"), ("z", "x")]
OPERATORS = ["+", "-", "*", "/", "^", "**", "%", "==", "!=", "<>", "<", ">", "<=", ">=", "&&", "||"]
OTHERS = """
-x^2
-x**2
2^y^x
2**y**x
2^-x
2^-y^x
-2^x
8/4/x
2-3-x
2--x
2*-x
-x*y
-x^2*y
x+y*2^x
!x
!z
!x+1
!x==0
!x==1
!z==1
!z&&x
1-x<y
x<y==1
3>2>1
3==x<y
1==1==1
1||0&&0
0&&0||1
x?y:5
z?y:5
x>1?y>5?1:2:3
x>3?1:y>2?2:3
z||x?1:2
-x?1:2
1?2:3+4
ternary_fcn(z,x,y)
ternary_fcn(x>1,x,y)
min(x,y,1)
max(x,y,7)
2*3meg
1e-3*x
1k+x
4.7k/x
10u*x
x/z
n/z
1/(x-2)
x*z
z^z
(x>1)+(y>1)
pi
e
2*pi*x
time
hertz
sqrt(x*x+y*y)
exp(-x)*sin(y)
ln(1+exp(x))
abs(n)^3
n^3+n^2
(x+y)*(x-y)/(x*y)
tanh(x/y)*cosh(h)
pwl(x,0,0,1,1,3,5)
pwl(7,0,0,1,1,3,5)
pwl(n,0,0,1,1,3,5)
pwl(h,0,-1,1,1)
pwl(y,0,0,1,1,3,5)
1e-12*(exp(h/0.025)-1)
""".split("\n")


def expressions():
    yield from (f"{f}({x})" for f in UNARY for x in ARGUMENTS)
    yield from (f"{f}({x},{y})" for f in BINARY for x, y in PAIRS)
    yield from (f"({x}){operator}({y})" for operator in OPERATORS for x, y in PAIRS)
    yield from (line for line in OTHERS if line)


def substituted(expression, text):
    return re.sub(r"\b([xynzh])\b", lambda match: text(match[1]), expression)


def result(body):
    values = run(("expression", body), OPTIONS)
    value = values and values.get("v(out)")
    # 1e99 stands for infinity in a behavioural source.
    return value if value is not None and abs(value) < 1e90 else None


def parameter(expression):
    given = " ".join(f"{name}={value!r}" for name, value in VARIABLES.items())
    return result([f".param {given}", f".param outcome={{{expression}}}", "v1 out 0 {outcome}", "r1 out 0 1k"])


def behavioural(expression):
    sources = [f"v{name} {name} 0 {value!r}" for name, value in VARIABLES.items()]
    controlled = substituted(expression, lambda name: f"v({name})")
    value = result([*sources, f"b1 out 0 v={controlled}", "r1 out 0 1k"])
    if value is not None:
        return value
    # Newton's first iterate is zero, where the function may have no slope: a constant has no iterates.
    constant = substituted(expression, lambda name: f"({VARIABLES[name]!r})")
    return result([f"b1 out 0 v={constant}", "r1 out 0 1k"])


def record(expression):
    misread = ["x>1?y>5?1:2:3", "3==x<y"]
    return {
        "expression": expression,
        "parameter": None if expression in misread else parameter(expression),
        "behavioural": behavioural(expression),
    }


def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        cases = list(pool.map(record, dict.fromkeys(expressions())))
    kept = [case for case in cases if case["parameter"] is not None or case["behavioural"] is not None]
    golden = {"ngspice": version(), "options": OPTIONS, "variables": VARIABLES}
    lines = ",\n".join("    " + json.dumps(case) for case in kept)
    head = json.dumps(golden, indent=2)[:-2]
    (HERE / "expressions.json").write_text(f'{head},\n  "cases": [\n{lines}\n  ]\n}}\n')
    print(f"{len(kept)} expressions, {len(cases) - len(kept)} that ngspice cannot read")


if __name__ == "__main__":
    main()
