// The receipt: what one device made of the golden cases. No verdict stands in it; skinseg-verify forms its own.

import Foundation

/// What `receipt.json` holds.
public struct Receipt: Encodable, Sendable {
    public let schema = "skinseg.device-receipt/1"
    public let bundleSHA256: String
    public let device: Device
    public let made: String
    public let packages: [Package]
    public let runs: [Run]

    enum CodingKeys: String, CodingKey {
        case schema
        case bundleSHA256 = "bundle_sha256"
        case device
        case made
        case packages
        case runs
    }

    /// The device, as it names itself.
    public struct Device: Encodable, Sendable {
        public let model: String
        public let chip: String
        public let system: String
    }

    /// One .mlpackage of the bundle; *sha256* as `CheckedBundle.packageDigest` makes it.
    public struct Package: Encodable, Sendable {
        public let artefact: String
        public let path: String
        public let sha256: String
    }

    /// One package on one choice of compute units. *failure* is empty when it ran.
    public struct Run: Encodable, Sendable {
        public let artefact: String
        public let computeUnits: String
        public var failure = ""
        public var loadColdMs = 0.0
        public var loadWarmMs = 0.0
        public var latenciesMs: [Double] = []
        /// How many operations the system means to run where; empty where it does not tell (before macOS 14.4).
        public var operations: [String: Int] = [:]
        public var masks: [Mask] = []

        enum CodingKeys: String, CodingKey {
            case artefact
            case computeUnits = "compute_units"
            case failure
            case loadColdMs = "load_cold_ms"
            case loadWarmMs = "load_warm_ms"
            case latenciesMs = "latencies_ms"
            case operations
            case masks
        }
    }

    /// A mask at network size as run lengths, row after row, the first run being no lesion.
    public struct Mask: Encodable, Sendable {
        public let image: String
        public let rows: Int
        public let columns: Int
        public let runs: [Int]
    }

    /// Returns the file's bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return try encoder.encode(self)
    }
}

extension Receipt.Device {
    /// The device that this runs on.
    static var current: Receipt.Device {
        #if os(macOS)
        let (key, family) = ("hw.model", "macOS")
        #else
        let (key, family) = ("hw.machine", "iOS")
        #endif
        let version = ProcessInfo.processInfo.operatingSystemVersionString
        return Receipt.Device(
            model: systemValue(key) ?? "unknown",
            chip: systemValue("machdep.cpu.brand_string") ?? "unknown",
            system: "\(family) \(version)"
        )
    }
}

private func systemValue(_ name: String) -> String? {
    var size = 0
    guard sysctlbyname(name, nil, &size, nil, 0) == 0, size > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    guard sysctlbyname(name, &bytes, &size, nil, 0) == 0 else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}
