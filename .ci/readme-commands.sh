#!/bin/sh
# A smoke run of every command that the README shows; $1 is a scratch folder.
set -eu
ohmgrad="$(pwd)/target/release/ohmgrad"
work="$1"

echo "--- train"
"$ohmgrad" train --out "$work/digits" >"$work/train.txt"
tail -n 12 "$work/train.txt"
accuracy="$(sed -n 's/^test accuracy \([0-9.]*\) %.*/\1/p' "$work/train.txt")"
awk -v a="$accuracy" 'BEGIN { exit !(a >= 90) }' || { echo "test accuracy $accuracy % is below 90 %"; exit 1; }

echo "--- train from a file, resume"
"$ohmgrad" train circuits/learning/xor.toml --out "$work/xor" --epochs 10 >/dev/null
"$ohmgrad" train --resume "$work/xor" --epochs 20 | tail -n 8
"$ohmgrad" check "$work/xor"
"$ohmgrad" eval "$work/xor"

echo "--- op, run, check, grad, linearize"
"$ohmgrad" op circuits/diode/bridge.cir
"$ohmgrad" op circuits/diode/bridge.cir --format json >"$work/op.json"
"$ohmgrad" run circuits/diode/iv_sweep.cir --format csv --out "$work/iv.csv"
"$ohmgrad" check circuits/basic/cube.cir
"$ohmgrad" grad circuits/diode/bridge.cir --output 'v(plus)' --check
"$ohmgrad" linearize circuits/diode/bridge.cir --output 'v(plus)' --out "$work/adjoint.cir"
"$ohmgrad" op "$work/adjoint.cir" >/dev/null

"$ohmgrad" grad circuits/dialect/gradient_demo.cir --output 'v(out)' --wrt param:rload --wrt temp --check
"$ohmgrad" export circuits/ideal/bridge.cir --out "$work/flat.cir"
"$ohmgrad" op "$work/flat.cir" >/dev/null
"$ohmgrad" export circuits/diode/bridge.cir --for kicad --out "$work/bridge.net"
"$ohmgrad" export "$work/digits" --series e24 --for bom --out "$work/parts.csv"
"$ohmgrad" export "$work/digits" --series e96 --for bom-json --out "$work/parts.json"
for format in csv json raw raw-ascii prn; do
  "$ohmgrad" run circuits/diode/iv_sweep.cir --format "$format" --out "$work/iv.$format"
done

"$ohmgrad" completions bash >"$work/ohmgrad.bash"
"$ohmgrad" man "$work/man"

echo "--- ports"
"$ohmgrad" ports circuits/rtgd/mondeq_two_neurons.cir --port i1 --port i2
"$ohmgrad" ports circuits/ideal/bridge.cir --port v1 --port load:plus,0:i --out "$work/bridge.npz"

"$ohmgrad" mondeq --units 20 --epochs 15 --rate 5e-3 --out "$work/digits.safetensors"
"$ohmgrad" eval "$work/digits.safetensors"
"$ohmgrad" synth mondeq "$work/digits.safetensors" --out "$work/digits.cir"
"$ohmgrad" op "$work/digits.cir" >/dev/null

echo "--- activation"
"$ohmgrad" activation ideal shockley --temperature=-40,27,125 --n 1,2 --output current \
  --from -0.5 --to 2 --svg "$work/diode-relu.svg" >/dev/null

"$ohmgrad" compare-gradients circuits/learning/xor.toml --beta 1e-1,1e-3 --samples 4 --svg "$work/beta.svg"

"$ohmgrad" train circuits/learning/xor.toml --estimator eqprop-centered --epochs 2 --out "$work/eqprop" | tail -n 8
"$ohmgrad" train circuits/learning/xor.toml --estimator frequency --beta 1e-2 --epochs 1 --out "$work/frequency" | tail -n 8

echo "--- bench, baselines, landscape"
"$ohmgrad" bench-train circuits/learning/bench-xor.toml --epochs 5
"$ohmgrad" bench-train circuits/learning/bench-digits.toml --ideal --epochs 1
"$ohmgrad" baseline logistic --epochs 3
"$ohmgrad" baseline eqprop --epochs 3
"$ohmgrad" landscape circuits/diode/clamp.cir --along 'v(out)' --from 0 --to 0.8 --svg "$work/energy.svg" >/dev/null

echo "--- draw, plot"
"$ohmgrad" draw circuits/diode/bridge.cir --op --out "$work/bridge.svg"
"$ohmgrad" draw circuits/diode/xor_network.cir --grad 'v(out)' --out "$work/xor.png"
"$ohmgrad" draw "$work/digits/trained.cir" --out "$work/crossbars.svg"
"$ohmgrad" plot "$work/iv.json" --out "$work/iv.svg"
"$ohmgrad" plot "$work/digits" "$work/xor" --out "$work/loss.svg"
"$ohmgrad" plot "$work/digits" --show crossbars --out "$work/before-and-after.svg"
"$ohmgrad" report "$work/digits"
"$ohmgrad" report "$work/digits" "$work/xor" --out "$work/both.html"
"$ohmgrad" bench --families grid,rectifier --sizes 1e3 --solvers auto,lu,ngspice --repeat 1 --svg "$work/scaling.svg"
"$ohmgrad" bench --deck circuits/diode/bridge.cir --repeat 1 --profile >/dev/null

echo "--- generate"
"$ohmgrad" generate grid 100 100 | "$ohmgrad" op - --format csv --out "$work/grid.csv"

echo "--- batches"
cargo run --quiet --release --locked --example training_cost -- --largest 1e5 --batches 3 --plot "$work/cost.svg"
if [ -n "${OHMGRAD_MNIST:-}" ]; then
  "$ohmgrad" train circuits/mnist/drn-xs.toml --data "$OHMGRAD_MNIST" --epochs 1 --out "$work/drn-xs" | tail -n 9
  "$ohmgrad" eval "$work/drn-xs" --data "$OHMGRAD_MNIST"
  "$ohmgrad" train circuits/mnist/kendall.toml --data "$OHMGRAD_MNIST" --epochs 1 --out "$work/kendall" | tail -n 9
  cargo run --quiet --release --locked --example training_speed -- circuits/mnist/drn-xs.toml --data "$OHMGRAD_MNIST" --batch 256
fi

echo "--- examples"
for example in divider clamp bridge adjoint_by_hand xor; do
  cargo run --quiet --release --locked --example "$example" >"$work/$example.txt"
done
