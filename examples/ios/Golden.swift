// A bundle's texts, ids and golden vectors, for iOS and macOS. docs/bundle.md says what the fields mean and why
// the rules are as they are; docs/devices.md how to run the files. Not compiled where it was written.

import Foundation

struct Manifest: Decodable {
    struct Settings: Decodable {
        let maxLength: Int, lower: Bool, filters: String, split: String
        let padId: Int32, startId: Int32?, unknownId: Int32?, firstWordId: Int
    }
    struct End: Decodable { let name: String, dtype: String, shape: [Int] }
    struct Tolerance: Decodable { let maxAbs: Double?, flipRate: Double?, flipMargin: Float }
    struct Variant: Decodable {
        let name: String, file: String, inputs: [End], outputs: [End], tolerance: Tolerance
    }
    let schema: Int, pads: String?, tokenizer: Settings, variants: [Variant]
}

struct Golden: Decodable {
    struct Case: Decodable {
        let name: String?, text: String?, ids: [Int32], probabilities: [Float]
    }
    let cases: [Case], edge: [Case]
}

/// Reads manifest.json or golden.json.
func decoded<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(contentsOf: file))
}

/// A text's ids. Words are compared byte by byte in UTF-8: two Swift strings are also equal where their
/// characters only look alike ("é" as one code point and as two), which are different words here.
struct Tokenizer {
    private let settings: Manifest.Settings
    private let filters: Set<Unicode.Scalar>
    private var ids: [[UInt8]: Int32] = [:]

    /// - Parameter vocabulary: the bytes of vocab.txt
    init(vocabulary: Data, settings: Manifest.Settings) {
        self.settings = settings
        filters = Set(settings.filters.unicodeScalars)
        var lines = [UInt8](vocabulary).split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (id, line) in lines.enumerated() where id >= settings.firstWordId {
            ids[Self.unescaped(line.last == 13 ? line.dropLast() : line)] = Int32(id)
        }
    }

    func encode(_ text: String) -> [Int32] {
        let lowered = settings.lower ? text.lowercased() : text
        let separator = [UInt8](settings.split.utf8)
        var changed: [UInt8] = []
        for scalar in lowered.unicodeScalars {
            changed += filters.contains(scalar) ? separator : [UInt8](String(scalar).utf8)
        }
        var found: [Int32] = []
        if let start = settings.startId { found.append(start) }
        var word: [UInt8] = []
        var rest = changed[...]
        while true {
            let ends = rest.isEmpty || rest.starts(with: separator)
            if ends, !word.isEmpty {
                if let id = ids[word] ?? settings.unknownId { found.append(id) }
                word = []
            }
            if rest.isEmpty { break }
            if ends {
                rest = rest.dropFirst(separator.count)
            } else {
                word.append(rest.removeFirst())
            }
        }
        return Array(found.suffix(settings.maxLength))
    }

    /// Every backslash is written as an escape, so that one always begins one: \u and four digits.
    private static func unescaped(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = line
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\") {
                let digits = String(decoding: rest.dropFirst(2).prefix(4), as: UTF8.self)
                let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
                bytes += [UInt8](String(scalar).utf8)
                rest = rest.dropFirst(6)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }
}

/// Ids as a file takes them: the last `maxLength`, and pads in front of them where there must be.
func padded(_ ids: [Int32], _ variant: Manifest.Variant, _ manifest: Manifest) -> [Int32] {
    let settings = manifest.tokenizer
    let kept = ids.suffix(settings.maxLength)
    var size = variant.inputs[0].shape[1]
    if size < 0 { size = manifest.pads == "front" ? settings.maxLength : max(1, kept.count) }
    return Array(repeating: settings.padId, count: size - kept.count) + kept
}

func classOf(_ p: [Float]) -> Int {
    p.count == 1 ? (p[0] > 0.5 ? 1 : 0) : p.firstIndex(of: p.max()!)!
}

func margin(_ p: [Float]) -> Float {
    if p.count == 1 { return abs(p[0] - 0.5) }
    let sorted = p.sorted(by: >)
    return (sorted[0] - sorted[1]) / 2
}

/// Holds a variant against golden.json: a sentence for each way in which it is wrong.
///
/// - Parameter run: the K numbers for a case; nil where the file cannot take it (a case without a text)
func checkGolden(
    _ golden: Golden, _ variant: Manifest.Variant, run: (Golden.Case) throws -> [Float]?
) rethrows -> [String] {
    let limits = variant.tolerance
    var failures: [String] = []
    var (examples, counted, worst) = (0, 0, 0.0)
    for (cases, isEdge) in [(golden.cases, false), (golden.edge, true)] {
        for one in cases {
            guard let ours = try run(one) else { continue }
            let keras = one.probabilities
            let sound = ours.count == keras.count && ours.allSatisfy { $0.isFinite }
            let off = sound ? zip(ours, keras).map { Double(abs($0 - $1)) }.max()! : 1
            if !sound { failures.append("an answer that is not \(keras.count) numbers") }
            if isEdge {
                if off > (limits.maxAbs ?? 0.1) { failures.append("\(one.name!): differs by \(off)") }
                continue
            }
            examples += 1
            worst = max(worst, off)
            let flipped = !sound || classOf(ours) != classOf(keras)
            if flipped && margin(keras) > limits.flipMargin { counted += 1 }
        }
    }
    if let most = limits.maxAbs, worst > most { failures.append("max |Δp| \(worst) is above \(most)") }
    if let rate = limits.flipRate {
        let allowed = rate == 0 ? 0 : max(1, Int(rate * Double(examples) + 1e-9))
        if counted > allowed { failures.append("\(counted) of \(examples) labels flip") }
    }
    return failures
}
