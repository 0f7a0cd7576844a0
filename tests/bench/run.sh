#!/usr/bin/env bash
# run.sh BUILD [OUT.json] prints one table of the node's figures and writes them as JSON, and those
# of gas on L1 beside them.  BUILD is a release build folder.  Needs node and the packages of
# tests/interop; figures of parts that are not built are left out and named.  Nothing here fails
# because something is slow.
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
echo "$(nproc) cores, $(uname -m), $(node --version)"
node "$here/node.mjs" "$build/bin/viaduct" "$out" || exit 1
if [ -d "$here/peer/node_modules/@eth-optimism/contracts-bedrock" ]; then
    node "$here/gas.mjs" "$build/bin/viaduct" "$here/peer" "${out%.json}.gas.json" ||
        echo "the gas figures failed"
else
    echo "SKIPPED: gas on L1 against the OP Stack's contracts (npm ci --prefix tests/bench/peer)"
fi
node "$here/prove.mjs" "$build/bin/viaduct" "${out%.json}.prove.json" ||
    echo "the figures of the fault proof failed"
node "$here/dispute.mjs" "$build/bin/viaduct" "${out%.json}.dispute.json" ||
    echo "the figures of a dispute failed"
if [ -x "$build/bin/viaduct-evm" ] && [ -n "${VD_VECTORS:-}" ]; then
    "$here/evm.sh" "$build/bin/viaduct-evm" || echo "the EVM's figures failed"
else
    echo "SKIPPED: EVM (viaduct-evm is not built or VD_VECTORS is not set)"
fi
for program in bench_trie bench_store bench_past bench_channel bench_steps; do
    if [ -x "$build/bin/$program" ]; then
        "$build/bin/$program" || echo "the figures of $program failed"
    else
        echo "SKIPPED: $program is not built"
    fi
done
echo "JSON of the node's figures: $out; beside it those of gas on L1, of the proof, of a dispute: ${out%.json}.{gas,prove,dispute}.json"
