// Golden vectors of a bundle, for any JavaScript runtime: ids of the texts, or arrays; inputs of the file,
// judgement. No import. docs/bundle.md says what the fields mean and why the rules are as they are.

const SCHEMA = 4; // newer bundles may mean something else
const EDGE_LIMIT = 0.1; // for an edge case, where the tolerance limits flips and not differences

/**
 * The bundle whose files `read(name)` gives as bytes (a Promise of Uint8Array).
 * @returns {Promise<{manifest: object, golden: object, idsOf: function|null}>} golden: of a bundle of arrays
 *   what readNpz gives; idsOf: text to ids; null where there is no vocabulary
 */
export async function openBundle(read) {
  const text = async (name) => new TextDecoder().decode(await read(name));
  const manifest = JSON.parse(await text('manifest.json'));
  const kind = manifest.kind ?? 'text';
  if (!(manifest.schema <= SCHEMA) || !['text', 'tensors'].includes(kind)) {
    throw new Error(`the bundle is of kind ${kind} or has a schema above ${SCHEMA}`);
  }
  if (kind === 'tensors') return { manifest, golden: await readNpz(await read('golden.npz')), idsOf: null };
  const golden = JSON.parse(await text('golden.json'));
  const idsOf =
    'vocab.txt' in manifest.files ? tokenizer(await text('vocab.txt'), manifest.tokenizer) : null;
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

/** A rate of few cases cannot be told: one may always flip, unless none may. */
const tooMany = (flips, rate, count) => flips > (rate ? Math.max(1, Math.floor(rate * count + 1e-9)) : 0);

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
  if (manifest.kind === 'tensors') return checkArrays(load, variant, manifest, golden);
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
  if (rate !== null && tooMany(counted, rate, examples)) {
    failures.add(`${counted} of ${examples} labels flip, more than ${(100 * rate).toFixed(2)} %`);
  }
  const said = `${examples} examples, max |Δp| ${worst.toPrecision(2)}, flips ${flips}`;
  return { said, failures: [...failures] };
}

// ---------------------------------------------------------------- arrays

const KINDS = { '<f4': ['float32', Float32Array], '<i4': ['int32', Int32Array] };
const TINY = 2 ** -126; // the least normal number of float32
const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

/**
 * The arrays in NumPy's .npz, a zip of .npy files.
 * @param {Uint8Array} bytes content of the file
 * @returns {Promise<Map<string, {dtype: string, shape: number[], data: object}>>}
 */
export async function readNpz(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [short, long] = [(at) => view.getUint16(at, true), (at) => view.getUint32(at, true)];
  let end = bytes.length - 22; // the list of files ends here, unless a comment follows
  while (end >= 0 && long(end) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error('golden.npz is no whole file');
  const arrays = new Map();
  for (let count = short(end + 10), at = long(end + 16); count > 0; count--) {
    const [deflated, size, letters, local] = [short(at + 10), long(at + 20), short(at + 28), long(at + 42)];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + letters));
    const begin = local + 30 + short(local + 26) + short(local + 28);
    let content = new Blob([bytes.subarray(begin, begin + size)]).stream();
    if (deflated) content = content.pipeThrough(new DecompressionStream('deflate-raw'));
    arrays.set(name.replace(/\.npy$/, ''), readNpy(await new Response(content).arrayBuffer()));
    at += 46 + letters + short(at + 30) + short(at + 32);
  }
  return arrays;
}

function readNpy(buffer) {
  const view = new DataView(buffer);
  const [begin, size] = view.getUint8(6) === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = new TextDecoder().decode(new Uint8Array(buffer, begin, size));
  const [, kind] = /'descr': '([^']+)'/.exec(header);
  const shape = (/'shape': \(([^)]*)\)/.exec(header)[1].match(/\d+/g) ?? []).map(Number);
  const content = buffer.slice(begin + size);
  if (kind in KINDS && header.includes("'fortran_order': False")) {
    const [dtype, Kind] = KINDS[kind];
    return { dtype, shape, data: new Kind(content) };
  }
  if (!kind.startsWith('<U')) throw new Error(`an array of ${kind} that is not read: ${header.trim()}`);
  const [letters, points] = [Number(kind.slice(2)), new Uint32Array(content)];
  const text = (i) => String.fromCodePoint(...points.slice(i * letters, (i + 1) * letters)).replace(/\0+$/, '');
  return { dtype: 'string', shape, data: Array.from({ length: product(shape) }, (_, i) => text(i)) };
}

/** The golden examples one by one: {kind, inputs, outputs}, arrays by name with one example each. */
function* examplesOf(golden) {
  const row = (prefix, at) => Object.fromEntries([...golden].filter(([key]) => key.startsWith(prefix)).map(
    ([key, { dtype, shape: [, ...rest], data }]) => {
      const size = product(rest);
      return [key.slice(prefix.length), { dtype, shape: [1, ...rest], data: data.slice(at * size, (at + 1) * size) }];
    }));
  for (let group = 0; golden.has(`${group}/case`); group++) {
    for (const [at, kind] of golden.get(`${group}/case`).data.entries()) {
      yield { kind, inputs: row(`${group}/in/`, at), outputs: row(`${group}/out/`, at) };
    }
  }
}

/** The same example as often as a file takes in every call. */
function repeated({ dtype, shape: [, ...rest], data }, times) {
  const all = new data.constructor(data.length * times);
  for (let i = 0; i < times; i++) all.set(data, i * data.length);
  return { dtype, shape: [times, ...rest], data: all };
}

/**
 * Outputs of one example, {name: Float32Array}; a stream is fed from its first step to its last.
 * @param {(inputs: object) => Promise<object>} call as for `answer`
 */
async function outputsOf(call, variant, { inputs, outputs, states, chunk }, example) {
  const times = variant.batch ?? 1;
  const given = Object.fromEntries(Object.entries(example).map(([key, value]) => [key, repeated(value, times)]));
  const first = (data) => data.slice(0, data.length / times);
  if (!states.length) {
    const found = await call(given);
    return Object.fromEntries(outputs.map(({ name }) => [name, first(found[name])]));
  }
  const timed = inputs.filter(({ shape }) => shape.length > 1 && shape[1] === null).map(({ name }) => name);
  const [size, steps] = [chunk ?? 1, example[timed[0]].shape[1]];
  const shapes = states.map(({ shape: [, ...rest] }) => [times, ...rest.map((n) => n ?? 1)]);
  let values = shapes.map((shape) => new Float32Array(product(shape)));
  const parts = outputs.map(() => []);
  for (let begin = 0; begin < steps; begin += size) {
    const fed = { ...given };
    for (const name of timed) {
      const { dtype, shape: [, , ...rest], data } = example[name];
      const piece = data.slice(begin * product(rest), (begin + size) * product(rest));
      fed[name] = repeated({ dtype, shape: [1, size, ...rest], data: piece }, times);
    }
    states.forEach(({ name }, i) => { fed[name] = { dtype: 'float32', shape: shapes[i], data: values[i] }; });
    const found = await call(fed);
    values = states.map(({ output }) => found[output]);
    outputs.forEach(({ name }, i) => parts[i].push(first(found[name])));
  }
  return Object.fromEntries(outputs.map(({ name, timed: rows }, i) =>
    [name, rows ? Float32Array.from(parts[i].flatMap((part) => Array.from(part))) : parts[i].at(-1)]));
}

/** What differences are shares of, for each column of an output; in older files Keras's greatest number. */
function scaleOf(name, golden, examples, limit) {
  const [scale, least] = ['scale', 'least'].map((key) => golden.get(`0/${key}/${name}`)?.data);
  if (scale) return Array.from(scale, (x, i) => Math.max(x, least[i] / limit, TINY));
  return [examples.reduce((most, { outputs }) => outputs[name].data.reduce((a, x) => Math.max(a, Math.abs(x)), most), TINY)];
}

/** The numbers that decide together: each row of a softmax, each sigmoid by itself. */
function choices({ activation }, data, { shape }) {
  if (!['softmax', 'sigmoid'].includes(activation)) return [];
  const size = activation === 'softmax' ? shape.at(-1) : 1;
  return Array.from({ length: data.length / size }, (_, i) => data.slice(i * size, (i + 1) * size));
}

/** checkVariant of a bundle of arrays: differences are shares of the outputs' scales. */
async function checkArrays(load, variant, { signature, own_rounding: rounding = [] }, golden) {
  const { max_abs: most, mean_abs: mostMean = null, flip_rate: rate, flip_margin: given } = variant.tolerance;
  const limit = most ?? mostMean ?? 1e-5;
  const examples = [...examplesOf(golden)];
  const scales = Object.fromEntries(signature.outputs.map(({ name }) => [name, scaleOf(name, golden, examples, limit)]));
  const own = Object.fromEntries(rounding.map(({ name, share }) => [name, share]));
  const [greatest, sums, counts, kinds, failures] = [{}, {}, {}, {}, []];
  let [worst, flips, decisions] = [0, 0, 0];
  try {
    const call = await load(variant);
    for (const { kind, inputs, outputs } of examples) {
      const found = await outputsOf(call, variant, signature, inputs);
      let [max, mean] = [0, 0];
      for (const [name, { data }] of Object.entries(outputs)) {
        if (found[name].length !== data.length) throw new Error(`${name} has ${found[name].length} numbers, not ${data.length}`);
        const scale = scales[name];
        const off = Array.from(data, (keras, i) => Math.abs(found[name][i] - keras) / scale[i % scale.length]);
        const sound = off.map((x) => (Number.isFinite(x) ? x : Infinity)); // no number is as wrong as can be
        const [top, sum] = [sound.reduce((a, b) => Math.max(a, b), 0), sound.reduce((a, b) => a + b, 0)];
        [sums[name], counts[name]] = [(sums[name] ?? 0) + sum, (counts[name] ?? 0) + data.length];
        greatest[name] = Math.max(greatest[name] ?? 0, top);
        [max, mean] = [Math.max(max, top), Math.max(mean, sum / data.length)];
      }
      worst = Math.max(worst, max);
      (kinds[kind] ??= []).push(mean);
      // nobody decides on drawn inputs, nor where Keras's own rounding does
      const near = Math.max(kind === 'as given' ? given : limit, ...(most !== null && max > most ? Object.values(own) : []));
      for (const output of signature.outputs) {
        const keras = outputs[output.name];
        const ours = choices(output, found[output.name], keras);
        const flipped = choices(output, keras.data, keras).filter((p, i) => classOf(p) !== classOf(ours[i]));
        flips += flipped.filter((p) => margin(p) > near).length;
        decisions += ours.length;
      }
    }
  } catch (error) { // a runtime that has not what the file needs
    failures.push(error.message);
  }
  const above = (what, value, allowed) => {
    if (allowed !== null && value > allowed) failures.push(`${what} relative Δ ${value.toPrecision(2)} is above ${allowed}`);
  };
  for (const [name, top] of Object.entries(greatest)) above(`${name}: max`, top, most && Math.max(most, own[name] ?? 0));
  above('mean', Math.max(...Object.keys(sums).map((name) => sums[name] / counts[name])), mostMean);
  for (const [kind, means] of Object.entries(kinds)) {
    above(`${kind}: mean`, means.reduce((a, b) => a + b, 0) / means.length, mostMean);
  }
  if (rate !== null && tooMany(flips, rate, decisions)) {
    failures.push(`${flips} of ${decisions} labels flip, more than ${(100 * rate).toFixed(2)} %`);
  }
  return { said: `${examples.length} examples, max relative Δ ${worst.toPrecision(2)}`, failures };
}
