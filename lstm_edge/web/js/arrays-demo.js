// The demo page of arrays: golden examples and a reader's own readings, drawn, and what the model answers.

import {
  checkExamples,
  chunkOf,
  decisionsOf,
  differenceOf,
  goldenExamples,
  readExample,
  runExample,
  scalesOf,
  shapeOf,
  takesTable,
} from './arrays.js';
import { openBundle } from './bundle.js';
import { bars, box, number, numbers, series } from './charts.js';
import { at, difference, inWords, make, milliseconds, percent, plural } from './drawing.js';
import { Line, turn } from './reading.js';
import { hasSimd, load, NO_SIMD } from './runtimes.js';
import { Checks, listVariants, mark, trouble } from './variants.js';

const LARGEST = 32 << 20; // bytes of a file of readings
const FEW = 3; // numbers that are written and not drawn as a line

const state = {
  bundle: null,
  examples: [],
  picks: [],
  pick: null,
  runner: null,
  example: null, // {inputs, outputs: Keras's or null}
};
const line = new Line();
const warm = new WeakSet(); // runners that have answered: a first call also prepares
let choice = 0;
let job = 0;
let touched = 0;
let checks;

const signature = () => state.bundle.manifest.signature;
const loaded = ({ variant, runtime }) => load(state.bundle, variant.name, { runtime });
const named = (count, of) => Array.from({ length: count }, (_, i) => `${of} ${i + 1}`);

// ---------------------------------------------------------------- readings

function show(example, notes = [], headings = []) {
  state.example = example;
  at('notes').textContent = notes.join('; ');
  at('inputs').replaceChildren(
    ...signature().inputs.map((input) => box(input.name, shapeOf(input), ...drawn(input, example.inputs[input.name], headings))),
  );
  answer();
}

/** An input: a series as lines, ids and single numbers as they are. headings: of a table's columns */
function drawn(input, { dims, data }, headings) {
  const [, steps, ...rest] = dims;
  const isSeries = rest.length > 0 || input.shape[1] === null;
  if (!isSeries || steps === 1 || input.rows !== null) return [numbers(data)];
  const channels = rest.reduce((a, b) => a * b, 1);
  const names = channels === 1 ? [input.name] : named(channels, 'channel');
  return series(input.name, data, headings.length === channels ? headings : names);
}

async function open(file) {
  trouble('file', null);
  try {
    if (file.size > LARGEST) throw new Error(`${file.name} has more than ${LARGEST >> 20} MiB`);
    const { inputs, notes, headings } = readExample(file.name, await file.text(), signature());
    at('example').selectedIndex = -1;
    show({ inputs, outputs: null }, [file.name, ...notes], headings);
  } catch (error) {
    trouble('file', `Not read: ${inWords(error)}`);
  }
}

// ---------------------------------------------------------------- the answer

/** Asks the chosen variant for the example that is shown. */
async function answer() {
  const mine = ++job;
  const { runner, example, pick } = state;
  touched = performance.now();
  at('outputs').dataset.settled = 'false';
  at('basis').textContent = basis(null);
  if (runner === null || example === null) return;
  const gone = () => mine !== job || runner !== state.runner;
  try {
    await line.run(async () => {
      await turn();
      if (gone()) return;
      const first = !warm.has(runner);
      const began = performance.now();
      const outputs = await runExample(runner, pick.variant, signature(), example.inputs);
      const took = performance.now() - began;
      warm.add(runner);
      if (gone()) return;
      trouble('run', null);
      const ends = signature().outputs;
      at('outputs').replaceChildren(...ends.map((output) => drawOutput(output, outputs[output.name])));
      at('basis').textContent = basis(took, first);
      at('status').textContent = ends.map((output) => inShort(output, outputs[output.name])).join('; ');
      at('outputs').dataset.settled = 'true';
    });
  } catch (error) {
    if (gone()) return;
    at('outputs').replaceChildren();
    trouble('run', `${runner.variant} failed on these readings in ${runner.title}: ${inWords(error)}`);
  }
  touched = performance.now();
}

function basis(took, first = false) {
  const { runner, pick } = state;
  if (pick === null) return '';
  if (runner === null) {
    const failed = checks.get(pick)?.failed;
    return failed ? `${pick.variant.name} is not loaded.` : `${pick.variant.name} is loading into ${pick.title} …`;
  }
  const said = `By ${runner.variant} in ${runner.title} ${runner.version}`;
  if (took === null) return `${said} …`;
  const time = `${milliseconds(took)}${first ? ', the first time' : ''}`;
  if (!signature().states.length) return `${said}, in ${time}.`;
  const size = chunkOf(signature());
  return `${said}, fed from the first step to the last, ${plural(size, 'step')} in each call, in ${time}.`;
}

/** The names of an output's numbers: the labels, where it is one of classes. */
function namesOf({ name, activation }, count) {
  const { labels } = state.bundle;
  if (isProbability({ activation })) {
    return labels.length === count ? labels : count === 1 ? [name] : named(count, 'class');
  }
  return count === 1 ? [name] : named(count, 'number');
}

/** Probabilities of one example as all labels have them: of one sigmoid unit that of both. */
function sharesOf({ activation }, { dims, data }) {
  const two = activation === 'sigmoid' && data.length === 1 && state.bundle.labels.length === 2;
  return two ? Float32Array.of(1 - data[0], data[0]) : dims.length === 2 ? data : null;
}

function isProbability({ activation }) {
  return activation === 'softmax' || activation === 'sigmoid';
}

/** Where a class wins: not among several that can be true together. */
function winnerOf({ activation }, shares) {
  const exclusive = activation === 'softmax' || shares.length === 2;
  return exclusive ? shares.indexOf(Math.max(...shares)) : -1;
}

function drawOutput(output, found) {
  const keras = state.example.outputs?.[output.name] ?? null;
  const content = [];
  const shares = isProbability(output) ? sharesOf(output, found) : null;
  if (shares !== null) {
    const names = namesOf(output, shares.length);
    const most = winnerOf(output, shares);
    if (most >= 0) content.push(big(names[most], percent(shares[most])));
    content.push(bars(shares, names, most));
  } else if (found.data.length <= FEW) {
    const names = namesOf(output, found.data.length);
    content.push(...Array.from(found.data, (x, i) => big(number(x), found.data.length > 1 ? names[i] : '')));
  } else {
    const flat = found.dims.length === 2 || found.dims[1] === 1; // one line, and not one for each channel
    const channels = flat ? 1 : found.dims.slice(2).reduce((a, b) => a * b, 1);
    const options = { keras: keras?.data ?? null, shares: isProbability(output), unit: flat ? 'number' : 'step' };
    content.push(...series(output.name, found.data, flat ? [output.name] : namesOf(output, channels), options));
    if (flat) content.push(numbers(found.data));
  }
  if (found.after && found.after.dims[0] > 1 && found.after.dims.length === 2) {
    const count = found.after.dims[1];
    const shared = { shares: isProbability(output), unit: 'call' };
    content.push(make('p', { class: 'soft small' }, 'After each call:'));
    content.push(...series(`${output.name} after each call`, found.after.data, namesOf(output, count), shared));
  }
  if (keras) content.push(beside(output, found, keras));
  return box(output.name, shapeOf(output), ...content);
}

function big(text, rest) {
  return make('p', { class: 'answer' }, make('span', {}, text), rest ? make('span', { class: 'soft small' }, ` ${rest}`) : '');
}

/** Keras's answer beside that of the variant. */
function beside(output, found, keras) {
  const { tolerance } = state.pick.variant;
  const { max, broken } = differenceOf(found, keras, scalesOf(state.examples, tolerance)[output.name]);
  const same = decisionsOf(output, found).every((one, i) => one === decisionsOf(output, keras)[i]);
  const { max_abs: limit } = tolerance;
  const ok = !broken && same && (limit === null || max <= Math.max(limit, state.examples[0].spreads[output.name].share));
  const said = broken
    ? 'Not a number, where Keras gives one.'
    : `${inShort(output, keras, 'Keras: ')}; apart by at most ${difference(max)} of the output's scale.`;
  return make('p', { class: 'keras-says small' }, make('span', { class: ok ? 'ok' : 'bad' }, ok ? 'ok ' : 'OTHERWISE '), said);
}

function inShort(output, found, before = `${output.name}: `) {
  const shares = isProbability(output) ? sharesOf(output, found) : null;
  if (shares === null) {
    const { data } = found;
    return `${before}${data.length <= FEW ? Array.from(data, number).join(', ') : plural(data.length, 'number')}`;
  }
  const most = winnerOf(output, shares);
  const names = namesOf(output, shares.length);
  if (most >= 0) return `${before}${names[most]} ${percent(shares[most])}`;
  return before + Array.from(shares, (p, i) => `${names[i]} ${percent(p)}`).join(', ');
}

// ---------------------------------------------------------------- variants

async function choose(pick) {
  const mine = ++choice;
  const gone = () => mine !== choice;
  checks.stop();
  const old = state.runner;
  Object.assign(state, { pick, runner: null });
  mark(pick);
  checks.forget(pick);
  for (const place of ['load', 'run']) trouble(place, null);
  at('check').disabled = at('check-all').disabled = true;
  answer();
  if (old !== null) line.run(() => old.close());
  await turn();
  try {
    const runner = await line.run(() => (gone() ? null : loaded(pick)));
    if (runner === null) return;
    if (gone()) {
      runner.close();
      return;
    }
    state.runner = runner;
  } catch (error) {
    if (gone()) return;
    at('check-all').disabled = false;
    at('outputs').replaceChildren();
    checks.fail(pick, error);
    const said = `${pick.variant.name} cannot be loaded into ${pick.title}: ${inWords(error)}`;
    trouble('load', `${said}\nChoose another variant, or load the page again.`);
    at('basis').textContent = basis(null);
    return;
  }
  at('check').disabled = at('check-all').disabled = false;
  checks.draw();
  await answer();
  if (!gone() && !checks.get(pick)) checks.check(false);
}

/** Golden vectors of a variant, and the inputs that are timed. */
async function examine(runner, { variant }, run, onProgress) {
  const { examples } = state;
  const one = (inputs) => runExample(runner, variant, signature(), inputs);
  const golden = await checkExamples((inputs) => run(() => one(inputs)), variant, signature(), examples, onProgress);
  return {
    golden,
    run: plural(golden.examples, 'example'),
    off: `max relative Δ ${difference(golden.maxAbs)}`,
    on: 'the golden examples',
    inputs: examples.map(({ inputs }) => () => one(inputs)),
  };
}

// ---------------------------------------------------------------- start

async function start() {
  if (!hasSimd()) throw new Error(NO_SIMD);
  const bundle = await openBundle('bundle/');
  state.bundle = bundle;
  state.examples = await goldenExamples(bundle);
  const { source } = bundle.manifest;
  const layers = (source.layers ?? []).map(({ kind }) => kind).join(' → ');
  const model = `${source.file ?? 'A model'}${layers ? ` (${layers})` : ''}`;
  at('about').textContent = `${model}, running in this browser. Files that you open do not leave it.`;
  const { inputs, states } = signature();
  at('file').accept = takesTable(signature()) ? '.csv,.json' : '.json';
  at('file-label').textContent = takesTable(signature())
    ? `Your own: .csv (${inputs[0].shape.length > 2 ? 'a row for each step, a column for each channel' : 'numbers'}) or .json`
    : `Your own: .json with ${inputs.map(({ name }) => name).join(', ')}`;
  const options = state.examples.map((one, i) => make('option', { value: i }, `${i + 1}: ${one.case}`));
  at('example').replaceChildren(...options);
  at('example').addEventListener('change', ({ target }) => {
    trouble('file', null);
    at('file').value = '';
    show(state.examples[target.value]);
  });
  at('file').addEventListener('click', ({ target }) => {
    target.value = ''; // the same file may be another by now
  });
  at('file').addEventListener('change', ({ target }) => {
    if (target.files.length) open(target.files[0]);
  });
  state.picks = listVariants(bundle);
  checks = new Checks({ state, line, load: loaded, resting: () => performance.now() - touched, examine });
  if (states.length) {
    at('about').textContent += ' The model is a stream: each example is fed step by step, from states of zero.';
  }
  at('example').disabled = at('file').disabled = false;
  at('variants').addEventListener('change', ({ target }) => {
    choose(state.picks.find(({ key }) => key === target.value));
  });
  // one of the longest to begin with: there is most to see
  const steps = ({ inputs: arrays }) => Math.max(...inputs.map(({ name }) => arrays[name].dims[1] ?? 1));
  const longest = Math.max(...state.examples.map(steps));
  at('example').selectedIndex = state.examples.findIndex((one) => steps(one) === longest);
  show(state.examples[at('example').value]);
  if (!state.picks.length) {
    throw new Error('no file of this bundle runs in a browser; lstm-edge export MODEL --format onnx writes some');
  }
  await choose(state.picks[0]);
}

start().catch((error) => {
  trouble('start', `The demo cannot start: ${inWords(error)}`);
  at('about').textContent = '';
});
