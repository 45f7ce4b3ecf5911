#!/usr/bin/env bash
# The preview in a real browser: pages come, a save is jumped to, a fault stands over the pages and goes when it is mended,
# keys work, and axe-core finds no violation, in light and dark, on a phone and a desk.
# Usage: watch.sh SHOCKBRIEF DATA AXE_MIN_JS
set -euo pipefail
command=$(realpath "$1") data=$(realpath "$2") axe=$(realpath "$3") here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
mkdir -p "$work/desk/reports"
cp -r "$here/../../reports/2025-01-deepseek" "$work/desk/reports/brief"
cp -r "$here/../../config" "$work/desk/config"
cd "$work/desk"
"$command" watch reports/brief --data "$data" >"$work/address" &
preview=$!
trap 'kill "$preview" 2>/dev/null || true; wait "$preview" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
node "$here/watch.mjs" "$browser" "$(head -1 "$work/address")" "$axe" "$work/desk/reports/brief/prose/summary.en.typ.j2" "$work/profile"
