"""Training files, the command line, and the examples of the documentation."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ohmgrad

ROOT = Path(__file__).parents[2]
XOR = ROOT / "circuits" / "learning" / "xor.toml"


def test_a_training_file_trains(tmp_path):
    out = tmp_path / "run"
    result = ohmgrad.train(XOR, epochs=3, seed=2, out=out)
    assert (result["epochs"], result["folder"], len(result["log"])) == (3, out, 3)
    assert result["log"][-1]["loss"] < result["log"][0]["loss"]
    trained = ohmgrad.Circuit.from_netlist(result["deck"])
    assert "v(out0)" in trained.probes("v(out*)")
    again = ohmgrad.train(XOR, epochs=3, seed=2, threads=1)
    assert again["folder"] is None
    assert (again["test_loss"], again["deck"]) == (result["test_loss"], result["deck"])


def test_a_training_file_that_is_wrong_is_told(tmp_path):
    (tmp_path / "bad.toml").write_text("epochs = 1\nbatches = 2\n")
    with pytest.raises(ohmgrad.OhmgradError, match="error: .*bad.toml"):
        ohmgrad.train(tmp_path / "bad.toml", out=tmp_path / "run")
    (tmp_path / "run").mkdir(exist_ok=True)
    ohmgrad.train(XOR, epochs=1, out=tmp_path / "run")
    with pytest.raises(ohmgrad.OhmgradError, match="already holds a run"):
        ohmgrad.train(XOR, epochs=1, out=tmp_path / "run")


def test_the_command_line_comes_with_the_package():
    def run(*arguments):
        return subprocess.run([sys.executable, "-m", "ohmgrad", *arguments], capture_output=True, text=True)

    deck = str(ROOT / "circuits" / "diode" / "clamp.cir")
    assert "potential,out,0.69288" in run("op", deck, "--format", "csv").stdout
    assert run("--version").stdout == f"ohmgrad {ohmgrad.__version__}\n"
    assert run("op").returncode == 2
    faulty = run("op", str(ROOT / "circuits" / "invalid" / "voltage_loop.cir"))
    assert faulty.returncode == 4
    with pytest.raises(ohmgrad.TopologyError) as error:
        ohmgrad.Circuit.from_file(ROOT / "circuits" / "invalid" / "voltage_loop.cir")
    assert str(error.value) == faulty.stderr.rstrip("\n")


def test_the_example_of_the_package_runs():
    assert doctest.testmod(ohmgrad).failed == 0


def python_examples():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_readme_has_an_example():
    assert python_examples()


@pytest.mark.parametrize("example", python_examples())
def test_examples_of_the_readme_run(example, monkeypatch):
    if "torch" in example:
        pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.chdir(ROOT)
    exec(compile(example, "README.md", "exec"), {})
