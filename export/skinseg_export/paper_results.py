"""What the five papers print in their comparison and ablation tables, to stand beside what is measured here.

Figures are as printed, misprints included, but as fractions where a paper prints percent. Parameters are in millions;
"GFLOPs" of these papers are multiply-accumulates as the tool thop counts them, in 10^9 (SCSONet's own: 2^30). A column
names the score it is to be compared with by its key in `skinseg_export.scores`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PAPER_TABLES", "PaperRow", "PaperTable"]

_ROUNDING = 2e-4  # of two figures in percent with two digits each
_COARSE_ROUNDING = 1e-3  # where the IoU has one digit


@dataclass(frozen=True)
class PaperRow:
    """*figures*: one a column, None where the paper prints none. *note*: what is odd about them."""

    model: str
    parameters_m: float | None
    gmacs: float | None
    figures: tuple[float | None, ...]
    note: str = ""


@dataclass(frozen=True)
class PaperTable:
    """*columns*: (heading as printed, key of the score that it is). *note*: on the definition of the figures."""

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[PaperRow, ...]
    note: str

    def contradiction_in(self, row: PaperRow) -> str:
        """Say where IoU and Dice cannot both be pooled, as Dice = 2 IoU / (1 + IoU) fails: a misprint, or copied."""
        by_key = dict(zip((key for _, key in self.columns), row.figures, strict=True))
        iou, dice = by_key.get("pooled_iou"), by_key.get("pooled_dice")
        if iou is None or dice is None:
            return ""
        implied = 2 * iou / (1 + iou)
        rounding = _COARSE_ROUNDING if round(iou, 3) == iou else _ROUNDING
        return "" if abs(implied - dice) <= rounding else f"IoU {iou:.4f} implies Dice {implied:.4f}, not {dice:.4f}"


def _row(model: str, *figures: float | None, cost: tuple[float | None, float | None] = (None, None)) -> PaperRow:
    """Make a row of a paper that prints percent."""
    shares = tuple(None if figure is None else round(figure / 100, 6) for figure in figures)
    return PaperRow(model, *cost, shares)


def _share_row(model: str, *figures: float, note: str = "") -> PaperRow:
    """Make a row of a paper that prints fractions."""
    return PaperRow(model, None, None, figures, note)


_IOU_DSC = (("mIoU", "pooled_iou"), ("DSC", "pooled_dice"))
_IOU_DSC_ACC = (*_IOU_DSC, ("Acc", "pooled_accuracy"))
_ULFFN = (
    ("Acc", "per_image_mean_accuracy"),
    ("Dice", "per_image_mean_dice"),
    ("JSI", "per_image_mean_iou"),
    ("Sens", "per_image_mean_sensitivity"),
    ("Spec", "per_image_mean_specificity"),
)
_HHBSNET = (
    ("MIoU", "macro_iou"),
    ("ACC", "pooled_class_accuracy"),
    ("P", "macro_precision"),
    ("R", "macro_recall"),
    ("F1", "macro_f1"),
    ("Dice", "pooled_dice"),
    ("Spec", "pooled_specificity"),
)
_UNET = (
    ("Accuracy", "pooled_accuracy"),
    ("Precision", "pooled_precision"),
    ("Recall", "pooled_sensitivity"),
    ("F1/Dice", "pooled_dice"),
    ("IoU", "pooled_iou"),
)
_POOLED = "pooled over all pixels of the test pictures at network size; 'mIoU' is the IoU of the lesion alone"
_MEANS = "means over pictures: accuracy exceeds both sensitivity and specificity, which pooled counts cannot do"
_MACRO = (
    "pooled 6 x 6 confusion, means over classes; the paper does not define its Dice and Spec, and its Dice falls where "
    "MIoU rises: measured ones are of the lesion class and not comparable; its 501 pictures are private"
)

_TABLES = (
    PaperTable(
        "scsonet",
        "SCSONet paper, ISIC 2018 (808 pictures held out)",
        _IOU_DSC,
        (
            _row("UNet", 78.13, 86.99, cost=(7.77, 13.76)),
            _row("UNet++", 78.92, 87.83, cost=(9.16, 34.86)),
            _row("TransFuse", 80.63, 89.27, cost=(26.16, 11.5)),
            _row("FF-UNet", 80.2, 88.7, cost=(3.94, None)),
            _row("UNeXt-S", 79.09, 88.33, cost=(0.32, 0.1)),
            _row("MALUNet", 80.25, 89.04, cost=(0.175, 0.083)),
            _row("MAAU", None, 88.1, cost=(4.2, None)),
            _row("AMCC-Net", None, 89.0, cost=(0.845, None)),
            _row("SEACU-Net", None, 87.58, cost=(12.81, None)),
            _row("EGE-UNet", 80.94, 89.46, cost=(0.053, 0.072)),
            _row("SCSONet", 80.99, 89.50, cost=(0.149, 0.056)),
        ),
        _POOLED,
    ),
    PaperTable(
        "scsonet-isic2017",
        "SCSONet paper, ISIC 2017 (650 pictures held out)",
        _IOU_DSC,
        (
            _row("UNet", 76.98, 86.99),
            _row("TransFuse", 79.21, 88.40),
            _row("UNeXt-S", 78.26, 87.80),
            _row("FAT-Net", 76.53, 85.0, cost=(30.0, 23.0)),
            _row("MALUNet", 78.78, 88.13),
            _row("EGFNet", None, 84.87, cost=(0.52, None)),
            _row("MMS-Net", 77.9, 87.6, cost=(67.34, 68.52)),
            _row("QGD-Net", 72.58, None, cost=(0.777, None)),
            _row("LCAUnet", 76.1, 86.6, cost=(13.38, 18.91)),
            _row("EGE-UNet", 79.81, 88.77),
            _row("SCSONet", 80.14, 88.97),
        ),
        _POOLED,
    ),
    PaperTable(
        "scsonet-ablation",
        "SCSONet paper, ablation on ISIC 2018",
        _IOU_DSC,
        (
            _row("baseline", 79.01, 88.27),
            _row("+ ConvStem", 80.02, 89.01),
            _row("+ SCF", 80.48, 89.19),
            _row("+ both", 80.99, 89.50),
        ),
        _POOLED,
    ),
    PaperTable(
        "cmssm",
        "CM-SSM paper, ISIC 2018 (808 pictures held out)",
        _IOU_DSC_ACC,
        (
            _row("U-Net", 77.86, 87.55, 94.05),
            _row("UNet++", 78.31, 87.83, 94.02),
            _row("UTNetV2", 78.97, 88.25, 94.32),
            _row("MedMamba", 79.13, 88.35, 94.23),
            _row("MALUNet", 80.25, 89.04, 94.62),
            _row("HC-Mamba", 80.60, 89.25, 94.84),
            _row("VM-UNet", 80.28, 89.06, 94.57),
            _row("CM-SSM + CRA", 81.25, 89.65, 94.94),
        ),
        _POOLED,
    ),
    PaperTable(
        "cmssm-isic2016",
        "CM-SSM paper, ISIC 2016 (379 pictures held out)",
        _IOU_DSC_ACC,
        (
            _row("U-Net", 84.01, 91.16, 95.06),
            _row("Attention-UNet", 84.30, 91.37, 95.26),
            _row("LV-UNet", 85.95, 92.35, 95.25),
            _row("VM-UNet", 86.41, 92.71, 95.28),
            _row("CM-SSM + CRA", 88.16, 93.71, 95.52),
        ),
        _POOLED,
    ),
    PaperTable(
        "cmssm-isic2017",
        "CM-SSM paper, ISIC 2017 (650 pictures held out)",
        _IOU_DSC_ACC,
        (
            _row("U-Net", 76.98, 86.99, 95.65),
            _row("UTNetV2", 77.35, 87.23, 95.84),
            _row("TransFuse", 79.21, 88.40, 96.17),
            _row("MALUNet", 78.78, 88.13, 96.18),
            _row("MedMamba", 78.82, 88.15, 95.01),
            _row("HC-Mamba", 79.27, 88.18, 95.17),
            _row("VM-UNet", 79.54, 88.60, 96.29),
            _row("CM-SSM + CRA", 81.48, 89.79, 96.61),
        ),
        _POOLED,
    ),
    PaperTable(
        "cmssm-ablation",
        "CM-SSM paper, ablations on ISIC 2017",
        _IOU_DSC,
        (
            _row("baseline", 79.54, 88.60),
            _row("SE", 80.44, 89.16),
            _row("CMN", 79.98, 88.88),
            _row("CRA", 80.97, 89.45),
            _row("SE + CMN", 81.31, 89.69),
            _row("SE + CRA", 80.13, 88.97),
            _row("CMN + CRA", 80.39, 89.13),
            _row("SE + CMN + CRA", 81.48, 89.79),
            _row("all, no distillation", 80.66, 89.26),
            _row("all, L_CFD", 81.35, 89.57),
            _row("all, L_IFD", 81.24, 89.44),
            _row("all, L_CFD + L_IFD", 81.48, 89.79),
        ),
        _POOLED,
    ),
    PaperTable(
        "ulffn",
        "ULFFN paper, ISIC 2016 (379 test pictures)",
        _ULFFN,
        (
            _share_row("FCN", 0.90876, 0.91918, 0.85735, 0.91333, 0.83751),
            _share_row("SegNet", 0.90108, 0.91374, 0.84626, 0.89920, 0.87160),
            _share_row("U-Net", 0.88555, 0.90020, 0.82628, 0.89208, 0.80227),
            _share_row("DeepLabV3+", 0.91283, 0.92317, 0.86085, 0.91203, 0.88278),
            _share_row("ULFFN", 0.92876, 0.93044, 0.87360, 0.92725, 0.90040),
        ),
        _MEANS,
    ),
    PaperTable(
        "ulffn-isic2017",
        "ULFFN paper, ISIC 2017 (600 test pictures)",
        _ULFFN,
        (
            _share_row("FCN", 0.87079, 0.91115, 0.85062, 0.91917, 0.88366),
            _share_row("SegNet", 0.86081, 0.90746, 0.84237, 0.91301, 0.87257),
            _share_row("U-Net", 0.85062, 0.90062, 0.83202, 0.91259, 0.80385),
            _share_row("DeepLabV3+", 0.87579, 0.91747, 0.85880, 0.91619, 0.83879),
            _share_row("ULFFN", 0.89199, 0.92502, 0.87085, 0.94386, 0.92224),
        ),
        _MEANS,
    ),
    PaperTable(
        "ulffn-ablation",
        "ULFFN paper, ablation on ISIC 2016",
        _ULFFN[:3],
        (
            _share_row("neither", 0.88924, 0.87978, 0.82551),
            _share_row("ASPP", 0.90924, 0.89932, 0.84898),
            _share_row("CAM", 0.91632, 0.90638, 0.85647, note="better than ASPP alone; the text says the opposite"),
            _share_row("ASPP + CAM", 0.92876, 0.93044, 0.87360),
        ),
        _MEANS,
    ),
    PaperTable(
        "hhbsnet",
        "HHBSNet paper, facial melasma (50 pictures held out, means of 5 runs)",
        _HHBSNET,
        (
            _share_row("U-Net", 0.6656, 0.9373, 0.7285, 0.8742, 0.7947, 0.4236, 0.9644),
            _share_row("U-Net++", 0.6660, 0.9372, 0.7284, 0.8738, 0.7947, 0.4294, 0.9644),
            _share_row("FPN", 0.6684, 0.9367, 0.7278, 0.8736, 0.7955, 0.4365, 0.9639),
            _share_row("MALUNet", 0.6681, 0.9443, 0.8064, 0.7930, 0.7962, 0.2553, 0.9341),
            _share_row("DeepLabV3", 0.6679, 0.9415, 0.7744, 0.8246, 0.7942, 0.2867, 0.9425),
            _share_row("EGEUNet", 0.7071, 0.9490, 0.8069, 0.8486, 0.8255, 0.2686, 0.9450),
            _share_row("DCSAU-Net", 0.7132, 0.9494, 0.8159, 0.8480, 0.8298, 0.2783, 0.9473),
            _share_row("HHBSNet", 0.7889, 0.9659, 0.8777, 0.8781, 0.8778, 0.2316, 0.9467),
        ),
        _MACRO,
    ),
    PaperTable(
        "hhbsnet-ablation",
        "HHBSNet paper, ablation on facial melasma (best run)",
        (_HHBSNET[0], _HHBSNET[1], _HHBSNET[4]),
        (
            _row("baseline", 56.79, 91.04, 68.90),
            _row("+ MCF", 61.05, 91.25, 72.66),
            _row("+ GCSA", 72.05, 94.70, 82.37),
            _row("+ both, cross-entropy", 74.38, 95.46, 84.56),
            _row("+ both, focal", 75.09, 95.58, 85.00),
            _row("+ both, cross-entropy + focal", 79.69, 96.68, 88.10),
        ),
        _MACRO,
    ),
    PaperTable(
        "unet",
        "U-Net paper, HAM10000 (1,999 pictures held out)",
        _UNET,
        (_row("U-Net", 95.47, 97.21, 84.04, 90.15, 82.07),),
        "pooled over all pixels at 224 x 224, lesion where p > 0.5; the IoU follows from the printed confusion matrix",
    ),
)

PAPER_TABLES: Mapping[str, PaperTable] = {table.name: table for table in _TABLES}
