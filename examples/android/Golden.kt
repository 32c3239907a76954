// A bundle's texts, ids and golden vectors, for Android and any JVM. docs/bundle.md says what the fields mean
// and why the rules are as they are; docs/devices.md how to run the files. Android has org.json in it.

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
        val rate = limits.getDouble("flip_rate")
        val allowed = if (rate == 0.0) 0 else maxOf(1, (rate * examples + 1e-9).toInt())
        if (counted > allowed) failures += "$counted of $examples labels flip"
    }
    return failures
}
