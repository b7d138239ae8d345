#!/usr/bin/env bash
# Runs the benchmarks that README.md and the model card lean on and writes docs/measurements.md:
# scripts/measure_all.sh BUNDLE [DATA]. Close everything else first; it takes some ten minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
bundle=$1
data=${2:-${SKINSEG_DATA:-../shared/data}}
page=docs/measurements.md

{
    cat <<'PAGE'
# Measurements

Made by `scripts/measure_all.sh` from the scripts in `benchmarks/`; each table says when and on what. Do not edit.

## Which resize rule and input size

Training pictures are square, photos are not. Stretching both axes wins in every shape that a photo may have, because the
network has learnt lesions stretched up to 1.4 : 1 and sees every pixel; letterbox borders cost resolution and are
foreign to it; a crop does not see all of the lesion. 256 px is the size the network was trained for last.

PAGE
    python benchmarks/resize_rule.py "$data" --every 2
    printf '\n## Which small parts of a mask to drop\n\n'
    python benchmarks/part_rules.py "$bundle" "$data" --every 1
    printf '\n## Photos as phones take them\n\n'
    python benchmarks/phone_conditions.py "$bundle" "$data/isic2018"
    printf '\n## How long a photo takes\n\n'
    python benchmarks/segment.py "$bundle" "$data/full_size"
    printf '\n## What decoding at a reduced scale saves\n\n```text\n'
    python benchmarks/decode.py "$data/full_size"
    printf '```\n'
} >"$page.part"
mv "$page.part" "$page"
echo "$page"
