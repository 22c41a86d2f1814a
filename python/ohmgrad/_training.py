"""Training files, run by the command line in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Optional, Union

from ._native import ConvergenceError, OhmgradError, TopologyError

PathLike = Union[str, "os.PathLike[str]"]

# Exit codes of the command line; any other is an error in a file or an argument.
_ERRORS = {1: ConvergenceError, 4: TopologyError}
_INTERRUPTED = 130


def train(
    config: Optional[PathLike] = None,
    *,
    data: Optional[PathLike] = None,
    epochs: Optional[int] = None,
    seed: Optional[int] = None,
    threads: Optional[int] = None,
    time_limit: Optional[float] = None,
    out: Optional[PathLike] = None,
    verbose: bool = False,
) -> dict[str, Any]:
    """Trains a circuit by a training file (TOML), or the built-in digits without one.

    ``data`` is the folder of the data instead of the file's, ``time_limit`` in seconds, ``out`` the folder of
    the run: its checkpoint, log, trained deck and pictures; ``ohmgrad train --resume`` goes on from there.
    Without it nothing is kept but what is returned. ``verbose`` shows what the command line prints.

    Returns ``result.json`` of the run (``epochs``, ``test_loss``, ``test_accuracy``, ``method``, ...) with
    ``log``, a dict for each epoch, ``deck``, the trained circuit as a text for ``Circuit.from_netlist``, and
    ``folder``.
    """
    if out is not None:
        return _train(config, Path(out), data, epochs, seed, threads, time_limit, verbose)
    with tempfile.TemporaryDirectory(prefix="ohmgrad-") as folder:
        result = _train(config, Path(folder), data, epochs, seed, threads, time_limit, verbose)
    return {**result, "folder": None}


def _train(config, folder, data, epochs, seed, threads, time_limit, verbose) -> dict[str, Any]:
    options = {
        "--data": data,
        "--epochs": epochs,
        "--seed": seed,
        "--threads": threads,
        "--time-limit": time_limit,
        "--out": folder,
    }
    arguments = [] if config is None else [os.fspath(config)]
    for option, value in options.items():
        if value is not None:
            arguments.append(f"{option}={value}")
    _run([sys.executable, "-m", "ohmgrad", "train", *arguments], verbose)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    log = (folder / "log.jsonl").read_text(encoding="utf-8")
    return {
        **result,
        "log": [json.loads(line) for line in log.splitlines()],
        "deck": (folder / "trained.cir").read_text(encoding="utf-8"),
        "folder": folder,
    }


def _run(command: list[str], verbose: bool) -> None:
    shown = None if verbose else subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=shown, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    )
    try:
        _, text = process.communicate()
    except KeyboardInterrupt:
        # It writes a checkpoint of the last batch before it ends.
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate()
        raise
    if process.returncode == _INTERRUPTED:
        raise KeyboardInterrupt(text.strip())
    if process.returncode != 0:
        raise _ERRORS.get(process.returncode, OhmgradError)(text.strip())
