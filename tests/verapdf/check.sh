#!/usr/bin/env bash
# veraPDF on every PDF below a folder, once for each of the two standards that briefs claim; a failure or a file
# without verdict fails. Usage: check.sh VERAPDF FOLDER
set -euo pipefail
verapdf=$1 folder=$2
mapfile -d '' -t files < <(find "$folder" -name '*.pdf' -print0 | sort -z)
[ "${#files[@]}" -gt 0 ] || { echo "no PDF below $folder" >&2; exit 1; }
failed=0
for profile in ua1 3a; do
  # veraPDF also fails by its exit code when a file does not conform; its lines say which.
  lines=$("$verapdf" --flavour "$profile" --format text "${files[@]}" || true)
  passed=$(grep -c '^PASS ' <<<"$lines" || true)
  echo "$profile: $passed of ${#files[@]} conform"
  if [ "$passed" -ne "${#files[@]}" ]; then
    grep -v '^PASS ' <<<"$lines" >&2 || true
    failed=1
  fi
done
exit "$failed"
