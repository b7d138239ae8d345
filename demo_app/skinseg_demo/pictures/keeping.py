"""What was outlined goes into the store."""

from skinseg_demo.pictures.outlining import Outlined
from skinseg_demo.pictures.receiving import ReceivedPicture
from skinseg_demo.store import Store
from skinseg_demo.store.pictures import Check, Picture, PictureRole

__all__ = ["keep_outlined"]


def keep_outlined(
    store: Store,
    received: ReceivedPicture,
    outlined: Outlined,
    visit_id: str | None,
    role: PictureRole,
    *,
    who: str,
    check: Check = lambda _connection, _case_id: None,
) -> Picture:
    """Keep a picture with its outline, loose (*visit_id* None) or as part of a visit; return it once it is on the disk.

    *check*: see `Pictures.add`.

    Raises FileMissing if there is no such visit, DeviceUnready if the disk is full.
    """
    return store.pictures.add(
        visit_id,
        role,
        original=outlined.original,
        extension=outlined.extension,
        sha256=outlined.sha256,
        received_sha256=received.sha256,
        hw=outlined.hw,
        working_jpeg=outlined.working_jpeg,
        mask_png=outlined.mask_png,
        result=outlined.result,
        verdict=outlined.verdict,
        sent_anyway=False,
        who=who,
        check=check,
    )
