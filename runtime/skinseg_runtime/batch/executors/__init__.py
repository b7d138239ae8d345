"""Who does the units of an archive: processes of this machine, or a Ray cluster; anything with the shape of `Executor`.

local       processes, one for each core
ray_data    Ray Data, on this machine or many
"""

from skinseg_runtime.batch.executors.protocol import Executor

__all__ = ["Executor"]
