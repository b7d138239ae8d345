"""The definitions of Core ML's operators, in torch, one small function each.

Every definition follows the documentation of MIL's operators, which stands in coremltools 9.0 beside their declarations
(`coremltools/converters/mil/mil/ops/defs/iOS15` to `iOS18`) and is published as
https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html. The parameters bear MIL's
names. Floats come and go as float32; rounding to the stored type is the evaluator's. N batch, C channels, D any
spatial dimensions.
"""
