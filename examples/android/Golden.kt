// A bundle's texts, ids, arrays and golden vectors, for Android and any JVM. docs/bundle.md says what the fields mean
// and why the rules are as they are; docs/devices.md how to run the files. Android has org.json in it.

import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipInputStream
import kotlin.math.abs
import org.json.JSONArray
import org.json.JSONObject

/** A text's ids; the arguments are the bundle's vocab.txt and `tokenizer` in its manifest. */
class Tokenizer(vocabulary: String, private val settings: JSONObject) {
    private val split = settings.getString("split")
    private val filters = settings.getString("filters").codePoints().toArray().toSet()
    private val deleted = settings.optString("deleted").codePoints().toArray().toSet()
    private val pattern = if (settings.isNull("pattern")) null else Regex(settings.getString("pattern"))
    private val ids = HashMap<String, Int>()

    init {
        val first = settings.getInt("first_word_id")
        val lines = vocabulary.replace("\r\n", "\n").removeSuffix("\n").split("\n")
        lines.forEachIndexed { id, line -> if (id >= first) ids[unescaped(line)] = id }
    }

    fun encode(text: String): IntArray {
        val lowered = when {
            !settings.getBoolean("lower") -> text
            settings.optBoolean("lower_ascii") -> text.replace(Regex("[A-Z]")) { it.value.lowercase() }
            else -> text.lowercase() // without a locale: Turkish phones lower-case I otherwise
        }
        val changed = StringBuilder()
        for (point in lowered.codePoints().toArray()) {
            if (point in deleted) continue
            if (point in filters) changed.append(split) else changed.appendCodePoint(point)
        }
        val found = listOf(id("start_id")) + words(changed).map { ids[it] ?: id("unknown_id") }
        return kept(found.filterNotNull(), settings).toIntArray()
    }

    private fun words(text: CharSequence): List<String> {
        val words = when {
            pattern != null -> pattern.findAll(text).map { it.value }.toList()
            settings.optBoolean("characters") ->
                text.codePoints().toArray().map { String(Character.toChars(it)) }
            else -> text.split(split)
        }
        return words.filter { it.isNotEmpty() }
    }

    private fun id(name: String) = if (settings.isNull(name)) null else settings.getInt(name)

    private fun unescaped(line: String) =
        Regex("\\\\u([0-9a-f]{4})").replace(line) { it.groupValues[1].toInt(16).toChar().toString() }
}

fun kept(ids: List<Int>, settings: JSONObject): List<Int> {
    val most = settings.getInt("max_length")
    return if (settings.optString("truncating") == "post") ids.take(most) else ids.takeLast(most)
}

/** Ids as a file takes them: at most `max_length`, and pads on their side of them where there must be. */
fun padded(ids: IntArray, variant: JSONObject, manifest: JSONObject): IntArray {
    val settings = manifest.getJSONObject("tokenizer")
    val kept = kept(ids.toList(), settings)
    val pads = manifest.optString("pads", "any")
    val length = variant.getJSONArray("inputs").getJSONObject(0).getJSONArray("shape").getInt(1)
    val size = when {
        length > 0 -> length
        pads == "front" || pads == "behind" -> settings.getInt("max_length")
        else -> maxOf(1, kept.size)
    }
    val lacking = List(size - kept.size) { settings.getInt("pad_id") }
    return (if (pads == "behind") kept + lacking else lacking + kept).toIntArray()
}

fun numbers(array: JSONArray) = FloatArray(array.length()) { array.getDouble(it).toFloat() }

fun classOf(p: FloatArray) =
    if (p.size == 1) (if (p[0] > 0.5f) 1 else 0) else p.indices.maxByOrNull { p[it] }!!

fun margin(p: FloatArray): Float {
    if (p.size == 1) return abs(p[0] - 0.5f)
    val (first, second) = p.sortedDescending()
    return (first - second) / 2
}

/**
 * Holds a variant against golden.json: a sentence for each way in which it is wrong.
 *
 * @param variant its entry in the manifest's `variants`
 * @param run the K numbers for a case; null where the file cannot take it (a case without a text)
 */
fun checkGolden(
    golden: JSONObject,
    variant: JSONObject,
    run: (text: String?, ids: IntArray) -> FloatArray?,
): List<String> {
    val limits = variant.getJSONObject("tolerance")
    val most = if (limits.isNull("max_abs")) null else limits.getDouble("max_abs")
    val failures = mutableListOf<String>()
    var (examples, counted) = listOf(0, 0)
    var worst = 0.0
    for (part in listOf("cases", "edge")) {
        val cases = golden.getJSONArray(part)
        for (i in 0 until cases.length()) {
            val case = cases.getJSONObject(i)
            val given = case.getJSONArray("ids")
            val text = if (case.has("text")) case.getString("text") else null
            val ours = run(text, IntArray(given.length()) { given.getInt(it) }) ?: continue
            val keras = numbers(case.getJSONArray("probabilities"))
            val sound = ours.size == keras.size && ours.all { it.isFinite() }
            val off = if (sound) keras.indices.maxOf { abs(keras[it].toDouble() - ours[it]) } else 1.0
            if (!sound) failures += "an answer that is not ${keras.size} numbers"
            if (part == "edge") {
                if (off > (most ?: 0.1)) failures += "${case.getString("name")}: differs by $off"
                continue
            }
            examples += 1
            worst = maxOf(worst, off)
            val flipped = !sound || classOf(ours) != classOf(keras)
            if (flipped && margin(keras) > limits.getDouble("flip_margin")) counted += 1
        }
    }
    if (most != null && worst > most) failures += "max |Δp| $worst is above $most"
    if (!limits.isNull("flip_rate")) {
        val allowed = allowedFlips(limits.getDouble("flip_rate"), examples)
        if (counted > allowed) failures += "$counted of $examples labels flip"
    }
    return failures
}

private fun allowedFlips(rate: Double, count: Int) =
    if (rate == 0.0) 0 else maxOf(1, (rate * count + 1e-9).toInt())

// ---------------------------------------------------------------- arrays

private const val TINY = 1.17549435e-38 // the least normal number of float32

/** An array, row by row; the first number of [shape] counts the examples. [data]: FloatArray or IntArray. */
class Values(val shape: IntArray, val data: Any) {
    val floats get() = data as FloatArray
    val size get() = shape.fold(1, Int::times)

    /** Each example's numbers [from, to) along axis 1, or all of them; each example as often as asked. */
    fun part(rows: List<Int>, from: Int = 0, to: Int? = null): Values {
        val row = size / shape[0]
        val step = if (to == null) row else row / shape[1]
        val (begin, end) = if (to == null) Pair(0, row) else Pair(from * step, to * step)
        val places = rows.flatMap { (it * row + begin) until (it * row + end) }
        val kept = shape.copyOf()
        kept[0] = rows.size
        if (to != null) kept[1] = to - from
        return when (data) {
            is IntArray -> Values(kept, IntArray(places.size) { data[places[it]] })
            else -> Values(kept, FloatArray(places.size) { floats[places[it]] })
        }
    }
}

/**
 * Examples of the same shapes: what each is a case of, inputs and Keras's outputs by name. The first group has
 * each output's scale and the least difference that it tells, for each column; none in older files.
 */
class Group(
    val cases: List<String>,
    val inputs: Map<String, Values>,
    val outputs: Map<String, Values>,
    val scales: Map<String, Values>,
    val least: Map<String, Values>,
)

/** The groups in golden.npz, a zip of .npy files. */
fun readGolden(file: InputStream): List<Group> {
    val arrays = LinkedHashMap<String, Any>()
    ZipInputStream(file).use { zip ->
        while (true) {
            val entry = zip.nextEntry ?: break
            arrays[entry.name.removeSuffix(".npy")] = readNpy(zip.readBytes())
        }
    }
    fun named(prefix: String) =
        arrays.filterKeys { it.startsWith(prefix) }
            .map { (name, value) -> name.removePrefix(prefix) to value as Values }.toMap()
    return generateSequence(0) { it + 1 }.takeWhile { "$it/case" in arrays }.map {
        val cases = (arrays.getValue("$it/case") as List<*>).map(Any?::toString)
        Group(cases, named("$it/in/"), named("$it/out/"), named("$it/scale/"), named("$it/least/"))
    }.toList()
}

/** Values, or of an array of strings a list of them. */
private fun readNpy(bytes: ByteArray): Any {
    val buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
    val old = bytes[6].toInt() == 1
    val begin = if (old) 10 else 12
    val end = begin + if (old) buffer.getShort(8).toInt() else buffer.getInt(8)
    val header = String(bytes, begin, end - begin, Charsets.UTF_8)
    val kind = Regex("'descr': '([^']+)'").find(header)!!.groupValues[1]
    val numbers = Regex("'shape': \\(([^)]*)\\)").find(header)!!.groupValues[1]
    val shape = Regex("\\d+").findAll(numbers).map { it.value.toInt() }.toList().toIntArray()
    val count = shape.fold(1, Int::times)
    require("'fortran_order': False" in header) { "an array that is not row by row" }
    buffer.position(end)
    return when {
        kind == "<f4" -> Values(shape, FloatArray(count).also { buffer.asFloatBuffer().get(it) })
        kind == "<i4" -> Values(shape, IntArray(count).also { buffer.asIntBuffer().get(it) })
        kind.startsWith("<U") -> List(count) {
            val text = StringBuilder()
            repeat(kind.drop(2).toInt()) { buffer.getInt().let { c -> if (c != 0) text.appendCodePoint(c) } }
            text.toString()
        }
        else -> throw IllegalArgumentException("an array of $kind")
    }
}

private fun JSONArray.objects() = (0 until length()).map { getJSONObject(it) }

private fun shapeOf(one: JSONObject): List<Int?> {
    val shape = one.getJSONArray("shape")
    return (0 until shape.length()).map { if (shape.isNull(it)) null else shape.getInt(it) }
}

/**
 * A file's outputs for inputs by name; a stream is fed from its first step to its last.
 *
 * @param signature the manifest's
 * @param call runs the file once: arrays by name in and out
 */
fun outputsOf(
    signature: JSONObject,
    inputs: Map<String, Values>,
    call: (Map<String, Values>) -> Map<String, Values>,
): Map<String, Values> {
    val states = signature.getJSONArray("states").objects()
    if (states.isEmpty()) return call(inputs)
    val timed = signature.getJSONArray("inputs").objects()
        .filter { shapeOf(it).let { shape -> shape.size > 1 && shape[1] == null } }
        .map { it.getString("name") }
    val rows = (0 until inputs.getValue(timed[0]).shape[0]).toList()
    val steps = inputs.getValue(timed[0]).shape[1]
    val size = if (signature.isNull("chunk")) 1 else signature.getInt("chunk")
    var fed = states.associate { state ->
        val shape = shapeOf(state).map { it ?: 1 }.toIntArray().also { it[0] = rows.size }
        state.getString("name") to Values(shape, FloatArray(shape.fold(1, Int::times)))
    }
    val calls = mutableListOf<Map<String, Values>>()
    for (begin in 0 until steps step size) {
        val piece = inputs.mapValues { (name, value) ->
            if (name in timed) value.part(rows, begin, begin + size) else value
        }
        calls += call(piece + fed)
        fed = states.associate { it.getString("name") to calls.last().getValue(it.getString("output")) }
    }
    return signature.getJSONArray("outputs").objects().associate { output ->
        val name = output.getString("name")
        val parts = calls.map { it.getValue(name) }
        name to if (output.getBoolean("timed")) joined(parts) else parts.last()
    }
}

/** One array of several, along axis 1. */
private fun joined(parts: List<Values>): Values {
    val shape = parts[0].shape.copyOf().also { it[1] = parts.sumOf { part -> part.shape[1] } }
    val all = FloatArray(shape.fold(1, Int::times))
    var at = 0
    for (row in 0 until shape[0]) {
        for (part in parts) {
            val size = part.size / shape[0]
            part.floats.copyInto(all, at, row * size, (row + 1) * size)
            at += size
        }
    }
    return Values(shape, all)
}

/**
 * Holds a variant of a bundle of arrays against golden.npz: a sentence for each way in which it is wrong.
 * Differences are shares of the outputs' scales.
 *
 * @param variant its entry in the manifest's `variants`
 * @param call as for [outputsOf]
 */
fun checkGolden(
    golden: List<Group>,
    variant: JSONObject,
    manifest: JSONObject,
    call: (Map<String, Values>) -> Map<String, Values>,
): List<String> {
    val limits = variant.getJSONObject("tolerance")
    fun limit(name: String) = if (limits.isNull(name)) Double.POSITIVE_INFINITY else limits.getDouble(name)
    val either = minOf(limit("max_abs"), limit("mean_abs")) // no file has both
    val signature = manifest.getJSONObject("signature")
    val ends = signature.getJSONArray("outputs").objects().associateBy { it.getString("name") }
    val own = (manifest.optJSONArray("own_rounding") ?: JSONArray()).objects()
        .associate { it.getString("name") to it.getDouble("share") }
    val scales = ends.keys.associateWith { name ->
        val given = golden[0].scales[name]?.floats
        val least = golden[0].least[name]?.floats
        val greatest = golden.maxOf { group -> group.outputs.getValue(name).floats.maxOf { abs(it) } }
        DoubleArray(given?.size ?: 1) {
            val usual = (if (given == null) greatest else given[it]).toDouble()
            maxOf(usual, (if (least == null) 0f else least[it]) / either, TINY)
        }
    }
    var (counted, decisions) = listOf(0, 0)
    val all = scales.keys.associateWith { doubleArrayOf(0.0, 0.0, 0.0) } // greatest, sum, count
    val kinds = LinkedHashMap<String, MutableList<Double>>()
    for (group in golden) {
        val size = if (variant.isNull("batch")) 1 else variant.getInt("batch")
        for (begin in group.cases.indices step size) {
            // a last call is filled up with its last example
            val rows = (begin until begin + size).map { minOf(it, group.cases.size - 1) }
            val found = outputsOf(signature, group.inputs.mapValues { it.value.part(rows) }, call)
            for (row in begin until minOf(begin + size, group.cases.size)) {
                var (most, mean) = listOf(0.0, 0.0)
                val flips = mutableListOf<Float>() // how far Keras is from another label there
                for ((name, keras) in group.outputs) {
                    val expected = keras.part(listOf(row)).floats
                    val ours = found.getValue(name).part(listOf(row - begin)).floats
                    val scale = scales.getValue(name)
                    if (ours.size != expected.size) return listOf("$name has ${ours.size} numbers, not ${expected.size}")
                    val off = ours.indices.map { abs(ours[it] - expected[it].toDouble()) / scale[it % scale.size] }
                        .map { if (it.isFinite()) it else Double.POSITIVE_INFINITY } // as wrong as can be
                    val (greatest, sum, count) = all.getValue(name)
                    val now = doubleArrayOf(maxOf(greatest, off.max()), sum + off.sum(), count + off.size)
                    now.copyInto(all.getValue(name))
                    most = maxOf(most, off.max())
                    mean = maxOf(mean, off.average())
                    val width = when (ends.getValue(name).getString("activation")) {
                        "softmax" -> keras.shape.last()
                        "sigmoid" -> 1
                        else -> continue
                    }
                    for (at in expected.indices step width) {
                        val (p, q) = listOf(expected, ours).map { it.copyOfRange(at, at + width) }
                        decisions += 1
                        if (classOf(p) != classOf(q)) flips += margin(p)
                    }
                }
                // nobody decides on drawn inputs, nor where Keras's own rounding does
                var near = if (group.cases[row] == "as given") limits.getDouble("flip_margin") else either
                if (most > limit("max_abs")) near = maxOf(near, own.values.maxOrNull() ?: 0.0)
                counted += flips.count { it > near }
                kinds.getOrPut(group.cases[row]) { mutableListOf() } += mean
            }
        }
    }
    val mean = all.values.maxOf { it[1] / it[2] }
    val each = limit("mean_abs")
    val flips = if (limits.isNull("flip_rate")) decisions else allowedFlips(limits.getDouble("flip_rate"), decisions)
    return all.mapNotNull { (name, found) ->
        val most = maxOf(limit("max_abs"), own[name] ?: 0.0)
        "$name: max relative Δ ${found[0]} is above $most".takeIf { found[0] > most }
    } + listOfNotNull(
        "mean relative Δ $mean is above $each".takeIf { mean > each },
        "$counted of $decisions labels flip".takeIf { counted > flips },
    ) + kinds.mapNotNull { (kind, means) ->
        "$kind: mean relative Δ ${means.average()} is above $each".takeIf { means.average() > each }
    }
}
