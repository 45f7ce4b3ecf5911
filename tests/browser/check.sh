#!/usr/bin/env bash
# The archive in a real browser: no violation that axe-core finds, in light and dark, on a phone and a desk; no
# scrolling sideways; the filter filters. Usage: check.sh OUTPUT_FOLDER AXE_MIN_JS
set -euo pipefail
out=$1 axe=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
cp -r "$out/." "$work/"; cp "$axe" "$work/axe.min.js"

probe() { # page, width, scheme
  local page=$1 width=$2 scheme=$3 copy="$work/probe-$2-$3-$(basename "$1")"
  # A frame gives the width exactly; windows have a least one of their own.
  sed 's|</body>|<script src="axe.min.js"></script><script>axe.run(document).then(r=>parent.postMessage({wide:document.documentElement.scrollWidth-document.documentElement.clientWidth,bad:r.violations.map(v=>v.id+": "+v.nodes[0].html)},"*"))</script></body>|' "$work/$page" >"$copy"
  cat >"$work/frame.html" <<HTML
<!DOCTYPE html><title>wait</title><iframe src="$(basename "$copy")" style="width:${width}px;height:900px;border:0"></iframe>
<script>onmessage=e=>{const d=frames[0].document,f=d.querySelector('input[type=search]');let n=-1;
if(f){f.value='2025-w05';f.dispatchEvent(new Event('input'));n=d.querySelectorAll('li.issue:not([hidden])').length}
document.body.textContent='RESULT '+JSON.stringify({...e.data,left:n})}</script>
HTML
  local flags=(--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update
    --disable-sync --no-first-run --allow-file-access-from-files --user-data-dir="$work/profile"
    --window-size=1400,1000 --virtual-time-budget=20000)
  [ "$scheme" = dark ] && flags+=(--blink-settings=preferredColorScheme=0)
  local result='' attempt
  # A browser that was slow to start gets a second chance; a page that is wrong stays wrong.
  for attempt in 1 2; do
    result=$("$browser" "${flags[@]}" --dump-dom "file://$work/frame.html" 2>/dev/null | grep -o 'RESULT {.*}' || true)
    [ -n "$result" ] && break
  done
  echo "$page, $width px, $scheme: ${result:-no result}"
  [[ $result == *'"wide":0,"bad":[]'* ]] && [[ $result == *'"left":1}'* ]]
}

for page in index.html index.fr.html; do
  for width in 360 1280; do
    for scheme in light dark; do probe "$page" "$width" "$scheme"; done
  done
done
