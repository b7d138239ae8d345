// A photo through Vision: what an app does that lets the system resize.
//
// Vision resizes by its own filter, not by the area average of the contract, so a mask from here differs somewhat from
// the golden one; the receipt is therefore made without Vision.

import CoreGraphics
import CoreML
import Foundation
import SkinsegReceipt
import Vision

/// A package of a bundle behind Vision.
public final class LesionRequest: @unchecked Sendable {
    private let model: VNCoreMLModel
    private let contract: Contract

    /// Loads artefact *name* of *bundle*, after checking its files.
    public init(bundle: CheckedBundle, name: String = "coreml", units: MLComputeUnits = .all) async throws {
        guard let artefact = bundle.manifest.coreMLArtefacts.first(where: { $0.name == name }) else {
            throw CheckFailure("cannot load \(name): the bundle \(bundle.manifest.name) has no such Core ML artefact")
        }
        _ = try bundle.packageDigest(of: artefact.path)
        let compiled = try await MLModel.compileModel(at: bundle.folder.appendingPathComponent(artefact.path))
        let configuration = MLModelConfiguration()
        configuration.computeUnits = units
        model = try VNCoreMLModel(for: MLModel(contentsOf: compiled, configuration: configuration))
        contract = bundle.manifest.contract
    }

    /// Returns the mask of *photo* at network size, row after row.
    public func mask(of photo: CGImage, orientation: CGImagePropertyOrientation = .up) throws -> [Bool] {
        let request = VNCoreMLRequest(model: model)
        request.imageCropAndScaleOption = scaling
        try VNImageRequestHandler(cgImage: photo, orientation: orientation).perform([request])
        let values = (request.results ?? []).compactMap { $0 as? VNCoreMLFeatureValueObservation }
        guard let array = values.first(where: { $0.featureName == "probability" })?.featureValue.multiArrayValue else {
            throw CheckFailure("cannot use the answer: it has no output named probability")
        }
        return try contract.lesionMask(MLShapedArray<Float>(converting: array).scalars)
    }

    /// Returns the mask as a picture, lesion in half-transparent blue, to be laid over the photo.
    public func overlay(of mask: [Bool]) -> CGImage? {
        let (lesion, skin): ([UInt8], [UInt8]) = ([0, 57, 89, 128], [0, 0, 0, 0])
        let bytes = mask.flatMap { $0 ? lesion : skin }
        guard let provider = CGDataProvider(data: Data(bytes) as CFData) else { return nil }
        return CGImage(
            width: contract.columns,
            height: contract.rows,
            bitsPerComponent: 8,
            bitsPerPixel: 32,
            bytesPerRow: contract.columns * 4,
            space: CGColorSpaceCreateDeviceRGB(),
            bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue),
            provider: provider,
            decode: nil,
            shouldInterpolate: false,
            intent: .defaultIntent
        )
    }

    /// Vision's word for the contract's resize rule; its borders are black, whatever pad_value says.
    private var scaling: VNImageCropAndScaleOption {
        switch contract.resize {
        case "letterbox": return .scaleFit
        case "crop": return .centerCrop
        default: return .scaleFill
        }
    }
}
