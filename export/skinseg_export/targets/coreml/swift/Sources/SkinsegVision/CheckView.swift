// A view for an iPhone or iPad: makes the receipt, and shows the mask of a photo by Vision.

import CoreGraphics
import Foundation
import ImageIO
import PhotosUI
import SkinsegReceipt
import SwiftUI

/// Shows what the bundle at *bundle* makes of its golden cases and of a photo.
///
///     CheckView(bundle: Bundle.main.url(forResource: "lesion", withExtension: "skinseg")!)
public struct CheckView: View {
    private let bundle: URL
    @StateObject private var state = CheckState()
    @State private var picked: PhotosPickerItem?

    public init(bundle: URL) {
        self.bundle = bundle
    }

    public var body: some View {
        VStack(spacing: 16) {
            Button("Run the golden cases") { Task { await state.makeReceipt(of: bundle) } }
                .disabled(state.isBusy)
            if let file = state.receiptFile {
                ShareLink("Share the receipt", item: file)
            }
            PhotosPicker("Outline a photo", selection: $picked, matching: .images)
                .disabled(state.isBusy)
            photo
            Text(state.line).font(.footnote)
            Text("Not a medical device.").font(.footnote).foregroundStyle(.secondary)
        }
        .padding()
        .onChange(of: picked) { _, item in
            Task { await state.outline(item, with: bundle) }
        }
    }

    @ViewBuilder private var photo: some View {
        if let shown = state.photo {
            Image(decorative: shown, scale: 1)
                .resizable()
                .overlay {
                    if let mask = state.overlay {
                        Image(decorative: mask, scale: 1).resizable()
                    }
                }
                .aspectRatio(CGFloat(shown.width) / CGFloat(shown.height), contentMode: .fit)
        }
    }
}

@MainActor
private final class CheckState: ObservableObject {
    @Published var line = ""
    @Published var isBusy = false
    @Published var receiptFile: URL?
    @Published var photo: CGImage?
    @Published var overlay: CGImage?

    func makeReceipt(of folder: URL) async {
        await busy {
            let made = try await Task.detached { try await receipt(of: CheckedBundle(at: folder)) }.value
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("receipt.json")
            try made.json().write(to: file, options: .atomic)
            self.receiptFile = file
            self.line = "\(made.runs.count) runs; share the receipt and give it to skinseg-verify"
        }
    }

    func outline(_ item: PhotosPickerItem?, with folder: URL) async {
        guard let item else { return }
        await busy {
            guard let data = try await item.loadTransferable(type: Data.self), let upright = uprightImage(data) else {
                throw CheckFailure("cannot read the photo: it is of no known form")
            }
            self.photo = upright
            self.overlay = try await Task.detached {
                let request = try await LesionRequest(bundle: CheckedBundle(at: folder))
                return request.overlay(of: try request.mask(of: upright))
            }.value
        }
    }

    private func busy(_ work: () async throws -> Void) async {
        isBusy = true
        line = ""
        defer { isBusy = false }
        do {
            try await work()
        } catch {
            line = String(describing: error)
        }
    }
}

/// Decodes a photo with its EXIF orientation applied, at most 2048 px a side.
private func uprightImage(_ data: Data) -> CGImage? {
    guard let source = CGImageSourceCreateWithData(data as CFData, nil) else { return nil }
    let options: [CFString: Any] = [
        kCGImageSourceCreateThumbnailFromImageAlways: true,
        kCGImageSourceCreateThumbnailWithTransform: true,
        kCGImageSourceThumbnailMaxPixelSize: 2048,
    ]
    return CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
}
