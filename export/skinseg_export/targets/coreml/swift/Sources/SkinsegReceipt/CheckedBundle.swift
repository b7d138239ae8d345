// A bundle's folder, of which no byte is used before it was held against the manifest.

import CryptoKit
import Foundation

/// Why a check cannot be made, in one sentence.
public struct CheckFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// A bundle whose manifest was read; its files are checked when they are read.
public struct CheckedBundle: Sendable {
    public let folder: URL
    public let manifest: Manifest
    /// SHA-256 of `manifest.json`, which stands for the whole bundle.
    public let sha256: String

    /// Opens the bundle at *folder*.
    public init(at folder: URL) throws {
        let data: Data
        do {
            data = try Data(contentsOf: folder.appendingPathComponent("manifest.json"))
        } catch {
            throw CheckFailure("cannot open \(folder.path): it holds no manifest.json, so it is no bundle")
        }
        do {
            manifest = try JSONDecoder().decode(Manifest.self, from: data)
        } catch {
            throw CheckFailure("cannot read manifest.json of \(folder.path): \(error); copy the bundle again")
        }
        guard manifest.contract.inputHW.count == 2, !manifest.contract.classes.isEmpty else {
            throw CheckFailure("cannot read manifest.json of \(folder.path): its contract is not whole")
        }
        self.folder = folder
        sha256 = hexadecimal(SHA256.hash(data: data))
    }

    /// Returns a listed file's bytes, after checking their SHA-256.
    public func bytes(of path: String) throws -> Data {
        guard let record = manifest.files[path] else {
            throw CheckFailure("cannot read \(path): the manifest does not list it; export the model again")
        }
        let data: Data
        do {
            data = try Data(contentsOf: folder.appendingPathComponent(path))
        } catch {
            throw CheckFailure("cannot read \(path): \(error.localizedDescription); copy the bundle again")
        }
        guard data.count == record.size, hexadecimal(SHA256.hash(data: data)) == record.sha256 else {
            throw CheckFailure("cannot trust \(path): its bytes differ from the manifest's; copy the bundle again")
        }
        return data
    }

    /// Checks all files below *path* and returns one SHA-256 for them, as
    /// `find . -type f | sort | xargs shasum -a 256 | shasum -a 256` gives it with paths relative to the bundle.
    public func packageDigest(of path: String) throws -> String {
        let listed = manifest.files.keys.filter { $0.hasPrefix("\(path)/") }
        guard !listed.isEmpty else {
            throw CheckFailure("cannot use \(path): the manifest lists nothing there; export the model again")
        }
        var lines = ""
        for file in listed.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            lines += "\(hexadecimal(SHA256.hash(data: try bytes(of: file))))  \(file)\n"
        }
        return hexadecimal(SHA256.hash(data: Data(lines.utf8)))
    }
}

func hexadecimal(_ digest: SHA256.Digest) -> String {
    digest.map { String(format: "%02x", $0) }.joined()
}
