#!/bin/sh
# Fills fuzz/corpus with what the repository has: decks, training files, kept findings.
set -eu
cd "$(dirname "$0")"
for target in netlist expression config data checkpoint safetensors; do
    mkdir -p "corpus/$target"
    find "../tests/findings/$target" -type f -exec cp {} "corpus/$target" \;
done
find ../circuits -name '*.cir' -size -16k | while read -r deck; do
    cp "$deck" "corpus/netlist/$(echo "${deck#../circuits/}" | tr / _)"
done
cp ../circuits/learning/*.toml corpus/config
# Texts in braces, and the right side of .param cards.
find ../circuits -name '*.cir' -exec cat {} + |
    sed -n 's/.*{\([^{}]*\)}.*/\1/p; s/^\.param *[^=]*=//p' |
    sort -u | awk '{ file = "corpus/expression/seed" NR; print > file; close(file) }'
for choice in a B c; do
    printf '%sx1,x2,y\n0,1,0\n1.5,-2e3,1\n' "$choice" > "corpus/data/numbers-$choice"
    printf '%sx,y\n0.1,cat\n"2",dog\n' "$choice" > "corpus/data/labels-$choice"
done
# Two images of 2 x 2 pixels, and their labels: plain, packed when replayed, packed here.
images='\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh'
labels='\0\0\10\1\0\0\0\2\1\0'
for choice in 360 361 362 363 364 374; do
    printf "\\$choice\\12$images$labels" > "corpus/data/idx-$choice"
done
packed=$(mktemp)
printf "$labels" | gzip -n > "$packed"
{
    printf "\\360\\$(printf %o "$(wc -c < "$packed")")"
    printf "$images" | gzip -n
    cat "$packed"
} > corpus/data/idx-packed
rm "$packed"
# Two samples of two features: the arrays x and y behind their headers, as the target zips them.
array() {
    text=$(printf "%-117s" "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }")
    printf '\223NUMPY\1\0\166\0%s\n' "$text"
}
{
    printf '\341\24'
    array '<f8' '2, 2'
    printf '\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\100\0\0\0\0\0\0\360\77\0\0\0\0\0\0\0\100'
    array '<i8' '2,'
    printf '\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0'
} > corpus/data/npz-arrays
hash=$(printf '' | sha256sum | cut -d' ' -f1)
prints=$(printf '{"training":"%s","circuit":"%s","data":"%s"}' "$hash" "$hash" "$hash")
sums='{"samples":140,"loss":0.25,"accuracy":99.0,"iterations":1234}'
optimizer='{"steps":7,"first":[0.0,1.0],"second":[0.5,0.0]}'
body=$(printf '{"fingerprints":%s,"epoch":3,"batch":7,"sums":%s,"theta":[0.1,-1e-300],"optimizer":%s}' \
    "$prints" "$sums" "$optimizer")
head='ohmgrad-checkpoint 2'
sum=$(printf '%s\n%s' "$head" "$body" | sha256sum | cut -d' ' -f1)
printf '%s\n' "$body" > corpus/checkpoint/body
printf '%s sha256=%s\n%s\n' "$head" "$sum" "$body" > corpus/checkpoint/whole
# Networks of one unit: each tensor of doubles, all of them zero.
network() {
    header="{\"__metadata__\":{\"m\":\"1\",\"input_mean\":\"0.5\",\"input_std\":\"[2]\"}"
    begin=0
    for tensor in "$@"; do
        end=$((begin + 8))
        entry="{\"dtype\":\"F64\",\"shape\":[${tensor#*=}],\"data_offsets\":[$begin,$end]}"
        header="$header,\"${tensor%=*}\":$entry"
        begin=$end
    done
    header="$header}"
    size=${#header}
    printf "\\$(printf %o $((size % 256)))\\$(printf %o $((size / 256)))\0\0\0\0\0\0%s" "$header"
    head -c "$begin" /dev/zero
}
network A=1,1 B=1,1 U=1,1 b=1 out.weight=1,1 out.bias=1 > corpus/safetensors/equilibrium
network 0.weight=1,1 0.bias=1 2.weight=1,1 2.bias=1 > corpus/safetensors/mlp
