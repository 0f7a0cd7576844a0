#!/bin/sh
# The EVM against evmone's counts (VD_VECTORS/evmbench/README.md): machine instructions of one run,
# by callgrind, where valgrind is there, and the time of one run.
# VD_BENCH_JSON names a file that the figures are appended to, a line of JSON each (figures.h).
# usage: evm.sh VIADUCT_EVM [PREFIX]      PREFIX: main/ (default), micro/, synth/ or one name
set -eu

exe=${1:?usage: evm.sh VIADUCT_EVM [PREFIX]}
prefix=${2:-main/}
folder=${VD_VECTORS:?VD_VECTORS is not set}/evmbench
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run() { # NAME ITERATIONS [wrapper...]
    name=$1 count=$2
    shift 2
    "$@" "$exe" run --codefile "$folder/$name.bin" --inputfile "$folder/$name.calldata" \
        --gas 1000000000 --fork Cancun --bench --iterations "$count"
}

instructions() { # NAME ITERATIONS
    run "$1" "$2" valgrind --tool=callgrind --callgrind-out-file="$scratch/out" 2>&1 |
        sed -n 's/.*Collected : //p'
}

has_valgrind=$(command -v valgrind || true)
if [ -z "$has_valgrind" ]; then
    echo "valgrind is not there: times only" >&2
fi

# name, evmone's Ir, evmone's milliseconds
sed -n 's/^| *\([a-z]*\/[^ |]*\) *| *\([0-9,]*\) *|[^|]*| *\([0-9.]*\) *|.*/\1 \2 \3/p' \
    "$folder/README.md" | tr -d , | grep "^$prefix" >"$scratch/rows"

while read -r name ir ms; do
    # Instructions are a difference of two counts, so start-up and decoding cancel.
    extra=$((10000000 / ir + 1))
    own=0
    if [ -n "$has_valgrind" ]; then
        one=$(instructions "$name" 1)
        more=$(instructions "$name" $((1 + extra)))
        own=$(((more - one) / extra))
    fi
    ns=$(run "$name" $((300000000 / ir + 3)) | sed -n 's/^ns per run: //p')
    echo "$name $own $ir $ns ${ms:-0}"
done <"$scratch/rows" | awk -v file="${VD_BENCH_JSON:-}" '
    function figure(what, value, unit) {
        if (file != "")
            printf "{\"what\":\"evm: %s\",\"who\":\"viaduct\",\"value\":%.10g,\"unit\":\"%s\"}\n",
                   what, value, unit >>file
    }
    BEGIN { printf "%-34s %14s %14s %6s %10s %10s %6s\n", "input", "Ir", "evmone Ir", "ratio",
            "ms", "evmone ms", "ratio" }
    {
        theirs = ""; ratio = ""
        if ($5 > 0) { theirs = $5; ratio = sprintf("%.2f", $4 / 1e6 / $5) }
        printf "%-34s %14d %14d %6.2f %10.4f %10s %6s\n", $1, $2, $3, $2 / $3, $4 / 1e6,
               theirs, ratio
        figure($1, $4 / 1e6, "ms")
        if ($2 > 0) figure($1 ", instructions", $2, "")
        if ($2 > 0) { irs += log($2 / $3); n++ }
        if ($5 > 0) { times += log($4 / 1e6 / $5); m++ }
    }
    END {
        if (n) figure("instructions against evmone, geometric mean", exp(irs / n), "times")
        if (m) figure("time against evmone, geometric mean", exp(times / m), "times")
        printf "geometric mean: Ir %s, time %s (evmone'"'"'s times are of another run)\n",
               (n ? sprintf("%.3f", exp(irs / n)) : "-"), (m ? sprintf("%.3f", exp(times / m)) : "-")
    }'
