// A picture as the network sees it: read from a PPM file, handed to Core ML as a pixel buffer.
//
// PPM holds plain bytes, so no colour management and no decoder of this system stands between the exporter's pixels and
// the model; only Core ML is judged.

import CoreVideo
import Foundation

/// Rows x columns x 3 bytes, red first.
struct NetworkInput {
    let rows: Int
    let columns: Int
    let pixels: [UInt8]

    /// Reads a PPM file whose header is `P6`, columns and rows, `255`, one line each.
    init(ppm data: Data, named name: String) throws {
        let bytes = [UInt8](data)
        var lines: [String] = []
        var start = 0
        while lines.count < 3, let end = bytes[start...].firstIndex(of: 0x0A) {
            lines.append(String(decoding: bytes[start..<end], as: UTF8.self))
            start = end + 1
        }
        let size = lines.count == 3 ? lines[1].split(separator: " ").compactMap { Int($0) } : []
        guard size.count == 2, lines[0] == "P6", lines[2] == "255", bytes.count - start == size[0] * size[1] * 3 else {
            throw CheckFailure("cannot read \(name): it is no PPM picture of 8 bits; export the model again")
        }
        columns = size[0]
        rows = size[1]
        pixels = Array(bytes[start...])
    }

    /// Returns the same pixels as 32BGRA, the form that Core ML takes for a colour image.
    func pixelBuffer() throws -> CVPixelBuffer {
        let attributes = [kCVPixelBufferIOSurfacePropertiesKey as String: [String: Any]()] as CFDictionary
        var created: CVPixelBuffer?
        let status = CVPixelBufferCreate(nil, columns, rows, kCVPixelFormatType_32BGRA, attributes, &created)
        guard status == kCVReturnSuccess, let buffer = created else {
            throw CheckFailure("cannot make a pixel buffer of \(columns) x \(rows): Core Video says \(status)")
        }
        CVPixelBufferLockBaseAddress(buffer, [])
        defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
        guard let base = CVPixelBufferGetBaseAddress(buffer) else {
            throw CheckFailure("cannot fill a pixel buffer of \(columns) x \(rows): it has no address")
        }
        fill(base.assumingMemoryBound(to: UInt8.self), stride: CVPixelBufferGetBytesPerRow(buffer))
        return buffer
    }

    private func fill(_ target: UnsafeMutablePointer<UInt8>, stride: Int) {
        for row in 0..<rows {
            for column in 0..<columns {
                let from = (row * columns + column) * 3
                let to = row * stride + column * 4
                target[to] = pixels[from + 2]
                target[to + 1] = pixels[from + 1]
                target[to + 2] = pixels[from]
                target[to + 3] = 255
            }
        }
    }
}
