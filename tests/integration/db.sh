#!/usr/bin/env bash
# db.sh VIADUCT: viaduct db beside a running development chain: stat, verify, a copy that verifies
# and on which a node starts and follows, and refusals that name what is wrong.
set -euo pipefail
viaduct=$(realpath "${1:?usage: db.sh VIADUCT}")
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

fail() {
    echo "db.sh: $*" >&2
    tail -n 5 ./*.log >&2 || true
    exit 1
}
# head FOLDER NAME: the number of a head
head_of() { "$viaduct" db stat --datadir "$1" 2>/dev/null | awk -v name="$2" '$1 == name && $3 ~ /^0x/ { print $2 }'; }
# wait_head FOLDER NAME NUMBER SECONDS
wait_head() {
    for _ in $(seq $(($4 * 5))); do
        local at
        at=$(head_of "$1" "$2" || true)
        [ -n "$at" ] && [ "$at" -ge "$3" ] && return 0
        sleep 0.2
    done
    fail "$2 of $1 did not reach $3"
}
# refuse STATUS WORDS COMMAND...: it fails with that status and says these words
refuse() {
    local status=$1 words=$2 got=0
    shift 2
    "$@" >refused.out 2>refused.err || got=$?
    [ "$got" = "$status" ] || fail "$* ended with $got, not $status"
    grep -q "$words" refused.err || fail "$* said: $(cat refused.err)"
}

"$viaduct" dev --datadir dev --l1-port 0 --l2-port 0 --info info.json >dev.log 2>&1 &
pids+=($!)
wait_head dev/l2 safe 5 60
l1=$(sed -n 's/.*"rpc": *"\(http[^"]*\)".*/\1/p' info.json | head -n 1)
[ -n "$l1" ] || l1=$(grep -o 'http://127.0.0.1:[0-9]*' info.json | head -n 1)

refuse 2 "holds two chains" "$viaduct" db stat --datadir dev
refuse 2 "no database" "$viaduct" db stat --datadir nowhere
refuse 2 "give --datadir" "$viaduct" db verify
refuse 2 "give --to" "$viaduct" db copy --datadir dev/l2
refuse 2 "no action" "$viaduct" db burn --datadir dev/l2

"$viaduct" db verify --datadir dev/l1 >verify-l1.log
"$viaduct" db verify --datadir dev/l2 >verify-l2.log
"$viaduct" db copy --datadir dev/l2 --to copy >copy.log
refuse 1 "a database in copy already" "$viaduct" db copy --datadir dev/l2 --to copy
"$viaduct" db verify --datadir copy >verify-copy.log
"$viaduct" db stat --datadir copy | grep -q '^indexed  *blocks 1 to' || fail "the copy has no index"

# A node on the copy follows the chain that went on.
at=$(head_of copy unsafe)
"$viaduct" node --l1 "$l1" --rollup dev/rollup.json --genesis dev/genesis.json --datadir copy \
    --http-port 0 --l1-poll 200 >node.log 2>&1 &
node=$!
pids+=("$node")
wait_head copy safe $((at + 5)) 60
kill "$node"
wait "$node" || true
"$viaduct" db verify --datadir copy >verify-followed.log

# One byte of the tip's hash, in a copy that has no unused pages.
"$viaduct" db copy --datadir copy --to spoilt >spoil.log
tip=$("$viaduct" db stat --datadir spoilt | sed -n 's/^unsafe .* 0x//p')
# grep takes lines: the first ten bytes of the hash in a row that hold no line's end.
window=$(for i in $(seq 0 2 44); do
    bytes=${tip:$i:20}
    [ "$(sed 's/../&\n/g' <<<"$bytes" | grep -c '^0a')" -gt 0 ] || echo "$bytes"
done | sed -n 1p)
pattern=$(sed 's/../\\x&/g' <<<"$window")
offset=$(LC_ALL=C grep -obUaP "$pattern" spoilt/data.mdb | sed -n 1p | cut -d: -f1)
[ -n "$offset" ] || fail "the hash of the tip is not in the file"
printf '\xff\xfe' | dd of=spoilt/data.mdb bs=1 seek=$((offset + 7)) conv=notrunc 2>/dev/null
refuse 1 "spoilt: [a-z]*: " "$viaduct" db verify --datadir spoilt
echo "copy at block $at, followed to $(head_of copy safe); $(cat refused.err)"
