// A bundle's texts, ids and golden vectors, for iOS and macOS. docs/bundle.md says what the fields mean and why
// the rules are as they are; docs/devices.md how to run the files. Not compiled where it was written.

import Foundation

struct Manifest: Decodable {
    struct Settings: Decodable {
        let maxLength: Int, lower: Bool, filters: String, split: String
        let padId: Int32, startId: Int32?, unknownId: Int32?, firstWordId: Int
        let truncating: String?, lowerAscii: Bool?, deleted: String?, characters: Bool?, pattern: String?

        func kept(_ ids: [Int32]) -> [Int32] {
            Array(truncating == "post" ? ids.prefix(maxLength) : ids.suffix(maxLength))
        }
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
    private let filters: Set<Unicode.Scalar>, deleted: Set<Unicode.Scalar>
    private let pattern: NSRegularExpression?
    private var ids: [[UInt8]: Int32] = [:]

    /// - Parameter vocabulary: the bytes of vocab.txt
    init(vocabulary: Data, settings: Manifest.Settings) throws {
        self.settings = settings
        filters = Set(settings.filters.unicodeScalars)
        deleted = Set((settings.deleted ?? "").unicodeScalars)
        pattern = try settings.pattern.map { try NSRegularExpression(pattern: $0) }
        var lines = [UInt8](vocabulary).split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (id, line) in lines.enumerated() where id >= settings.firstWordId {
            ids[Self.unescaped(line.last == 13 ? line.dropLast() : line)] = Int32(id)
        }
    }

    func encode(_ text: String) -> [Int32] {
        let words = self.words(changed(text)).filter { !$0.isEmpty }
        let found: [Int32?] = [settings.startId] + words.map { ids[$0] ?? settings.unknownId }
        return settings.kept(found.compactMap { $0 })
    }

    /// Lower-cased, without what is deleted, and with the separator for what is filtered.
    private func changed(_ text: String) -> String {
        let ascii = settings.lower && settings.lowerAscii == true
        var changed = String.UnicodeScalarView()
        for scalar in (settings.lower && !ascii ? text.lowercased() : text).unicodeScalars {
            let capital = ascii && (65...90).contains(scalar.value)
            let small = capital ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar
            if deleted.contains(small) { continue }
            if filters.contains(small) {
                changed.append(contentsOf: settings.split.unicodeScalars)
            } else {
                changed.append(small)
            }
        }
        return String(changed)
    }

    private func words(_ text: String) -> [[UInt8]] {
        if let pattern = pattern {
            let whole = NSString(string: text)
            let matches = pattern.matches(in: text, range: NSRange(location: 0, length: whole.length))
            return matches.map { [UInt8](whole.substring(with: $0.range).utf8) }
        }
        if settings.characters == true { return text.unicodeScalars.map { [UInt8](String($0).utf8) } }
        let separator = [UInt8](settings.split.utf8)
        var words: [[UInt8]] = [[]]
        var rest = [UInt8](text.utf8)[...]
        while let byte = rest.first {
            if rest.starts(with: separator) {
                words.append([])
                rest = rest.dropFirst(separator.count)
            } else {
                words[words.count - 1].append(byte)
                rest = rest.dropFirst()
            }
        }
        return words
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

/// Ids as a file takes them: at most `maxLength`, and pads on their side of them where there must be.
func padded(_ ids: [Int32], _ variant: Manifest.Variant, _ manifest: Manifest) -> [Int32] {
    let settings = manifest.tokenizer
    let kept = settings.kept(ids)
    var size = variant.inputs[0].shape[1]
    if size < 0 {
        let full = manifest.pads == "front" || manifest.pads == "behind"
        size = full ? settings.maxLength : max(1, kept.count)
    }
    let lacking = Array(repeating: settings.padId, count: size - kept.count)
    return manifest.pads == "behind" ? kept + lacking : lacking + kept
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
