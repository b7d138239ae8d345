#!/usr/bin/env bash
# The main job once, end to end: the shipped checkpoint becomes a bundle, sample photos become masks with overlays.
# `make run` calls it with .venv/bin first on the PATH. A bundle that is newer than all it is made from is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

bundle=build/lesion.skinseg
results=build/masks
real_photos=${SKINSEG_DATA:-../shared/data}/full_size
drawn_photos=build/samples

bundle_is_current() {
    [ -f "$bundle/manifest.json" ] || return 1
    local newer
    newer=$(find skinseg_edge export/skinseg_export \( -name '*.py' -o -name '*.safetensors' \) \
        -newer "$bundle/manifest.json" -print -quit)
    [ -z "$newer" ] && skinseg-verify -q "$bundle" >/dev/null
}

mkdir -p build
if bundle_is_current; then
    echo "$bundle is current and verified; keeping it"
else
    skinseg-export scsonet --target all --force -o "$bundle"
fi

shopt -s nullglob
photos=("$real_photos"/*.jpg)
if [ ${#photos[@]} -eq 0 ]; then
    echo "no photos in $real_photos: drawing synthetic lesions into $drawn_photos"
    python scripts/draw_samples.py "$drawn_photos" >/dev/null
    photos=("$drawn_photos"/*.jpg)
fi

skinseg-run "$bundle" "${photos[@]}" --overlay --force -o "$results"
echo "the bundle:            $bundle"
echo "masks and overlays of ${#photos[@]} photos, and results.jsonl: $results/"
