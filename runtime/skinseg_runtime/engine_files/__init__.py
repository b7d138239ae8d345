"""Engines on a device's disk: what lies beside a plan, who vouches for it, and where the current one stands.

    engines/<Device.key>/fp16.json               the pointer: which engine of a precision is current, which came before
    engines/<Device.key>/fp16-3f2a91c0-2/        <precision>-<first 8 digits of the engine's key>-<count>
        model.engine                             the plan; absent where the bundle itself lists it (`Sidecar.plan`)
        model.json, receipt.json                 what it was built from and for; what it gave on the golden cases
        seal                                     this device's seal over both

Nothing here reads a plan other than as bytes, and nothing needs CUDA or TensorRT.
"""
