"""All checks in their order, and what follows from them for this machine."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from skinseg_runtime.doctor import (
    gpu_checks,
    jetson_checks,
    library_checks,
    machine_checks,
    sensor_checks,
    trust_checks,
)
from skinseg_runtime.doctor.bundle_checks import bundle_findings
from skinseg_runtime.doctor.finding import Finding
from skinseg_runtime.doctor.host import Host

__all__ = ["CHECKS", "Diagnosis", "diagnose"]

# From the ground up: what stands below needs what stands above.
CHECKS: Mapping[str, Callable[[Host, Path], Finding]] = MappingProxyType(
    {
        "system": lambda host, _: machine_checks.system(host),
        "jetpack": lambda host, _: jetson_checks.jetpack(host),
        "module": lambda host, _: jetson_checks.module(host),
        "python": lambda host, _: machine_checks.python(host),
        "cores": lambda host, _: machine_checks.cores(host),
        "memory": lambda host, _: machine_checks.memory(host),
        "swap": lambda host, _: machine_checks.swap(host),
        "disk": machine_checks.disk,
        "power mode": lambda host, _: jetson_checks.power_mode(host),
        "clocks": lambda host, _: jetson_checks.clocks(host),
        "sensors": lambda host, _: sensor_checks.sensors(host),
        "driver": lambda host, _: gpu_checks.driver(host),
        "cuda": lambda host, _: gpu_checks.cuda(host),
        "tensorrt": lambda host, _: gpu_checks.tensorrt(host),
        "tensorrt-rtx": lambda host, _: gpu_checks.tensorrt_rtx(host),
        "onnxruntime": lambda host, _: library_checks.onnxruntime(host),
        "providers": lambda host, _: library_checks.providers(host),
        "opencv": lambda host, _: library_checks.opencv(host),
        "video": lambda host, _: library_checks.video(host),
        "cryptography": lambda host, _: library_checks.cryptography(host),
        "export": lambda host, _: library_checks.export(host),
        "coreml": lambda host, _: library_checks.coreml(host),
        "coreml run": lambda host, _: library_checks.coreml_run(host),
        "demo": lambda host, _: library_checks.demo(host),
        "trusted key": lambda host, _: trust_checks.trusted_key(host),
        "state folder": lambda host, _: trust_checks.state(host),
    }
)


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and what follows from it.

    *findings*: of every check, in order. *runs*: engines that give masks here. *builds*: engines that can be built
    here. *exports*: targets that bundles can be made for here.
    """

    findings: tuple[Finding, ...]
    runs: tuple[str, ...]
    builds: tuple[str, ...]
    exports: tuple[str, ...]

    @property
    def remedies(self) -> tuple[str, ...]:
        """The commands that mend what was found, what is missing before what could be better."""
        found = sorted(self.findings, key=lambda finding: finding.status != "missing")
        return tuple(dict.fromkeys(finding.remedy for finding in found if finding.remedy))

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What this machine lacks for its work."""
        return tuple(finding for finding in self.findings if finding.status == "missing")

    def to_json(self) -> dict[str, object]:
        """Return plain values for `json.dumps`."""
        return {
            "findings": [finding.to_json() for finding in self.findings],
            "runs": list(self.runs),
            "builds": list(self.builds),
            "exports": list(self.exports),
        }


def diagnose(host: Host, bundle: Path | None = None, *, advance: Callable[[], None] = lambda: None) -> Diagnosis:
    """Look at everything, change nothing.

    *bundle*: a bundle to look at as well. *advance*: called once a check.
    """
    place = _existing(host, bundle)
    findings: list[Finding] = []
    for check in CHECKS.values():
        findings.append(check(host, place))
        advance()
    findings += [] if bundle is None else bundle_findings(host, bundle)
    advance()
    return Diagnosis(tuple(findings), *_abilities(host, {finding.name: finding for finding in findings}))


def _existing(host: Host, bundle: Path | None) -> Path:
    """Return the bundle, else the current folder, else the root; a folder may be gone or closed to this user."""
    for place in (bundle, Path()):
        with contextlib.suppress(OSError):
            if place is not None and place.exists():
                return place.absolute()
    return host.root


def _abilities(host: Host, findings: Mapping[str, Finding]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return what can be run, built and exported."""
    has_gpu = not isinstance(host.gpu, str) and findings["driver"].status == "ok"
    trt = findings["tensorrt"].status == "ok" and host.find("tensorrt").version is not None
    rtx = findings["tensorrt-rtx"].status == "ok" and host.find("tensorrt_rtx").version is not None
    decodes = findings["opencv"].status == "ok"
    engines = (("trt", trt and has_gpu), ("trt-rtx", rtx and has_gpu))
    processor = ("onnxruntime", findings["onnxruntime"].status == "ok")
    apple = ("coreml", host.kind == "apple" and findings["coreml run"].status == "ok")
    runs = tuple(name for name, can in (processor, *engines, apple) if can and decodes)
    builds = tuple(name for name, can in engines if can)
    has_torch = all(host.package_version(name) for name in ("torch", "onnx", "onnxscript"))
    targets = (
        ("onnx", True),
        ("trt", True),
        ("triton", True),
        ("coreml", host.package_version("coremltools") is not None),
    )
    return runs, builds, tuple(name for name, can in targets if has_torch and can)
