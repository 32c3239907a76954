// Bundles of arrays: their golden vectors, a user's own readings, an example run, and how far an answer is
// from Keras's. An array is {dtype, dims, data} as in runtimes.js; dims begin with the examples. No DOM in
// here.

import { get } from './bundle.js';
import { allowed, classOf, margin, percent } from './golden.js';
import { readNpz } from './npz.js';

const TINY = 2 ** -126; // the least normal number of float32
const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

/**
 * The golden vectors, one example after the other.
 * @param {object} bundle from bundle.js
 * @returns {Promise<{case: string, inputs: object, outputs: object, spreads: object}[]>} arrays by name, of
 *   one example each; outputs are Keras's. spreads: of all examples, by output, {scale, least, share}: numbers
 *   for each column (undefined in older bundles), and what Keras's own rounding is as a share of the scale
 */
export async function goldenExamples(bundle) {
  const file = 'golden.npz';
  let arrays;
  try {
    arrays = await readNpz(await (await get(bundle.url(file))).arrayBuffer());
  } catch (error) {
    throw new Error(error.message.includes(file) ? error.message : `${file} cannot be read: ${error.message}`);
  }
  const { signature, own_rounding: rounding = [] } = bundle.manifest;
  const spreads = Object.fromEntries(signature.outputs.map(({ name }) => {
    const [scale, least] = ['scale', 'least'].map((key) => arrays.get(`0/${key}/${name}`)?.data);
    return [name, { scale, least, share: rounding.find((one) => one.name === name)?.share ?? 0 }];
  }));
  const examples = [];
  for (let group = 0; arrays.has(`${group}/case`); group++) {
    const cases = arrays.get(`${group}/case`).data;
    const row = (prefix, at) =>
      Object.fromEntries(
        [...arrays]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, array]) => [name.slice(prefix.length), rowOf(array, at)]),
      );
    for (const [at, kind] of cases.entries()) {
      const [inputs, outputs] = [row(`${group}/in/`, at), row(`${group}/out/`, at)];
      examples.push({ case: kind, inputs, outputs, spreads });
    }
  }
  return examples;
}

function rowOf({ dtype, dims, data }, at) {
  const size = product(dims.slice(1));
  return { dtype, dims: [1, ...dims.slice(1)], data: data.subarray(at * size, (at + 1) * size) };
}

/** A file that takes several examples in every call gets the same one as often. */
function repeated({ dtype, dims, data }, times) {
  const all = new data.constructor(data.length * times);
  for (let i = 0; i < times; i++) all.set(data, i * data.length);
  return { dtype, dims: [times, ...dims.slice(1)], data: all };
}

/** Whether an input of a stream is cut along its steps. */
const isStreamed = ({ shape }) => shape.length > 1 && shape[1] === null;

/** How many steps a stream's files take in a call. */
export const chunkOf = (signature) => signature.chunk ?? 1;

/**
 * Runs one example; a stream from its first step to its last, as many at a time as its files take.
 * @param {object} runner from runtimes.js
 * @param {object} variant an entry of the manifest's `variants`
 * @param {object} signature of the manifest
 * @param {object} inputs arrays by name, of one example
 * @returns {Promise<object>} outputs by name, of that example; those of a stream that have no row for each
 *   step also have `after`, which has one: [calls, ...]
 */
export async function runExample(runner, variant, signature, inputs) {
  const times = variant.batch ?? 1;
  const whole = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, repeated(v, times)]));
  const first = ({ dims, data }) => rowOf({ dtype: 'float32', dims: Array.from(dims, Number), data }, 0);
  const { states, outputs } = signature;
  if (!states.length) {
    const found = await runner.call(whole);
    return Object.fromEntries(outputs.map(({ name }) => [name, first(found[name])]));
  }
  const streamed = signature.inputs.filter(isStreamed).map(({ name }) => name);
  const size = chunkOf(signature);
  const steps = whole[streamed[0]].dims[1];
  let after = {};
  for (const { name, shape } of states) {
    const dims = [times, ...shape.slice(1).map((n) => n ?? 1)];
    after[name] = { dtype: 'float32', dims, data: new Float32Array(product(dims)) };
  }
  const parts = outputs.map(() => []);
  for (let begin = 0; begin < steps; begin += size) {
    const pieces = streamed.map((name) => [name, repeated(cut(inputs[name], begin, size), times)]);
    const found = await runner.call({ ...whole, ...Object.fromEntries(pieces), ...after });
    after = Object.fromEntries(states.map(({ name, output }) => [name, { dtype: 'float32', ...found[output] }]));
    outputs.forEach(({ name }, i) => parts[i].push(first(found[name])));
  }
  return Object.fromEntries(
    outputs.map(({ name, timed }, i) => {
      const joined = Float32Array.from(parts[i].flatMap(({ data }) => Array.from(data)));
      const [{ dtype, dims }, last] = [parts[i][0], parts[i].at(-1)];
      if (!timed) return [name, { ...last, after: { dtype, dims: [parts[i].length, ...dims.slice(1)], data: joined } }];
      return [name, { dtype, dims: [1, dims[1] * parts[i].length, ...dims.slice(2)], data: joined }];
    }),
  );
}

/** Steps of one example, from `begin` on. */
function cut({ dtype, dims, data }, begin, size) {
  const step = product(dims.slice(2));
  return { dtype, dims: [1, size, ...dims.slice(2)], data: data.subarray(begin * step, (begin + size) * step) };
}

// ---------------------------------------------------------------- Keras's answers

/**
 * Each output's scale, of which differences are shares, for each column; in older bundles Keras's greatest
 * number.
 */
export function scalesOf(examples, tolerance) {
  const limit = limitOf(tolerance) ?? 1e-5;
  return Object.fromEntries(Object.entries(examples[0].spreads).map(([name, { scale, least }]) => {
    if (scale) return [name, Array.from(scale, (x, i) => Math.max(x, least[i] / limit, TINY))];
    const greatest = ({ outputs }) => outputs[name].data.reduce((most, x) => Math.max(most, Math.abs(x)), TINY);
    return [name, [Math.max(...examples.map(greatest))]];
  }));
}

const limitOf = ({ max_abs: most, mean_abs: mean }) => most ?? mean ?? null;

/**
 * What an output differs by from Keras's, as shares of its scale, number i of the (i % n)th. What is no number is
 * as wrong as can be.
 * @returns {{max: number, sum: number, broken: boolean}}
 */
export function differenceOf(ours, keras, scale) {
  if (ours.data.length !== keras.data.length) {
    throw new Error(`an output is [${ours.dims.slice(1)}], Keras's [${keras.dims.slice(1)}]`);
  }
  const found = { max: 0, sum: 0, broken: false };
  for (const [i, value] of ours.data.entries()) {
    const sound = Number.isFinite(value);
    const off = sound ? Math.abs(value - keras.data[i]) / scale[i % scale.length] : 1;
    found.broken ||= !sound;
    found.max = Math.max(found.max, off);
    found.sum += off;
  }
  return found;
}

/** The numbers of an output that decide together: each row of a softmax, each sigmoid by itself; else none. */
function choicesOf({ activation }, { dims, data }) {
  if (!['softmax', 'sigmoid'].includes(activation)) return [];
  const size = activation === 'softmax' ? dims.at(-1) : 1;
  return Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size));
}

/** The decisions in an output: the largest of a softmax's numbers, above 0.5 of a sigmoid's; else none. */
export function decisionsOf(output, array) {
  return choicesOf(output, array).map(classOf);
}

/**
 * Runs every golden example and compares; the rules are those of docs/bundle.md.
 * @param {(inputs: object) => Promise<object>} run from runExample
 * @param {(done: number, total: number) => void} onProgress
 * @returns {Promise<{examples: number, maxAbs: number, meanAbs: number, flips: number|null, ok: boolean,
 *   failures: string[]}>} differences are shares of the outputs' scales; flips: null where nothing is decided
 */
export async function checkExamples(run, variant, signature, examples, onProgress = () => {}) {
  const { max_abs: most, mean_abs: mean = null, flip_rate: rate, flip_margin: given } = variant.tolerance;
  const [scales, { spreads }] = [scalesOf(examples, variant.tolerance), examples[0]];
  const own = Math.max(...Object.values(spreads).map(({ share }) => share));
  const sums = new Map(signature.outputs.map(({ name }) => [name, { max: 0, sum: 0, count: 0 }]));
  const kinds = new Map();
  let [maxAbs, broken, flips, counted, decisions] = [0, 0, 0, 0, 0];
  for (const [at, one] of examples.entries()) {
    const found = await run(one.inputs);
    let [greatest, worst, wrong] = [0, 0, false];
    for (const output of signature.outputs) {
      const [ours, keras] = [found[output.name], one.outputs[output.name]];
      const off = differenceOf(ours, keras, scales[output.name]);
      greatest = Math.max(greatest, off.max);
      worst = Math.max(worst, off.sum / keras.data.length);
      wrong ||= off.broken;
      const all = sums.get(output.name);
      Object.assign(all, { max: Math.max(all.max, off.max), sum: all.sum + off.sum, count: all.count + keras.data.length });
    }
    // nobody decides on drawn inputs, nor where Keras's own rounding does
    const base = one.case === 'as given' ? given : limitOf(variant.tolerance);
    const near = most !== null && greatest > most ? Math.max(base, own) : base;
    for (const output of signature.outputs) {
      const numbers = decisionsOf(output, found[output.name]);
      const flipped = choicesOf(output, one.outputs[output.name]).filter((p, i) => classOf(p) !== numbers[i]);
      decisions += numbers.length;
      flips += flipped.length;
      counted += flipped.filter((p) => margin(p) > near).length;
    }
    maxAbs = Math.max(maxAbs, greatest);
    broken += wrong;
    kinds.set(one.case, [...(kinds.get(one.case) ?? []), worst]);
    onProgress(at + 1, examples.length);
  }
  const meanAbs = Math.max(...[...sums.values()].map(({ sum, count }) => sum / count));
  const failures = [];
  const above = (what, value, limit) => {
    if (limit !== null && value > limit) failures.push(`${what} ${value.toPrecision(2)} is above ${limit}`);
  };
  if (broken) failures.push(`${broken} of ${examples.length} answers are not numbers`);
  for (const [name, { max }] of sums) {
    above(`${name}: max relative Δ`, max, most && Math.max(most, spreads[name].share));
  }
  above('mean relative Δ', meanAbs, mean);
  for (const [kind, means] of kinds) {
    const average = means.reduce((a, b) => a + b, 0) / means.length;
    above(`${kind}: mean relative Δ`, average, mean);
  }
  if (rate !== null && counted > allowed(rate, decisions)) {
    failures.push(`${counted} of ${decisions} labels flip, more than ${percent(rate)}`);
  }
  return {
    examples: examples.length, maxAbs, meanAbs, flips: decisions ? flips : null, ok: !failures.length, failures,
  };
}

// ---------------------------------------------------------------- a user's own readings

/** The shape of one example in words, such as `[steps, 3]`. */
export function shapeOf({ shape }) {
  return `[${shape.slice(1).map((n, i) => n ?? (i ? 'any' : 'steps')).join(', ')}]`;
}

/** Whether a table can hold an example: rows are steps, columns are channels. */
export function takesTable({ inputs }) {
  return inputs.length === 1 && [2, 3].includes(inputs[0].shape.length);
}

/**
 * A file of one example: .csv where takesTable says so, a row for each step; .json of nested lists, by name
 * where there are several inputs. Of a series that is too long the last steps are taken.
 * @param {string} name of the file
 * @param {string} text its content
 * @returns {{inputs: object, notes: string[], headings: string[]}} arrays by name, what was done to them, and
 *   what stands over the columns of a table
 */
export function readExample(name, text, signature) {
  const kind = name.toLowerCase().split('.').at(-1);
  if (kind !== 'json' && !(kind === 'csv' && takesTable(signature))) {
    const table = takesTable(signature) ? '.csv or ' : '';
    throw new Error(`${name} is no file that this page reads for this model; expected ${table}.json`);
  }
  const { inputs } = signature;
  let given;
  let headings = [];
  if (kind === 'csv') {
    const table = tableOf(text, inputs[0]);
    given = { [inputs[0].name]: table.numbers };
    ({ headings } = table);
  } else {
    try {
      given = JSON.parse(text);
    } catch (error) {
      throw new Error(`${name} is no JSON: ${error.message}`);
    }
    if (Array.isArray(given) && inputs.length === 1) given = { [inputs[0].name]: given };
  }
  const wanted = inputs.map((one) => one.name);
  const names = given && typeof given === 'object' && !Array.isArray(given) ? Object.keys(given) : [];
  if (names.length !== wanted.length || !wanted.every((one) => names.includes(one))) {
    throw new Error(`${name} has ${names.join(', ') || 'no arrays by name'}; expected an array for ${wanted.join(', ')}`);
  }
  const notes = [];
  const arrays = inputs.map((input) => [input.name, fitted(input, given[input.name], signature, notes)]);
  return { inputs: Object.fromEntries(arrays), notes, headings };
}

/** Whether the model takes this value, which is no finite number, at a place of the last axis. */
function isTaken({ nan = [], inf = [] }, value, place) {
  const taken = Number.isNaN(value) ? nan : inf;
  return taken.length > 0 && taken[place % taken.length];
}

function tableOf(text, { shape, nan = [] }) {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
  const rows = lines.map((line) => line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')));
  const isNumber = (cell) => cell !== '' && Number.isFinite(Number(cell));
  const isGap = (cell) => nan.some(Boolean) && (cell === '' || cell.toLowerCase() === 'nan');
  const heading = rows.length > 0 && !rows[0].some((cell) => isNumber(cell) || isGap(cell));
  const body = rows.slice(Number(heading));
  for (const [at, row] of body.entries()) {
    const bad = row.find((cell) => !isNumber(cell) && !isGap(cell));
    if (bad !== undefined) throw new Error(`line ${at + 1 + heading}: ${JSON.stringify(bad)} is not a number`);
  }
  const numbers = body.map((row) => row.map((cell) => (isGap(cell) ? NaN : Number(cell))));
  // one column, or one row, is a series of numbers
  const line = numbers.length === 1 ? numbers[0] : numbers.every((row) => row.length === 1) ? numbers.flat() : null;
  const headings = heading ? rows[0] : [];
  if (shape.length === 2) return { numbers: line ?? numbers, headings };
  return { numbers: shape[2] === 1 && line ? line.map((x) => [x]) : numbers, headings };
}

/** Nested lists of numbers as an array of one example. */
function fitted(input, given, signature, notes) {
  const { name, dtype, rows } = input;
  const wanted = input.shape.slice(1);
  const dims = [];
  for (let inner = given; Array.isArray(inner); inner = inner[0]) dims.push(inner.length);
  let value = given;
  if (dims.length === wanted.length + 1 && dims[0] === 1) value = dims.shift() && given[0]; // as Python writes it
  const most = wanted[0] ?? null;
  const isSeries = wanted.length > 1 || isStreamed(input);
  if (isSeries && most !== null && dims[0] > most) {
    notes.push(`${name}: the last ${most} of ${dims[0]} steps, as the model takes so many`);
    value = value.slice(-most);
    dims[0] = most;
  }
  const chunk = signature.states.length && isStreamed(input) ? chunkOf(signature) : 1;
  if (dims[0] % chunk && dims[0] > chunk) {
    notes.push(`${name}: the last ${dims[0] - (dims[0] % chunk)} of ${dims[0]} steps, as ${chunk} go into every call`);
    value = value.slice(dims[0] % chunk);
    dims[0] -= dims[0] % chunk;
  }
  const fits = dims.length === wanted.length && wanted.every((n, i) => (n === null ? dims[i] > 0 : n === dims[i]));
  if (!fits || dims[0] % chunk) {
    throw new Error(`${name} is [${dims.join(', ')}]; expected ${shapeOf(input)}${chunk > 1 ? `, ${chunk} steps or a multiple` : ''}`);
  }
  if (!isWhole(value, dims)) throw new Error(`${name}: its rows are not of one length`);
  // null is what JSON has for NaN
  const numbers = [value].flat(Infinity).map((x, at) => (x === null && isTaken(input, NaN, at) ? NaN : x));
  const whole = dtype === 'int32';
  const isBad = (x, at) => {
    if (typeof x !== 'number' || (whole && (x | 0) !== x)) return true;
    return !Number.isFinite(Math.fround(x)) && !isTaken(input, Math.fround(x), at);
  };
  const place = numbers.findIndex(isBad);
  if (place >= 0) {
    const bad = numbers[place];
    throw new Error(`${name}: ${JSON.stringify(bad)} is not a ${whole ? 'whole ' : ''}number that fits into ${dtype}`);
  }
  const beyond = rows === null ? undefined : numbers.find((id) => id < 0 || id >= rows);
  if (beyond !== undefined) throw new Error(`${name} has the id ${beyond}; this model knows ids from 0 to ${rows - 1}`);
  return { dtype, dims: [1, ...dims], data: whole ? Int32Array.from(numbers) : Float32Array.from(numbers) };
}

/** Whether nested lists have these lengths everywhere. */
function isWhole(value, [size, ...rest]) {
  if (size === undefined) return !Array.isArray(value);
  return Array.isArray(value) && value.length === size && value.every((inner) => isWhole(inner, rest));
}
