"""Reads raw files with spicelib and prints what it found as JSON: a list of plots for each file."""

import json
import sys

from spicelib import RawRead


def plot(data):
    return {
        "plot": data.get_plot_name(),
        "names": data.get_trace_names(),
        "columns": [[float(x) for x in data.get_wave(name)] for name in data.get_trace_names()],
    }


print(json.dumps([[plot(p) for p in RawRead(path).plots] for path in sys.argv[1:]]))
