#!/usr/bin/env bash
# run.sh VIADUCT FILE... runs test files with node's own runner.  Ends with CTest's skip code when
# what they need is not installed.
set -uo pipefail
viaduct=$(realpath "$1") || exit 1
shift
cd "$(dirname "$0")" || exit 1

skip()
{
    echo "SKIPPED: $1; scripts/deps --tests installs node, npm ci the packages of tests/interop"
    exit 77
}
command -v node >/dev/null || skip "node is not installed"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip "node is older than 20"
[ -d node_modules/viem ] && [ -d node_modules/ethers ] || skip "node_modules is missing"
for tool in anvil cast; do
    node_modules/.bin/$tool --version >/dev/null 2>&1 || skip "$tool does not run here"
done
VIADUCT=$viaduct exec node --test --test-concurrency=1 "$@"
