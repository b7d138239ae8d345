"""The parts of `skinseg_runtime.run`: photos several at a time, and a journal by which a run that was cut off goes on.

one_photo      what is made of one photo, and under which names
in_parallel    several at a time, and no more in memory
journal        what is done, a line a photo
"""
