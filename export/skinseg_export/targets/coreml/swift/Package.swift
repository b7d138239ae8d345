// swift-tools-version: 5.9
// The receipt of a real device: runs a bundle's golden cases through Core ML. README.md beside this file says how.

import PackageDescription

let package = Package(
    name: "coreml-check",
    platforms: [.macOS(.v14), .iOS(.v17)],
    products: [
        .executable(name: "skinseg-check", targets: ["skinseg-check"]),
        .library(name: "SkinsegReceipt", targets: ["SkinsegReceipt"]),
        .library(name: "SkinsegVision", targets: ["SkinsegVision"]),
    ],
    targets: [
        .target(name: "SkinsegReceipt"),
        .target(name: "SkinsegVision", dependencies: ["SkinsegReceipt"]),
        .executableTarget(name: "skinseg-check", dependencies: ["SkinsegReceipt"]),
    ]
)
