#!/usr/bin/env bash
# run.sh BUILD [OUT.json] prints tables of all figures and writes them as one JSON file.  BUILD is
# a release build folder.  Needs node and the packages of tests/interop; figures of parts that are
# not built are left out and named.  Nothing here fails because something is slow.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:?usage: run.sh BUILD [OUT.json]}") || exit 2
out=$(realpath -m "${2:-$build/bench.json}")
command -v node >/dev/null || { echo "SKIPPED: node is not installed"; exit 77; }
[ -d "$here/../interop/node_modules/viem" ] || {
    echo "SKIPPED: npm ci the packages of tests/interop first"
    exit 77
}
for program in viaduct load; do
    [ -x "$build/bin/$program" ] || { echo "run.sh: $build/bin/$program is not built" >&2; exit 2; }
done
# What the parts measured, and the data of bench_engine.
parts=$(mktemp -d) || exit 2
trap 'rm -rf "$parts"' EXIT
export VD_BENCH_JSON=$parts/programs.jsonl

echo "$(nproc) cores, $(uname -m), $(node --version)"
node "$here/node.mjs" "$build/bin/viaduct" "$parts/node.json" || exit 1
if [ -d "$here/peer/node_modules/@eth-optimism/contracts-bedrock" ]; then
    node "$here/gas.mjs" "$build/bin/viaduct" "$here/peer" "$parts/gas.json" ||
        echo "the gas figures failed"
else
    echo "SKIPPED: gas on L1 against the OP Stack's contracts (npm ci --prefix tests/bench/peer)"
fi
node "$here/prove.mjs" "$build/bin/viaduct" "$parts/prove.json" ||
    echo "the figures of the fault proof failed"
node "$here/dispute.mjs" "$build/bin/viaduct" "$parts/dispute.json" ||
    echo "the figures of a dispute failed"
if [ -x "$build/bin/viaduct-evm" ] && [ -n "${VD_VECTORS:-}" ]; then
    "$here/evm.sh" "$build/bin/viaduct-evm" || echo "the EVM's figures failed"
else
    echo "SKIPPED: EVM (viaduct-evm is not built or VD_VECTORS is not set)"
fi

# bench PROGRAM ARGUMENTS...
bench()
{
    local program=$1
    shift
    if [ -x "$build/bin/$program" ]; then
        "$build/bin/$program" "$@" || echo "$program ended with $?"
    else
        echo "SKIPPED: $program is not built"
    fi
}
for program in bench_trie bench_store bench_past bench_channel bench_steps; do
    bench $program
done
# A million accounts, as fast as it goes (where a full pool refuses some, it ends with 1) and at a
# rate.
bench bench_engine "$parts" 200000 1000 1000000
bench bench_engine "$parts" 100000 1000 1000000 4000

node "$here/join.mjs" "$parts" "$out" && echo "JSON of all figures: $out"
