"""What each figure is held against, and what to say when it does not hold.

The numbers come from `benchmarks/quality_thresholds.py`; docs/quality.md has its tables. Good photos are training
pictures of ISIC 2018 as they are, cut ones left out for `cut by the border`. A photo that is as bad as the worst 2 % of
them gets a finding, one as bad as the worst 0.5 % a finding that blocks. `too dark` alone is set otherwise, because the
pictures show hardly any dark skin and dark copies lie far from good photos: 0.5 % of these stay under 116, and the
brightest copies with 1/10 and 1/20 of the light reach 89 and 65. It speaks under 95, and blocks under 65.
"""

from dataclasses import dataclass

__all__ = ["CHECKS", "NAMES", "NO_LESION", "SEVERAL", "Check"]

NO_LESION, SEVERAL = "no lesion", "several lesions"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A figure and its limits.

    *figure*: its name in `quality.figures`. *is_low_bad*: whether small values are the bad ones. *usable*: the last
    value without a finding. *retake*: the last one that does not block. *sentence*: what to say, with {value} and
    {limit}. *needs_one_lesion*: says nothing where a network outlines scattered patches.
    """

    name: str
    figure: str
    is_low_bad: bool
    usable: float
    retake: float
    sentence: str
    needs_one_lesion: bool = False


CHECKS = (
    Check(
        name="lesion too small",
        figure="area_share",
        is_low_bad=True,
        usable=0.018,
        retake=0.0125,
        sentence="the lesion fills {value:.2%} of the photo, at least {limit:.2%} is expected: go closer",
        needs_one_lesion=True,
    ),
    Check(
        name="cut by the border",
        figure="cut_share",
        is_low_bad=False,
        usable=0.087,
        retake=0.174,
        sentence="{value:.1%} of the lesion's frame lies on the photo's border, at most {limit:.1%} is expected: "
        "take the photo with skin all around the lesion",
        needs_one_lesion=True,
    ),
    Check(
        name="blurred",
        figure="sharpness",
        is_low_bad=True,
        usable=2.7,
        retake=2.05,
        sentence="the lesion looks blurred (sharpness {value:.2f}, at least {limit:.2f} is expected): clean the lens, "
        "focus on the lesion and hold still",
    ),
    Check(
        name="too dark",
        figure="brightest",
        is_low_bad=True,
        usable=95.0,
        retake=65.0,
        sentence="the photo is too dark (its brightest parts reach level {value:.0f} of 255, at least {limit:.0f} is "
        "expected): add light",
    ),
    Check(
        name="overexposed",
        figure="burnt_out",
        is_low_bad=False,
        usable=0.164,
        retake=0.274,
        sentence="the photo is too bright ({value:.1%} of the lesion and the skin beside it lost their colour, at most "
        "{limit:.1%} is expected): use less light or a shorter exposure",
    ),
    Check(
        name="glare",
        figure="glare",
        is_low_bad=False,
        usable=0.0007,
        retake=0.016,
        sentence="light is mirrored on {value:.2%} of the lesion and the skin beside it, at most {limit:.2%} is "
        "expected: turn the flash off or tilt the camera a little",
    ),
    Check(
        name="not skin",
        figure="green_or_blue",
        is_low_bad=False,
        usable=6.2,
        retake=24.5,
        sentence="what surrounds the outline is green or blue ({value:.1f} units of L*a*b* from grey, at most "
        "{limit:.1f} is expected): show bare skin in white light",
    ),
)

NAMES = (NO_LESION, SEVERAL, *(check.name for check in CHECKS))
"""Every finding there is, in the order in which they are told."""
