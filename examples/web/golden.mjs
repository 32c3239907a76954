// Golden vectors of a bundle, for any JavaScript runtime: ids of the texts, inputs of the file, judgement.
// No import. docs/bundle.md says what the fields mean and why the rules are as they are.

const SCHEMA = 4; // newer bundles may mean something else
const EDGE_LIMIT = 0.1; // for an edge case, where the tolerance limits flips and not differences

/**
 * The bundle whose files `read(name)` gives as text.
 * @returns {Promise<{manifest: object, golden: object, idsOf: function|null}>} idsOf: text to ids; null
 *   where there is no vocabulary
 */
export async function openBundle(read) {
  const manifest = JSON.parse(await read('manifest.json'));
  if (!(manifest.schema <= SCHEMA) || (manifest.kind ?? 'text') !== 'text') {
    throw new Error(`the bundle takes no texts or has a schema above ${SCHEMA}`);
  }
  const golden = JSON.parse(await read('golden.json'));
  const idsOf =
    'vocab.txt' in manifest.files ? tokenizer(await read('vocab.txt'), manifest.tokenizer) : null;
  return { manifest, golden, idsOf };
}

/** A function from a text to its ids, not padded. */
export function tokenizer(vocabulary, settings) {
  const { first_word_id: first, unknown_id: unknown, start_id: start } = settings;
  const tokens = vocabulary.replaceAll('\r\n', '\n').replace(/\n$/, '').split('\n').map((line) =>
    line.replace(/\\u([0-9a-f]{4})/g, (_, code) => String.fromCharCode(parseInt(code, 16))));
  const ids = new Map(tokens.map((word, id) => [word, id]).slice(first));
  const { lower, lower_ascii: ascii, filters, deleted = '', split, characters, pattern } = settings;
  // code points, as the text is read below
  const changes = new Map([...Array.from(filters, (c) => [c, split]), ...Array.from(deleted, (c) => [c, ''])]);
  const matched = typeof pattern === 'string' ? new RegExp(pattern, 'gu') : null;
  return (text) => {
    const small = ascii ? text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase()) : text.toLowerCase();
    const cleaned = Array.from(lower ? small : text, (point) => changes.get(point) ?? point).join('');
    let words = characters ? Array.from(cleaned) : cleaned.split(split);
    if (matched) words = Array.from(cleaned.matchAll(matched), ([match]) => match);
    const found = words.filter((word) => word !== '').map((word) => ids.get(word) ?? unknown);
    return kept([start, ...found].filter((id) => id !== null), settings);
  };
}

function kept(ids, { max_length: most, truncating }) {
  return truncating === 'post' ? ids.slice(0, most) : ids.slice(-most);
}

/** How many golden texts there are, and those that get other ids here. */
export function checkIds({ golden, idsOf }) {
  const cases = [...golden.cases, ...golden.edge].filter(({ text }) => text !== undefined);
  const same = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);
  return { texts: cases.length, wrong: cases.filter(({ text, ids }) => !same(idsOf(text), ids)) };
}

/**
 * The K numbers of one case.
 * @param {(inputs: object) => Promise<object>} call runs the file: {name: {dtype, shape, data}} in,
 *   {name: Float32Array} out
 */
async function answer(call, variant, manifest, { text, ids: all }) {
  const states = variant.states ?? [];
  const given = variant.inputs.find(({ name }) => !states.some((state) => state.name === name));
  const wanted = variant.outputs.find(({ name }) => !states.some((state) => state.output === name)).name;
  if (given.dtype === 'string') {
    const input = { dtype: 'string', shape: given.shape.map(() => 1), data: [text] };
    return (await call({ [given.name]: input }))[wanted];
  }
  const { max_length: most, pad_id: pad } = manifest.tokenizer;
  const pads = manifest.pads ?? 'any';
  const ids = kept(all, manifest.tokenizer);
  let length = given.shape[1];
  if (length < 0) { // free: filled up where the pads are steps like any other
    const filled = ['front', 'behind'].includes(pads) || (pads !== 'none' && states.length > 0);
    length = filled ? most : Math.max(1, ids.length);
  }
  const lacking = Array(length - ids.length).fill(pad);
  const [front, behind] = pads === 'behind' ? [[], lacking] : [lacking, []];
  // a stream gets the pads in one call, and each word as it comes
  const pieces = states.length ? [front, ...ids.map((id) => [id]), behind] : [[...front, ...ids, ...behind]];
  const shapes = states.map(({ shape }) => [1, ...shape.slice(1)]);
  let values = shapes.map((shape) => new Float32Array(shape.reduce((a, b) => a * b)));
  let found;
  for (const piece of pieces.filter(({ length: steps }) => steps)) {
    const data = Int32Array.from(piece);
    const inputs = { [given.name]: { dtype: 'int32', shape: [1, data.length], data } };
    states.forEach(({ name }, i) => { inputs[name] = { dtype: 'float32', shape: shapes[i], data: values[i] }; });
    found = await call(inputs);
    values = states.map(({ output }) => found[output]);
  }
  return found[wanted];
}

const classOf = (p) => (p.length === 1 ? Number(p[0] > 0.5) : p.indexOf(Math.max(...p)));

function margin(p) { // how far an answer is from changing its class
  if (p.length === 1) return Math.abs(p[0] - 0.5);
  const [first, second] = [...p].sort((a, b) => b - a);
  return (first - second) / 2;
}

/**
 * Runs every case of a variant.
 * @param {(variant: object) => Promise<function>} load gives the `call` of `answer`
 * @returns {Promise<{said: string, failures: string[]}>} what was measured, and a sentence for each way in
 *   which it is wrong
 */
export async function checkVariant(load, variant, { manifest, golden }) {
  const { max_abs: most, flip_rate: rate, flip_margin: near } = variant.tolerance;
  const limit = most ?? EDGE_LIMIT;
  const textsOnly = variant.inputs[0].dtype === 'string';
  const failures = new Set();
  let [examples, worst, flips, counted] = [0, 0, 0, 0];
  try {
    const call = await load(variant);
    for (const [cases, isEdge] of [[golden.cases, false], [golden.edge, true]]) {
      for (const one of cases.filter(({ text }) => text !== undefined || !textsOnly)) {
        const [ours, keras] = [await answer(call, variant, manifest, one), one.probabilities];
        const sound = ours.length === keras.length && ours.every(Number.isFinite);
        const off = sound ? Math.max(...keras.map((p, i) => Math.abs(p - ours[i]))) : 1;
        if (!sound) failures.add(`an answer that is not ${keras.length} numbers`);
        if (isEdge) {
          if (off > limit) failures.add(`${one.name}: differs by ${off.toPrecision(2)}, more than ${limit}`);
          continue;
        }
        const flip = !sound || classOf(ours) !== classOf(keras);
        [examples, worst, flips] = [examples + 1, Math.max(worst, off), flips + flip];
        counted += flip && margin(keras) > near;
      }
    }
  } catch (error) { // a runtime that has not what the file needs
    failures.add(error.message);
  }
  if (most !== null && worst > most) failures.add(`max |Δp| ${worst.toPrecision(2)} is above ${most}`);
  if (rate !== null && counted > (rate ? Math.max(1, Math.floor(rate * examples + 1e-9)) : 0)) {
    failures.add(`${counted} of ${examples} labels flip, more than ${(100 * rate).toFixed(2)} %`);
  }
  const said = `${examples} examples, max |Δp| ${worst.toPrecision(2)}, flips ${flips}`;
  return { said, failures: [...failures] };
}
