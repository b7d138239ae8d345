#!/usr/bin/env bash
# Runs the benchmarks of what networks cost and writes docs/costs.md: scripts/measure_costs.sh. Close everything else first;
# it takes some ten minutes, most of them for exporting and running CM-SSM at full width.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/costs.md

{
    cat <<'PAGE'
# What the networks cost

Made by `scripts/measure_costs.sh` from the scripts in `benchmarks/`; each table says when and on what. Do not edit.

## Parameters, arithmetic, memory, nodes, time

"GFLOPs" in the papers are multiply-accumulates as thop counts them, never twice that, and thop leaves out whatever is no
standard layer. So the figures beside them here come from torch's own counter, the same for all networks.

PAGE
    python benchmarks/costs.py "$@"
    printf '\n## The selective scan of CM-SSM\n\n'
    python benchmarks/selective_scan.py --repeats 3
    cat <<'PAGE'

## Loading pictures

What a GPU could eat at most: pictures a second that the loader decodes from memory, augments and batches. A core makes
so many; as many cores as are free make as many times that.

PAGE
    python benchmarks/loading.py
} >"$page.part"
mv "$page.part" "$page"
echo "$page"
