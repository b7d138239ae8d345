// skinseg-check BUNDLE [-o FILE] [--artefact NAME]... [--repeats N] [--force]

import Foundation
import SkinsegReceipt

private let usage = """
    usage: skinseg-check BUNDLE [-o FILE] [--artefact NAME]... [--repeats N] [--force]

    Runs the golden cases of BUNDLE through Core ML on every choice of compute units and writes a receipt, which
    skinseg-verify BUNDLE --receipt FILE checks into the bundle.

      -o FILE           where the receipt goes (default: receipt.json in the current folder)
      --artefact NAME   only this Core ML artefact of the bundle; may be given several times
      --repeats N       predictions that are timed for each choice (default: 50, at most 1000)
      --force           replace a file that is there

    """

private struct Options {
    var bundle: String?
    var output = "receipt.json"
    var artefacts: [String] = []
    var repeats = 50
    var isForced = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--force": isForced = true
            case "-o": output = try Options.value(of: argument, from: &rest)
            case "--artefact": artefacts.append(try Options.value(of: argument, from: &rest))
            case "--repeats": repeats = try Options.count(of: argument, from: &rest)
            default:
                guard bundle == nil, !argument.hasPrefix("-") else {
                    throw CheckFailure("cannot understand '\(argument)'\n\n\(usage)")
                }
                bundle = argument
            }
        }
    }

    private static func value(of option: String, from rest: inout ArraySlice<String>) throws -> String {
        guard let value = rest.popFirst() else { throw CheckFailure("cannot use \(option): nothing comes after it") }
        return value
    }

    private static func count(of option: String, from rest: inout ArraySlice<String>) throws -> Int {
        let text = try value(of: option, from: &rest)
        guard let count = Int(text), (1...1000).contains(count) else {
            throw CheckFailure("cannot use \(option) \(text): expected a whole number from 1 to 1000")
        }
        return count
    }
}

@main
private struct Command {
    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.isEmpty || arguments.contains("--help") {
            print(usage, terminator: "")
            exit(arguments.isEmpty ? 2 : 0)
        }
        do {
            try await check(Options(arguments))
        } catch {
            say(String(describing: error))
            exit(2)
        }
    }

    private static func check(_ options: Options) async throws {
        guard let bundle = options.bundle else { throw CheckFailure("cannot check: no bundle was named\n\n\(usage)") }
        if !options.isForced, FileManager.default.fileExists(atPath: options.output) {
            throw CheckFailure("cannot write \(options.output): it exists already; add --force to replace it")
        }
        let made = try await receipt(
            of: CheckedBundle(at: URL(fileURLWithPath: bundle)),
            names: options.artefacts,
            repeats: options.repeats,
            progress: say
        )
        try made.json().write(to: URL(fileURLWithPath: options.output), options: .atomic)
        for run in made.runs where !run.failure.isEmpty {
            say("\(run.artefact) on \(run.computeUnits) did not run: \(run.failure)")
        }
        print(options.output)
        say("now run: skinseg-verify \(bundle) --receipt \(options.output)")
    }
}

private func say(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}
