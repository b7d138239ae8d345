"""Demo mode: drawn lesions and a simulated dermatologist, so that anyone can try the box without camera or patient.

It has a store of its own, so that nothing here ever meets a patient's case, and sends to nobody.
"""

__all__: list[str] = []
