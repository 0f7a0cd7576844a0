# shellcheck shell=bash
# What the scripts of this folder share; sourced, never run.  Leaves the caller at the repository's top.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# have_node: node and npm, new enough for the contract and interop tools (Debian 12's are).
have_node()
{
    command -v npm >/dev/null && command -v node >/dev/null &&
        [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]
}

# npm_ready FOLDER installs what FOLDER's lock file pins, unless that very lock is installed already.
npm_ready()
{
    local stamp=$1/node_modules/.installed-lock
    if ! cmp -s "$stamp" "$1/package-lock.json"; then
        npm ci --prefix "$1" --prefer-offline --no-audit --no-fund --loglevel=error >&2 || return 1
        cp "$1/package-lock.json" "$stamp"
    fi
}
