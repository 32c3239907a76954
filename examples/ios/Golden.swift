// A bundle's texts, ids, arrays and golden vectors, for iOS and macOS. docs/bundle.md says what the fields mean and why
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
        let allowed = allowedFlips(rate, examples)
        if counted > allowed { failures.append("\(counted) of \(examples) labels flip") }
    }
    return failures
}

private func allowedFlips(_ rate: Double, _ count: Int) -> Int {
    rate == 0 ? 0 : max(1, Int(rate * Double(count) + 1e-9))
}

// MARK: - Arrays

/// The manifest of a bundle of arrays.
struct ArrayManifest: Decodable {
    struct End: Decodable { let name: String, shape: [Int?], timed: Bool?, activation: String? }
    struct State: Decodable { let name: String, output: String, shape: [Int?] }
    struct Signature: Decodable {
        let inputs: [End], outputs: [End], states: [State], chunk: Int?
    }
    struct Tolerance: Decodable {
        let maxAbs: Double?, meanAbs: Double?, flipRate: Double?, flipMargin: Double
    }
    struct Own: Decodable { let name: String, share: Double }
    struct Variant: Decodable {
        let name: String, file: String, batch: Int?, tolerance: Tolerance
    }
    let schema: Int, labels: [String], signature: Signature, variants: [Variant]
    let ownRounding: [Own]?
}

/// An array, row by row; the first number of `shape` counts the examples. Of ids `floats` is empty, of all
/// others `ints` is.
struct Values {
    var shape: [Int]
    var floats: [Float] = []
    var ints: [Int32] = []

    /// The numbers [from, to) of these examples along axis 1, or all of them.
    func part(_ rows: [Int], _ from: Int = 0, _ to: Int? = nil) -> Values {
        let row = shape.dropFirst().reduce(1, *)
        let step = to == nil ? row : row / shape[1]
        let begin = to == nil ? 0 : from * step
        let end = to.map { $0 * step } ?? row
        var found = Values(shape: shape)
        found.shape[0] = rows.count
        if let to { found.shape[1] = to - from }
        for at in rows {
            if !floats.isEmpty { found.floats += floats[at * row + begin..<at * row + end] }
            if !ints.isEmpty { found.ints += ints[at * row + begin..<at * row + end] }
        }
        return found
    }

    static func zeros(_ shape: [Int]) -> Values {
        Values(shape: shape, floats: Array(repeating: 0, count: shape.reduce(1, *)))
    }
}

typealias Arrays = [String: Values]

/// Examples of the same shapes: what each is a case of, inputs and Keras's outputs by name. The first group has
/// each output's scale and the least difference that it tells, for each column; none in older files.
struct GoldenGroup { let cases: [String], inputs: Arrays, outputs: Arrays, scales: Arrays, least: Arrays }

enum GoldenError: Error { case notRead(String) }

/// The groups in golden.npz, a zip of .npy files, stored or deflated.
func goldenGroups(_ file: URL) throws -> [GoldenGroup] {
    let bytes = try [UInt8](Data(contentsOf: file))
    func number(_ at: Int, _ size: Int) -> Int {
        (0..<size).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
    // the list of files ends here, unless a comment follows
    var end = bytes.count - 22
    while end >= 0, number(end, 4) != 0x0605_4b50 { end -= 1 }
    guard end >= 0 else { throw GoldenError.notRead("it is no whole zip file") }
    var arrays: Arrays = [:]
    var cases: [String: [String]] = [:]
    var at = number(end + 16, 4)
    for _ in 0..<number(end + 10, 2) {
        let letters = number(at + 28, 2), local = number(at + 42, 4)
        var name = String(decoding: bytes[at + 46..<at + 46 + letters], as: UTF8.self)
        if name.hasSuffix(".npy") { name.removeLast(4) }
        let begin = local + 30 + number(local + 26, 2) + number(local + 28, 2)
        var content = Data(bytes[begin..<begin + number(at + 20, 4)])
        // what Foundation calls zlib is deflate without zlib's frame, as in a zip
        if number(at + 10, 2) == 8 { content = try (content as NSData).decompressed(using: .zlib) as Data }
        try readNpy([UInt8](content), name, &arrays, &cases)
        at += 46 + letters + number(at + 30, 2) + number(at + 32, 2)
    }
    func named(_ prefix: String) -> Arrays {
        let found = arrays.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(uniqueKeysWithValues: found.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }
    return (0..<cases.count).map { group in
        GoldenGroup(
            cases: cases["\(group)/case"] ?? [], inputs: named("\(group)/in/"),
            outputs: named("\(group)/out/"), scales: named("\(group)/scale/"),
            least: named("\(group)/least/"))
    }
}

/// Puts an array where it belongs: numbers, or strings (what each example is a case of).
private func readNpy(
    _ bytes: [UInt8], _ name: String, _ arrays: inout Arrays, _ cases: inout [String: [String]]
) throws {
    let old = bytes[6] == 1
    let begin = old ? 10 : 12
    let size = (0..<(old ? 2 : 4)).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let header = String(decoding: bytes[begin..<begin + size], as: UTF8.self)
    func between(_ start: String, _ stop: String) -> String {
        guard let from = header.range(of: start)?.upperBound,
            let to = header.range(of: stop, range: from..<header.endIndex)?.lowerBound
        else { return "" }
        return String(header[from..<to])
    }
    let kind = between("'descr': '", "'")
    let shape = between("'shape': (", ")").split(separator: ",").compactMap {
        Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard header.contains("'fortran_order': False") else {
        throw GoldenError.notRead("\(name) is not row by row")
    }
    let words = stride(from: begin + size, to: bytes.count, by: 4).map { at in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
    }
    if kind == "<f4" {
        arrays[name] = Values(shape: shape, floats: words.map { Float(bitPattern: $0) })
    } else if kind == "<i4" {
        arrays[name] = Values(shape: shape, ints: words.map { Int32(bitPattern: $0) })
    } else if kind.hasPrefix("<U"), let letters = Int(kind.dropFirst(2)) {
        cases[name] = (0..<(shape.first ?? 1)).map { row in
            let points = words[row * letters..<(row + 1) * letters]
            return String(String.UnicodeScalarView(points.filter { $0 != 0 }.compactMap(Unicode.Scalar.init)))
        }
    } else {
        throw GoldenError.notRead("\(name) is an array of \(kind)")
    }
}

/// A file's outputs for inputs by name; a stream is fed from its first step to its last.
///
/// - Parameter call: runs the file once: arrays by name in and out
func outputs(
    _ signature: ArrayManifest.Signature, _ inputs: Arrays, _ call: (Arrays) throws -> Arrays
) throws -> Arrays {
    if signature.states.isEmpty { return try call(inputs) }
    let timed = signature.inputs.filter { $0.shape.count > 1 && $0.shape[1] == nil }.map { $0.name }
    let first = inputs[timed[0]]!
    let rows = Array(0..<first.shape[0]), size = signature.chunk ?? 1
    var fed: Arrays = [:]
    for state in signature.states {
        fed[state.name] = .zeros([rows.count] + state.shape.dropFirst().map { $0 ?? 1 })
    }
    var calls: [Arrays] = []
    for begin in stride(from: 0, to: first.shape[1], by: size) {
        var piece = inputs.merging(fed) { $1 }
        for name in timed { piece[name] = inputs[name]!.part(rows, begin, begin + size) }
        calls.append(try call(piece))
        for state in signature.states { fed[state.name] = calls.last![state.output] }
    }
    var found: Arrays = [:]
    for output in signature.outputs {
        let parts = calls.map { $0[output.name]! }
        found[output.name] = output.timed == true ? joined(parts) : parts.last!
    }
    return found
}

/// One array of several, along axis 1.
private func joined(_ parts: [Values]) -> Values {
    var all = Values(shape: parts[0].shape)
    all.shape[1] = parts.reduce(0) { $0 + $1.shape[1] }
    for row in 0..<all.shape[0] {
        for part in parts { all.floats += part.part([row]).floats }
    }
    return all
}

/// Holds a variant of a bundle of arrays against golden.npz: a sentence for each way in which it is wrong.
/// Differences are shares of the outputs' scales.
///
/// - Parameter call: as for `outputs`
func checkGolden(
    _ golden: [GoldenGroup], _ variant: ArrayManifest.Variant, _ manifest: ArrayManifest,
    call: (Arrays) throws -> Arrays
) throws -> [String] {
    let limits = variant.tolerance, signature = manifest.signature
    let limit = limits.maxAbs ?? limits.meanAbs ?? 1e-5
    var own: [String: Double] = [:]
    for one in manifest.ownRounding ?? [] { own[one.name] = one.share }
    var scales: [String: [Double]] = [:]
    for output in signature.outputs {
        let tiny = Double(Float.leastNormalMagnitude)
        if let usual = golden[0].scales[output.name], let least = golden[0].least[output.name] {
            scales[output.name] = zip(usual.floats, least.floats).map { max(Double($0), Double($1) / limit, tiny) }
        } else {
            let all = golden.flatMap { $0.outputs[output.name]!.floats }
            scales[output.name] = [all.reduce(tiny) { max($0, Double(abs($1))) }]
        }
    }
    var (counted, decisions) = (0, 0)
    var all: [String: (greatest: Double, sum: Double, count: Double)] = [:]
    var kinds: [String: [Double]] = [:]
    let size = variant.batch ?? 1
    for group in golden {
        for begin in stride(from: 0, to: group.cases.count, by: size) {
            // a last call is filled up with its last example
            let rows = (begin..<begin + size).map { min($0, group.cases.count - 1) }
            let found = try outputs(signature, group.inputs.mapValues { $0.part(rows) }, call)
            for row in begin..<min(begin + size, group.cases.count) {
                var (most, mean) = (0.0, 0.0)
                var flips: [Float] = []  // how far Keras is from another label there
                for output in signature.outputs {
                    let name = output.name, keras = group.outputs[name]!
                    let expected = keras.part([row]).floats
                    let ours = found[name]!.part([row - begin]).floats
                    if ours.count != expected.count {
                        return ["\(name) has \(ours.count) numbers, not \(expected.count)"]
                    }
                    let scale = scales[name]!
                    let off = expected.indices.map { i -> Double in
                        let share = abs(Double(ours[i]) - Double(expected[i])) / scale[i % scale.count]
                        return share.isFinite ? share : .infinity  // no number is as wrong as can be
                    }
                    let sum = off.reduce(0, +), before = all[name] ?? (0, 0, 0)
                    all[name] = (
                        max(before.greatest, off.max() ?? 0), before.sum + sum,
                        before.count + Double(off.count)
                    )
                    most = max(most, off.max() ?? 0)
                    mean = max(mean, sum / Double(off.count))
                    if output.activation != "softmax" && output.activation != "sigmoid" { continue }
                    let width = output.activation == "softmax" ? keras.shape.last! : 1
                    for at in stride(from: 0, to: expected.count, by: width) {
                        let p = Array(expected[at..<at + width]), q = Array(ours[at..<at + width])
                        decisions += 1
                        // of what is no number there is no greatest, and it is wrong already
                        if q.allSatisfy({ $0.isFinite }) && classOf(p) != classOf(q) { flips.append(margin(p)) }
                    }
                }
                // nobody decides on drawn inputs, nor where Keras's own rounding does
                var near = group.cases[row] == "as given" ? limits.flipMargin : limit
                if let allowed = limits.maxAbs, most > allowed { near = max(near, own.values.max() ?? 0) }
                counted += flips.filter { Double($0) > near }.count
                kinds[group.cases[row], default: []].append(mean)
            }
        }
    }
    var failures: [String] = []
    func hold(_ what: String, _ value: Double, _ limit: Double?) {
        if let limit, value > limit { failures.append("\(what) relative Δ \(value) is above \(limit)") }
    }
    for (name, found) in all.sorted(by: { $0.key < $1.key }) {
        hold("\(name): max", found.greatest, limits.maxAbs.map { max($0, own[name] ?? 0) })
    }
    hold("mean", all.values.map { $0.sum / $0.count }.max() ?? 0, limits.meanAbs)
    for (kind, means) in kinds.sorted(by: { $0.key < $1.key }) {
        hold("\(kind): mean", means.reduce(0, +) / Double(means.count), limits.meanAbs)
    }
    if let rate = limits.flipRate, counted > allowedFlips(rate, decisions) {
        failures.append("\(counted) of \(decisions) labels flip")
    }
    return failures
}
