// From probabilities to a mask at network size, and the mask as run lengths.

import Foundation

extension Contract {
    /// Returns which pixels are lesion: those that reach the threshold or, of several classes, those where a lesion
    /// class is more probable than every other.
    ///
    /// *probability*: classes x rows x columns, one map after the other. Row after row comes back.
    public func lesionMask(_ probability: [Float]) throws -> [Bool] {
        let pixels = rows * columns
        guard probability.count == classes.count * pixels else {
            let expected = classes.count * pixels
            throw CheckFailure("cannot use the answer: it has \(probability.count) numbers, expected \(expected)")
        }
        guard probability.allSatisfy(\.isFinite) else {
            throw CheckFailure("cannot use the answer: it holds what is no number")
        }
        if classes.count == 1 {
            let least = Float(threshold)
            return probability.map { $0 >= least }
        }
        let lesion = lesionIndices
        let others = classes.indices.filter { !lesion.contains($0) }
        return (0..<pixels).map { pixel in
            highest(of: lesion, in: probability, at: pixel) > highest(of: others, in: probability, at: pixel)
        }
    }

    private func highest(of maps: [Int], in probability: [Float], at pixel: Int) -> Float {
        var best = -Float.infinity
        for map in maps {
            best = max(best, probability[map * rows * columns + pixel])
        }
        return best
    }
}

/// Returns how many pixels in a row are alike, in turns, the first turn being no lesion: `[0, 3]` is three of lesion.
func runLengths(of mask: [Bool]) -> [Int] {
    var runs: [Int] = []
    var current = false
    var length = 0
    for pixel in mask {
        if pixel == current {
            length += 1
        } else {
            runs.append(length)
            current = pixel
            length = 1
        }
    }
    runs.append(length)
    return runs
}
