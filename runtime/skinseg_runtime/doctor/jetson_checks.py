"""What only a Jetson has: JetPack, its module, its power mode and clocks. Elsewhere these find nothing to mend."""

from skinseg_runtime.device_sensors import power_mode as read_power_mode
from skinseg_runtime.doctor.finding import Finding, missing, ok, warn
from skinseg_runtime.doctor.host import Host

__all__ = ["FLASH", "SHOW_RELEASE", "clocks", "jetpack", "module", "power_mode"]

FLASH = "sdkmanager  # on another computer: flash JetPack 6.2 or newer"
SHOW_RELEASE = "docker run -v /etc/nv_tegra_release:/etc/nv_tegra_release:ro --runtime nvidia ..."
_OLDEST = (6, 1)
_HZ_PER_MHZ = 1_000_000


def jetpack(host: Host) -> Finding:
    """Tell JetPack's version and whether it is supported."""
    found = host.jetpack
    if found is None:
        return ok("jetpack", "no Jetson")
    if found.l4t is None:
        return warn("jetpack", f"{found.title}: /etc/nv_tegra_release is not to be seen here", SHOW_RELEASE)
    if found.jetpack is None:
        is_old = int(found.l4t.partition(".")[0]) < 36
        return (
            missing("jetpack", f"L4T {found.l4t}, supported is JetPack 6.1 or newer", FLASH) if is_old else _new(host)
        )
    if tuple(int(part) for part in found.jetpack.split(".")) < _OLDEST:
        brings = "TensorRT 8, which is not supported; expected JetPack 6.1 or newer"
        return missing("jetpack", f"JetPack {found.jetpack} (L4T {found.l4t}) brings {brings}", FLASH)
    return ok("jetpack", f"JetPack {found.jetpack} (L4T {found.l4t})")


def module(host: Host) -> Finding:
    """Name the board, its chip, and the deep learning accelerators that it has."""
    found = host.jetpack
    if found is None:
        return ok("module", "no Jetson")
    known = found.module
    dla = f"{known.dla_cores} DLA cores" if known else "DLA cores unknown"
    name = known.name if known else found.board or "a module that this version does not know"
    return ok("module", f"{name}, {found.soc or 'chip unknown'}, {dla}")


def power_mode(host: Host) -> Finding:
    """Read the power mode; it is never set here. Times are only worth comparing at one mode."""
    if host.jetpack is None:
        return ok("power mode", "no Jetson")
    mode = read_power_mode(host.root, host.output)
    if mode is None:
        return warn("power mode", "nvpmodel does not tell it to this user", "sudo nvpmodel -q")
    return ok("power mode", f"{mode}; sudo nvpmodel -m NUMBER sets another")


def clocks(host: Host) -> Finding:
    """Read the clock of the GPU, now and at most."""
    if host.jetpack is None:
        return ok("clocks", "no Jetson")
    for folder in sorted((host.root / "sys/class/devfreq").glob("*gpu*")):
        now, most = host.text(folder / "cur_freq"), host.text(folder / "max_freq")
        if now.isdigit() and most.isdigit():
            figures = f"{int(now) // _HZ_PER_MHZ} of {int(most) // _HZ_PER_MHZ} MHz now"
            return ok("clocks", f"GPU at {figures}; sudo jetson_clocks holds it at the top while something is timed")
    return ok("clocks", "the GPU's clock is not to be read here")


def _new(host: Host) -> Finding:
    title = host.jetpack.title if host.jetpack else ""
    return warn("jetpack", f"{title}: it was not there when this was written", "skinseg-build BUNDLE  # proves itself")
