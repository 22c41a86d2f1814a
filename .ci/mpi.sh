#!/bin/sh
# Training and studies on ranks of MPI: the bits of one process, and what is left of a killed job. A profile
# that builds fast; Open MPI from Debian.
set -eu
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$(pwd)/target}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# More ranks than cores: who waits makes room.
export OMPI_MCA_mpi_yield_when_idle=1

if ! command -v mpirun >/dev/null || ! command -v mpicc >/dev/null; then
  command -v apt-get >/dev/null && apt-get install -y -qq openmpi-bin libopenmpi-dev libclang-dev >/dev/null 2>&1 || true
fi
if ! command -v mpirun >/dev/null || ! command -v mpicc >/dev/null; then
  echo "skipped: Open MPI is not there and cannot be installed"
  exit 0
fi

# Without the feature there is one clear error, not several runs in one folder.
if [ -x "$CARGO_TARGET_DIR/release/ohmgrad" ] && [ "${OHMGRAD_PLAIN:-yes}" = yes ]; then
  if OMPI_COMM_WORLD_SIZE=4 "$CARGO_TARGET_DIR/release/ohmgrad" train --out /dev/null/none 2>/tmp/ohmgrad-mpi.$$; then
    echo "a program without MPI trains under mpirun" >&2
    exit 1
  fi
  grep -q -- "--features mpi" /tmp/ohmgrad-mpi.$$
  rm -f /tmp/ohmgrad-mpi.$$
fi

cargo build --locked --features mpi --config 'profile.dev.opt-level=3'
program="$CARGO_TARGET_DIR/debug/ohmgrad"
root="$(pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

if [ -n "${OHMGRAD_MNIST:-}" ]; then
  set -- "$root/circuits/mnist/drn-xs.toml" --data "$OHMGRAD_MNIST"
else
  echo "MNIST is not there: the built-in digits take its place"
  sed -e 's/^inputs = 64//' -e 's/^hidden = .*/layers = [64, 100, 10]/' -e 's/^outputs = 10//' \
    -e 's/^conductance = .*//' -e 's/^bias = .*//' -e 's/\.layered/.drn/' -e 's/"shockley"/"ideal"/' \
    -e 's/^samples = .*/samples = 40000/' "$root/circuits/learning/digits.toml" >net.toml
  set -- net.toml
fi

ranks() {
  count="$1"
  shift
  timeout 200 mpirun --oversubscribe -n "$count" "$program" "$@"
}

echo "--- one process, and 1, 2 and 4 ranks: one epoch"
"$program" train "$@" --epochs 1 --out plain >plain.txt
for count in 1 2 4; do
  ranks "$count" train "$@" --epochs 1 --threads 1 --out "ranks$count" >"ranks$count.txt"
  cmp plain/checkpoint.bin "ranks$count/checkpoint.bin"
  grep -E "^epoch" "ranks$count.txt"
done
sha256sum ./*/checkpoint.bin

echo "--- a rank killed in the second epoch; the rest on another number of ranks"
"$program" train --resume plain --epochs 2 >plain2.txt
mpirun --oversubscribe -n 4 "$program" train "$@" --epochs 2 --threads 1 --checkpoint-every 0.2s --out killed \
  >killed.txt 2>killed.err &
job=$!
until [ -s killed/log.jsonl ]; do sleep 0.1; done
sleep 0.7
victim="$(pgrep -P "$job" | sed -n 3p)"
kill -9 "$victim"
if wait "$job"; then
  echo "a job with a killed rank ends well" >&2
  exit 1
fi
grep -i "signal 9" killed.err
head -c 2000 killed/checkpoint.bin | sed -n 2p | grep -a -o '"epoch":1,"batch":[0-9]*'
ranks 2 train --resume killed --threads 1 >resumed.txt
cmp plain/checkpoint.bin killed/checkpoint.bin
echo "the bits of the run that was not killed"

echo "--- bad input: one message, and the job ends"
if ranks 2 train missing.toml 2>missing.err; then exit 1; fi
test "$(grep -c 'missing.toml' missing.err)" = 1

echo "--- 1,000 boards of the trained network, interrupted and resumed on another number of ranks"
cat >boards.toml <<END
base = "plain"
test_samples = 200

[monte_carlo]
count = 1000
seed = 7
mismatch = 0.05
END
mpirun --oversubscribe -n 4 "$program" sweep-study boards.toml --threads 1 --out cut >cut.txt 2>&1 &
job=$!
until [ "$(cat cut/results.*.jsonl 2>/dev/null | wc -l)" -gt 100 ]; do sleep 0.1; done
kill -9 "$(pgrep -P "$job" | sed -n 2p)"
if wait "$job"; then exit 1; fi
printf '{"point":' >>cut/results.1.jsonl
ranks 2 sweep-study boards.toml --threads 1 --out cut
"$program" sweep-study boards.toml --out whole
cmp cut/results.csv whole/results.csv
test "$(cat cut/results.*.jsonl | wc -l)" = 1000
test "$(cat cut/results.*.jsonl | grep -o '"point":[0-9]*' | sort -u | wc -l)" = 1000
echo "no board was lost or measured twice"
