"""Train the light HHBSNet on drawn faces with melasma: the six-class path without anybody's face.

python scripts/train_on_faces.py RUN draws the faces into RUN/faces, trains on 300 of them, chooses the epoch on 75
others, and prints the checkpoint. Within an hour on one crowded CPU core; killed, it resumes at the last epoch.
"""

import sys
from dataclasses import replace
from pathlib import Path

from skinseg_edge.datasets.face_folder import write_face_folder
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.training.augmentation import AugmentationPolicy
from skinseg_edge.training.lists import chosen_pairs
from skinseg_edge.training.recipes import Recipe, Stage, recipe
from skinseg_edge.training.run_folder import RunFolder
from skinseg_edge.training.trainer import Trainer, TrainingJob

__all__ = ["FACES", "SIDE", "face_recipe"]

FACES, SIDE = 375, 128
_DRAWN_SIDE = 160  # px, so that turning and zooming still find real pixels
# Faces stand upright.
_UPRIGHT = AugmentationPolicy(
    rotation=0.6,
    rotation_degrees=12,
    scale=(0.85, 1.25),
    stretch=1.1,
    shift=0.06,
    light=0.3,
    colour=0.3,
    blur=0.1,
    noise=0.1,
    jpeg=0.1,
)


def face_recipe(epochs: int = 24) -> Recipe:
    """Return `best` for drawn faces: one small size, upright pictures, the paper's loss."""
    return replace(
        recipe("hhbsnet", "best"),
        name="drawn faces",
        stages=(Stage(SIDE, epochs, _UPRIGHT),),
        batch=10,
        learning_rate=2e-3,
        average_decay=0.98,
        loss="ce+focal",
        classes=MELASMA_CLASSES,
    )


def main() -> None:
    """Draw, train, and print the checkpoint and its scores."""
    folder = Path(sys.argv[1])
    faces = folder / "faces"
    if not (faces / "classes.txt").exists():  # the last files to be written
        write_face_folder(faces, FACES, _DRAWN_SIDE)
    train, validation = chosen_pairs(faces)
    job = TrainingJob(
        network="hhbsnet",
        recipe=face_recipe(),
        train=train,
        validation=validation,
        options={"decoder": 128},
        classes=MELASMA_CLASSES,
        data="drawn faces",
        workers=0,
    )
    run = RunFolder(folder / "run")
    best = Trainer(job, run, report=lambda record: print(record, flush=True)).fit()
    print(f"{run.best}: epoch {best.epoch}, melasma Dice {best.dice:.3f}, mean IoU of six classes {best.mean_iou:.3f}")


if __name__ == "__main__":
    main()
