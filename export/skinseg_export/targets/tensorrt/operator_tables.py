"""Which ONNX operators the parser of each TensorRT version knows, and in which types, as its makers document it.

Facts of https://github.com/onnx/onnx-tensorrt, files docs/operators.md and docs/Changelog.md. Of no version that is
supported here is the file of exactly that release at hand, so each table is the nearest one with what the change log
says in between:

- 10.3: the file of 10.6 (commit 0137504e) without the operators added in 10.4 and 10.5; opsets as the file of 10.0 has
  them, because 10.6 has two more.
- 10.16: the file of 10.15 (commit fa5aa9f6); 10.16 added nothing that a segmentation network uses.
- 11.4: the file of 11.0 (commit 2f3fa349). NVIDIA's opset guide for 11.x names opset 25, the file 24.

Types are the names of ONNX; of 64-bit floats the parser makes 32-bit ones, so they are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["OPERATOR_TABLES", "OperatorTable"]

_FLOATS = "FLOAT FLOAT16 BFLOAT16"
_NUMBERS = f"{_FLOATS} INT32 INT64"
_ALL = f"{_NUMBERS} BOOL"
_OF_10_3 = {
    _FLOATS: (
        "Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Clip Conv ConvTranspose Cos Cosh "
        "CumSum Dropout Einsum Elu Erf Exp Floor GRU Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool "
        "GroupNormalization HardSigmoid HardSwish Hardmax ImageScaler InstanceNormalization IsInf LRN LSTM "
        "LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LpPool MatMul MaxPool MeanVarianceNormalization "
        "PRelu ParametricSoftplus Pow QuantizeLinear RNN RandomNormal RandomNormalLike RandomUniform "
        "RandomUniformLike Reciprocal Resize Round ScaledTanh Scan Selu Sigmoid Sin Sinh Softmax Softplus Softsign "
        "Sqrt Tan Tanh ThresholdedRelu Upsample"
    ),
    _NUMBERS: (
        "Abs Add ArgMax ArgMin DepthToSpace Div Equal Greater GreaterOrEqual IsNaN Less LessOrEqual Max Min Mod Mul "
        "Neg Pad Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
        "ReduceSum ReduceSumSquare Relu Scatter ScatterElements ScatterND Shrink Sign SpaceToDepth Sub Sum TopK"
    ),
    _ALL: (
        "Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements GatherND Identity If Loop OneHot "
        "Reshape ReverseSequence Shape Size Slice Split Squeeze Tile Transpose Trilu Unsqueeze Where"
    ),
    f"{_ALL} UINT8": "Cast CastLike",
    f"{_NUMBERS} INT8": "Gelu",
    f"{_NUMBERS} FLOAT8E4M3FN": "Mean",
    "FLOAT FLOAT16": "DeformConv GridSample Mish NonMaxSuppression NonZero RoiAlign",
    "BOOL": "And Not Or Xor",
    "INT8 FLOAT8E4M3FN INT4": "DequantizeLinear",
}
_SINCE_10_4 = {  # up to 10.16
    "FLOAT FLOAT16": "BlackmanWindow HammingWindow HannWindow",
    "FLOAT": "STFT",
    _NUMBERS: "Pow",
    f"{_ALL} FLOAT8E4M3FN FLOAT4E2M1 INT4": "Constant ConstantOfShape",
    "INT8 FLOAT8E4M3FN FLOAT4E2M1 INT4": "DequantizeLinear",
    f"{_FLOATS} INT8 FLOAT8E4M3FN": "Attention",
    _FLOATS: "RMSNormalization RotaryEmbedding",
    "FLOAT FLOAT16 BFLOAT16 INT32": "TensorScatter",
}
_SINCE_11_0 = {_FLOATS: "Swish"}
_HOME = "onnx/onnx-tensorrt docs/operators.md"


@dataclass(frozen=True)
class OperatorTable:
    """*version*: of TensorRT. *opsets*: the lowest and the highest that its parser reads. *source*: of these facts.

    *types*: by operator, the ONNX types in which it is supported.
    """

    version: str
    opsets: tuple[int, int]
    source: str
    types: Mapping[str, frozenset[str]]

    @property
    def number(self) -> tuple[int, int]:
        """The version as numbers, to compare."""
        major, minor = self.version.split(".")
        return int(major), int(minor)


def _types(*tables: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Lay *tables* over one another, the last on top."""
    return {
        operator: frozenset(types.split())
        for table in tables
        for types, operators in table.items()
        for operator in operators.split()
    }


OPERATOR_TABLES = (
    OperatorTable("10.3", (9, 20), f"{_HOME} of 10.6, without what 10.4 and 10.5 added", _types(_OF_10_3)),
    OperatorTable("10.16", (9, 24), f"{_HOME} of 10.15", _types(_OF_10_3, _SINCE_10_4)),
    OperatorTable("11.4", (9, 24), f"{_HOME} of 11.0", _types(_OF_10_3, _SINCE_10_4, _SINCE_11_0)),
)
