"""The recipes of the five papers.

What a paper says stands as a value; what it leaves open, and how that is read here, is told in `readings`. SCSONet,
U-Net and CM-SSM choose the epoch on the pictures whose scores they print; here it is chosen on whatever the validation
list names.
"""

from skinseg_edge.training.augmentation import NONE, AugmentationPolicy
from skinseg_edge.training.recipes.recipe import Recipe, Stage

__all__ = ["CMSSM", "HHBSNET", "SCSONET", "ULFFN", "UNET"]

_ISIC_70_30 = "ISIC 2017: 1,500 / 650, ISIC 2018: 1,886 / 808 at random (7:3 of training and validation), seed 42"
_HALF = (0.5, 0.5, 0.5)
_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

SCSONET = Recipe(
    name="paper",
    stages=(Stage(256, 300, AugmentationPolicy(flip=(0.5, 0.5), rotation=0.5)),),
    batch=8,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=1e-2,
    schedule="cosine-50",
    final_learning_rate=1e-5,
    warm_up=0,
    average_decay=0.0,
    loss="bce+dice",
    clip_norm=0.0,
    mean=_HALF,
    std=_HALF,
    split=_ISIC_70_30,
    readings=(
        "the published code draws one angle for the whole run; here every picture has its own, in [0, 360) degrees",
        "the published code spreads each photo from its darkest value to its brightest; here (x - 0.5) / 0.5",
    ),
)

UNET = Recipe(
    name="paper",
    stages=(Stage(224, 20, AugmentationPolicy(flip=(0.5, 0.1), rotation=1.0, rotation_degrees=35)),),
    batch=32,
    optimizer="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    schedule="constant",
    final_learning_rate=1e-3,
    warm_up=0,
    average_decay=0.0,
    loss="bce",
    clip_norm=0.0,
    mean=_ZERO,
    std=_ONE,
    split="HAM10000: 8,016 / 1,999 pictures at random, no test set",
    readings=(
        "the paper names the turn and no limit; 35 degrees is that of the tutorial it follows",
        "a split by picture leaks, as lesions have several; by lesion_id is the default, by picture a reproduction",
    ),
)

CMSSM = Recipe(
    name="paper",
    stages=(Stage(256, 300, AugmentationPolicy(flip=(0.5, 0.0), rotation=0.5)),),
    batch=32,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=1e-2,
    schedule="cosine-50",
    final_learning_rate=1e-5,
    warm_up=0,
    average_decay=0.0,
    loss="0.3bce+0.7dice",
    clip_norm=0.0,
    cross_feature_weight=0.015,
    internal_feature_weight=0.015,
    mean=_HALF,
    std=_HALF,
    split=f"ISIC 2016: 900 / 379 (official), {_ISIC_70_30}",
    readings=(
        "learning rate, decay and schedule are those of VM-UNet, whose frame the paper takes over",
        "lambda is printed twice with different values: 0.3 / 0.7 weighs the task loss, 0.015 the feature losses",
        "from scratch; whether the paper starts from ImageNet weights is not said",
    ),
)

ULFFN = Recipe(
    name="paper",
    stages=(Stage(512, 100, NONE),),
    batch=8,
    optimizer="adam",
    learning_rate=1e-4,
    weight_decay=0.0,
    schedule="steps",
    final_learning_rate=0.0,
    warm_up=0,
    average_decay=0.0,
    loss="ce",
    clip_norm=0.0,
    steps=5,
    step_factor=0.9,
    classes=("background", "lesion"),
    mean=_HALF,
    std=_HALF,
    resize="crop",
    split="ISIC 2016: 700 / 200 of the 900 training pictures at random; tests: its 379 and the 600 of ISIC 2017",
    readings=(
        '"reduced 10 % every 20 epochs" is read as times 0.9, not as times 0.1',
        "the 512 px centre crop is taken from the photo's largest centre square, resized; a raw crop would cut lesions",
        "no augmentation is named, so there is none",
    ),
)

HHBSNET = Recipe(
    name="paper",
    # A random crop: zoomed in by up to a half, moved so that the window stays near the picture.
    stages=(Stage(512, 180, AugmentationPolicy(flip=(0.5, 0.5), scale=(1.0, 1.5), shift=0.1)),),
    batch=8,
    optimizer="sgd",
    learning_rate=7e-3,
    weight_decay=1e-4,
    schedule="steps",
    final_learning_rate=7e-5,
    warm_up=0,
    average_decay=0.0,
    loss="ce+focal",
    momentum=0.9,
    nesterov=True,
    clip_norm=0.0,
    steps=10,
    step_factor=0.01 ** (1 / 9),  # ten equal steps from the rate to a hundredth of it
    classes=("background", "lesion"),  # the six of melasma are named by the folder's classes.txt
    mean=_ZERO,
    std=_ONE,
    resize="letterbox",
    split="private melasma photos: 401 / 50 / 50 (8:1:1)",
    readings=(
        "step decay, its factor and Nesterov are those of the public DeepLabV3+ code whose recipe the paper shares",
        "the learning rate is as printed, not scaled by batch / 16 as that code does; the backbone is never frozen",
        "lambda, alpha and gamma of the loss are not printed: 0.5, 0.5 and 2",
        "in a mirrored picture left and right face (LF, RF) change places; the paper does not say",
        "x / 255 from scratch; the normalisation of ImageNet where the backbone starts from its weights",
    ),
)
