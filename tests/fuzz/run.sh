#!/bin/sh
# tests/fuzz/run.sh [seconds] [target …]: runs each target for this time, by default all of them for ten minutes each.
# Stops at the first finding.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-600}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- change form media multipart path picture rules token urlencoded
for target; do
    seeds=tests/fuzz/seeds/$target
    [ "$target" != picture ] || seeds=tests/fixtures/pictures
    mkdir -p "tests/fuzz/corpus/$target"
    cargo +nightly fuzz run --fuzz-dir tests/fuzz "$target" "tests/fuzz/corpus/$target" "$seeds" -- \
        -max_total_time="$seconds" -max_len=16384 -timeout=5 -dict="tests/fuzz/dictionaries/$target.dict"
done
