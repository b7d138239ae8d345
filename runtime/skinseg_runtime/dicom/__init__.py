"""What a hospital's archive takes back: the outline of a DICOM photograph as SEG, its measurements as SR.

    import io, pydicom
    from skinseg_runtime.dicom import Network, seg_from, source_from, sr_from

    source = source_from(Path("mole.dcm").read_bytes(), "mole.dcm")
    seg = seg_from(result.mask, result.lesions, source, network)
    sr = sr_from(result.lesions, seg, source, network)

Both belong to the photograph's patient and study, in series of their own, and name the network. They say where an
outline runs and how large it is, never what it may mean. The same photograph, network and outline give the same
instances, byte for byte. Needs the extra `dicom`; reading photographs does not (`skinseg_edge.image_io`).
"""

from skinseg_runtime.dicom.identity import Network
from skinseg_runtime.dicom.objects import OBJECT_NAMES, objects_of_photo
from skinseg_runtime.dicom.seg import seg_from
from skinseg_runtime.dicom.source import source_from
from skinseg_runtime.dicom.spacing import scale_from_spacing
from skinseg_runtime.dicom.sr import sr_from

__all__ = ["OBJECT_NAMES", "Network", "objects_of_photo", "scale_from_spacing", "seg_from", "source_from", "sr_from"]
