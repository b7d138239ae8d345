// The golden cases through Core ML: each package on each choice of compute units.

import CoreML
import CoreVideo
import Foundation

/// The four choices, under the names that coremltools gives them.
public let computeUnitChoices: [(name: String, units: MLComputeUnits)] = [
    ("CPU_ONLY", .cpuOnly),
    ("CPU_AND_GPU", .cpuAndGPU),
    ("CPU_AND_NE", .cpuAndNeuralEngine),
    ("ALL", .all),
]

private let warmUps = 3

/// Runs every golden case of *bundle* and returns the receipt.
///
/// *names*: artefacts to run; none means all for Core ML. *repeats*: predictions that are timed, after three that are
/// not, at most 1000. *progress* hears one line a run.
public func receipt(
    of bundle: CheckedBundle, names: [String] = [], repeats: Int = 50, progress: (String) -> Void = { _ in }
) async throws -> Receipt {
    let artefacts = try chosenArtefacts(of: bundle, names: names)
    let cases = try bundle.manifest.golden.map { golden in
        let input = try NetworkInput(ppm: bundle.bytes(of: golden.inputPath), named: golden.inputPath)
        return (image: golden.image, buffer: try input.pixelBuffer())
    }
    guard !cases.isEmpty else { throw CheckFailure("cannot check \(bundle.manifest.name): it has no golden case") }
    var packages: [Receipt.Package] = []
    var runs: [Receipt.Run] = []
    for artefact in artefacts {
        let digest = try bundle.packageDigest(of: artefact.path)
        packages.append(Receipt.Package(artefact: artefact.name, path: artefact.path, sha256: digest))
        let compiled = try await MLModel.compileModel(at: bundle.folder.appendingPathComponent(artefact.path))
        defer { try? FileManager.default.removeItem(at: compiled) }
        for choice in computeUnitChoices {
            progress("\(artefact.name) on \(choice.name)")
            let empty = Receipt.Run(artefact: artefact.name, computeUnits: choice.name)
            let work = GoldenRun(compiled: compiled, units: choice.units, contract: bundle.manifest.contract)
            runs.append(await work.run(into: empty, cases: cases, repeats: min(max(repeats, 1), 1000)))
        }
    }
    return Receipt(
        bundleSHA256: bundle.sha256,
        device: .current,
        made: ISO8601DateFormatter().string(from: Date()),
        packages: packages,
        runs: runs
    )
}

private func chosenArtefacts(of bundle: CheckedBundle, names: [String]) throws -> [Manifest.Artefact] {
    let present = bundle.manifest.coreMLArtefacts
    let chosen = names.isEmpty ? present : present.filter { names.contains($0.name) }
    guard !chosen.isEmpty, names.isEmpty || chosen.count == Set(names).count else {
        let known = present.map(\.name).joined(separator: ", ")
        throw CheckFailure("cannot check \(bundle.manifest.name): its Core ML artefacts are \(known)")
    }
    return chosen
}

/// A compiled package on one choice of compute units.
private struct GoldenRun {
    let compiled: URL
    let units: MLComputeUnits
    let contract: Contract

    /// Returns *empty* filled with what was found, or with why nothing was.
    func run(
        into empty: Receipt.Run, cases: [(image: String, buffer: CVPixelBuffer)], repeats: Int
    ) async -> Receipt.Run {
        do {
            var filled = empty
            let (_, cold) = try timed { try loaded() }
            let (model, warm) = try timed { try loaded() }
            (filled.loadColdMs, filled.loadWarmMs) = (cold, warm)
            filled.masks = try cases.map { try mask(of: $0.buffer, named: $0.image, by: model) }
            filled.latenciesMs = try latencies(of: model, on: cases.map(\.buffer), repeats: repeats)
            filled.operations = await placement()
            return filled
        } catch {
            var failed = empty
            failed.failure = String(String(describing: error).filter { !$0.isNewline }.prefix(200))
            return failed
        }
    }

    private var configuration: MLModelConfiguration {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        return configuration
    }

    private func loaded() throws -> MLModel {
        try MLModel(contentsOf: compiled, configuration: configuration)
    }

    private func answer(to buffer: CVPixelBuffer, by model: MLModel) throws -> MLFeatureProvider {
        let value = MLFeatureValue(pixelBuffer: buffer)
        return try model.prediction(from: MLDictionaryFeatureProvider(dictionary: ["image": value]))
    }

    private func mask(of buffer: CVPixelBuffer, named image: String, by model: MLModel) throws -> Receipt.Mask {
        let features = try answer(to: buffer, by: model)
        guard let array = features.featureValue(for: "probability")?.multiArrayValue else {
            throw CheckFailure("cannot use the answer: it has no output named probability")
        }
        // An MLMultiArray may have gaps between its rows; a shaped array hands its numbers over without them.
        let mask = try contract.lesionMask(MLShapedArray<Float>(converting: array).scalars)
        return Receipt.Mask(image: image, rows: contract.rows, columns: contract.columns, runs: runLengths(of: mask))
    }

    private func latencies(of model: MLModel, on buffers: [CVPixelBuffer], repeats: Int) throws -> [Double] {
        for turn in 0..<warmUps {
            _ = try answer(to: buffers[turn % buffers.count], by: model)
        }
        return try (0..<repeats).map { turn in
            try timed { try answer(to: buffers[turn % buffers.count], by: model) }.milliseconds
        }
    }

    /// Returns how many operations the system means to run on each kind of device.
    private func placement() async -> [String: Int] {
        guard #available(macOS 14.4, iOS 17.4, *) else { return [:] }
        guard
            let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration),
            case let .program(program) = plan.modelStructure,
            let main = program.functions["main"]
        else { return [:] }
        var counts: [String: Int] = [:]
        for operation in main.block.operations {
            guard let usage = plan.deviceUsage(for: operation) else { continue }
            counts[kind(of: usage.preferred), default: 0] += 1
        }
        return counts
    }
}

private func kind(of device: MLComputeDevice) -> String {
    switch device {
    case .cpu: return "cpu"
    case .gpu: return "gpu"
    case .neuralEngine: return "neural_engine"
    @unknown default: return "other"
    }
}

private func timed<Value>(_ work: () throws -> Value) rethrows -> (value: Value, milliseconds: Double) {
    let clock = ContinuousClock()
    let started = clock.now
    let value = try work()
    let (seconds, attoseconds) = started.duration(to: clock.now).components
    return (value, Double(seconds) * 1e3 + Double(attoseconds) / 1e15)
}
