// What `manifest.json` of a bundle says, as far as a device needs it.

import Foundation

/// The parts of a bundle's manifest that a check reads.
public struct Manifest: Decodable, Sendable {
    public let name: String
    public let contract: Contract
    public let artefacts: [Artefact]
    public let files: [String: FileRecord]
    public let golden: [GoldenCase]

    /// One form of the model; those for Core ML are named `coreml` or `coreml-` and a precision.
    public struct Artefact: Decodable, Sendable {
        public let name: String
        public let path: String

        var isForCoreML: Bool { name == "coreml" || name.hasPrefix("coreml-") }
    }

    /// A file as it was sealed: its size in bytes and its SHA-256 in lower-case hexadecimal.
    public struct FileRecord: Decodable, Sendable {
        public let size: Int
        public let sha256: String
    }

    /// A golden case, named by its photo, such as `golden/01.png`.
    public struct GoldenCase: Decodable, Sendable {
        public let image: String

        /// The photo as the network sees it, resized by the exporter.
        var inputPath: String {
            let stem = URL(fileURLWithPath: image).deletingPathExtension().lastPathComponent
            return "coreml-check/Resources/\(stem).ppm"
        }
    }

    public var coreMLArtefacts: [Artefact] { artefacts.filter(\.isForCoreML) }
}

/// What the network expects and what its output means.
public struct Contract: Decodable, Sendable {
    /// Rows and columns of the input, px.
    public let inputHW: [Int]
    /// How a photo meets the input: `stretch`, `letterbox` or `crop`.
    public let resize: String
    public let classes: [String]
    public let lesionClasses: [String]?
    /// Probability from which a pixel is lesion, where there is one class.
    public let threshold: Double

    enum CodingKeys: String, CodingKey {
        case inputHW = "input_hw"
        case resize
        case classes
        case lesionClasses = "lesion_classes"
        case threshold
    }

    public var rows: Int { inputHW[0] }
    public var columns: Int { inputHW[1] }

    /// Which of the output's maps are lesion; unless the contract names them, all but the first, the background.
    var lesionIndices: [Int] {
        if classes.count == 1 { return [0] }
        guard let named = lesionClasses, !named.isEmpty else { return Array(1..<classes.count) }
        return classes.indices.filter { named.contains(classes[$0]) }
    }
}
