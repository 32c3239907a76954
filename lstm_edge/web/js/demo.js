// The demo page: a text, a verdict, what each word adds to it; runtimes, golden vectors, latency.

import { openBundle } from './bundle.js';
import {
  at,
  difference,
  directions,
  drawChart,
  drawLegend,
  drawReading,
  drawStrongest,
  drawVerdict,
  inWords,
  make,
  paintWords,
  plural,
  preprocessingOf,
  scrollTo,
  signed,
} from './drawing.js';
import { checkGolden, inputsOf } from './golden.js';
import {
  added,
  agreement,
  examplesOf,
  follow,
  Line,
  probabilitiesOf,
  read,
  turn,
} from './reading.js';
import { hasSimd, load, NO_SIMD, openStream, runtimesFor } from './runtimes.js';
import { Checks, listVariants, mark, trouble } from './variants.js';

const PAUSE = 120; // ms without a key before a text is read
const QUIET = 900; // ms without a change before the verdict is said
const PLAY = 6000; // ms that a text is played for, as far as its words allow
const STEP = [60, 300]; // ms for a word, at least and at most

const state = {
  bundle: null,
  picks: [], // {key, variant, runtime, title, why}
  pick: null, // the chosen one, loaded or not
  runner: null,
  stream: null,
  reading: null,
  whole: null, // answer of the runner on the text, or still on the one before
  fresh: false, // on this text
  answers: [], // of the step model, after 0, 1, … words
  followed: false, // to the end of this text
  expects: false, // a step model is there, or on its way
  cursor: null, // words read, where the reader wants to see that; null: all
};
const runnerLine = new Line();
const streamLine = new Line();
const streamChoice = new Line();
let job = 0; // of reading a text; a newer one makes the older stop
let choice = 0; // of a variant
let busy = 0;
let touched = 0;
let checks;

// ---------------------------------------------------------------- a text

const names = () => state.bundle.labels;
const binary = () => names().length === 2;

/** The class that the words are measured by: the second of two, else the winning one. */
function followed() {
  if (binary()) return 1;
  const answer = state.whole ?? state.answers.at(-1);
  return answer ? answer.indexOf(Math.max(...answer)) : 0;
}

let waiting = null; // timers: to read what was typed,
let saying = null; // and to say the verdict

/** Reads the text anew, once nothing has been typed for a moment. */
function typed() {
  touched = performance.now();
  job += 1; // what runs for the old text stops
  state.fresh = false; // from now on, not only after the pause
  at('answer').dataset.settled = 'false';
  clearTimeout(saying);
  clearTimeout(waiting);
  waiting = setTimeout(renew, PAUSE);
}

function renew() {
  const text = at('text').value;
  const before = state.reading;
  const reading = read(text, state.bundle.tokenizer);
  // words in front that are the same keep their colours until they are read again
  let same = 0;
  if (before && !before.earlier && !reading.earlier) {
    while (same < reading.counted.length && reading.counted[same].id === before.counted[same]?.id) same += 1;
  }
  state.answers = before ? state.answers.slice(0, same + 1) : [];
  state.answers.length = reading.counted.length + 1;
  Object.assign(state, { reading, cursor: null, followed: false, fresh: false });
  stopPlaying();
  drawReading(at('reading'), reading, state.bundle.manifest.tokenizer.unknown_id);
  scrollTo(at('reading'), reading.counted.length - 1);
  drawCount();
  answer();
}

function drawCount() {
  const { earlier, later, counted, words } = state.reading;
  const { max_length: most } = state.bundle.manifest.tokenizer;
  const dropped = words.length - counted.length;
  const parts = [plural(counted.length + earlier + later, 'word')];
  if (earlier || later) {
    const [these, those] = earlier ? ['last', 'first'] : ['first', 'last'];
    parts.push(
      `the ${these} ${counted.length} of them count, as the model takes ${most} ids: the ${those} ` +
        `${(earlier + later).toLocaleString('en')} do not`,
    );
  }
  if (dropped) parts.push(`${dropped} more not in the vocabulary, which the model does not get`);
  at('count').textContent = parts.join('; ');
}

/** Asks the chosen variant for the whole text, and the step model for every word. */
async function answer() {
  if (state.reading === null) return;
  const mine = ++job;
  const gone = () => mine !== job;
  busy += 1;
  try {
    await Promise.all([wholeText(gone), wordByWord(gone)]);
  } finally {
    busy -= 1;
    touched = performance.now();
  }
}

async function wholeText(gone) {
  const { runner, reading } = state;
  if (runner === null) return;
  try {
    await runnerLine.run(async () => {
      await turn();
      if (gone() || runner !== state.runner) return;
      const outputs = await runner.run(runner.takesTexts ? reading.text : reading.ids);
      if (gone() || runner !== state.runner) return;
      state.whole = probabilitiesOf(outputs);
      state.fresh = true;
      trouble('run', null);
    });
  } catch (error) {
    if (!gone()) {
      Object.assign(state, { whole: null, fresh: false });
      trouble('run', `${runner.variant} failed on this text in ${runner.title}: ${inWords(error)}`);
    }
  }
  paint();
}

async function wordByWord(gone) {
  const { stream, reading } = state;
  if (stream === null) return;
  const heard = (number, outputs) => {
    if (gone()) return;
    state.answers[number] = probabilitiesOf(outputs);
    soon();
  };
  try {
    await streamLine.run(async () => {
      if (gone() || stream !== state.stream) return;
      const whole = await follow(stream, reading, state.bundle.manifest, heard, gone);
      if (gone()) return;
      state.followed = whole;
      trouble('follow', null);
    });
  } catch (error) {
    if (!gone()) trouble('follow', `Word by word stopped: ${stream.variant} failed: ${inWords(error)}`);
  }
  paint();
}

let drawn = null;
function soon() {
  drawn ??= requestAnimationFrame(paint);
}

/** Draws everything that depends on the answers. */
function paint() {
  if (drawn !== null) cancelAnimationFrame(drawn);
  drawn = null;
  const { reading, answers, cursor, stream } = state;
  if (reading === null) return;
  drawVerdict(names(), cursor === null ? state.whole : (answers[cursor] ?? null));
  at('basis').textContent = basis();
  at('answer').dataset.settled = String(state.fresh && (!state.expects || state.followed));
  announce();
  if (stream === null) return;
  const number = followed();
  const changes = added(answers, number);
  const ways = directions(names(), number);
  paintWords(at('reading'), changes, ways, cursor);
  drawChart(Array.from(answers, (one) => one?.[number]), cursor, binary());
  at('axis-top').textContent = names()[number];
  at('axis-bottom').textContent = binary() ? names()[0] : '';
  drawStrongest(changes, reading.counted, ways);
  drawLegend(at('legend'), ways, at('reading').querySelector('[data-unknown], .unknown') !== null);
  drawPlace(changes);
  drawAgreement();
}

function basis() {
  const { reading, cursor, runner, stream, pick } = state;
  const total = reading.counted.length;
  if (cursor !== null) return `After ${cursor} of ${plural(total, 'word')}, by ${stream.variant}.`;
  if (runner === null) {
    if (pick === null) return '';
    if (checks.get(pick)?.failed) return `${pick.variant.name} is not loaded.`;
    return `${pick.variant.name} is loading into ${pick.title} …`;
  }
  const what = ['No word: what the model says of nothing', 'The only word'][total] ?? `All ${total} words`;
  return `${what}, by ${runner.variant} in ${runner.title} ${runner.version}.`;
}

function drawPlace(changes) {
  const { reading, cursor, answers } = state;
  const place = at('place');
  const total = reading.counted.length;
  place.max = total;
  place.value = cursor ?? total;
  place.disabled = at('play').disabled = total === 0;
  const number = cursor ?? total;
  const now = answers[number];
  const last = reading.counted[number - 1]?.text;
  const said = [number === 0 ? 'before the first word' : `word ${number} of ${total}, ${last}`];
  if (number > 0 && (changes[number - 1] ?? null) !== null) said.push(signed(changes[number - 1]));
  if (now) said.push(inShort(now));
  place.setAttribute('aria-valuetext', said.join(', '));
}

function inShort(probabilities) {
  const most = Math.max(...probabilities);
  return `${names()[probabilities.indexOf(most)]} ${Math.round(100 * most)} percent`;
}

/** Says the verdict, where it is read aloud, when it has come to rest. */
function announce() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    if (!state.fresh || state.cursor !== null) return;
    const said = `${inShort(state.whole)}.`;
    if (at('status').textContent !== said) at('status').textContent = said;
  }, QUIET);
}

/** The step model's last answer beside that of the whole text. */
function drawAgreement() {
  const place = at('agreement');
  const { runner, stream, whole, fresh, answers, followed: done, reading } = state;
  const last = answers[reading.counted.length];
  if (!done || !fresh || !last) {
    place.textContent = '';
    return;
  }
  const number = followed();
  const { off, limit, ok } = agreement(last, whole, [toleranceOf(stream.variant), toleranceOf(runner.variant)]);
  place.replaceChildren(
    make('span', { class: ok ? 'ok' : 'bad' }, ok ? 'ok' : 'OUTSIDE'),
    ` After the last word ${stream.variant} says ${last[number].toFixed(6)} for ${names()[number]}, ` +
      `${runner.variant} on the whole text ${whole[number].toFixed(6)}: apart by ${difference(off)}, ` +
      `limit ${Number(limit.toPrecision(2))}.`,
  );
}

function toleranceOf(name) {
  return state.bundle.manifest.variants.find((one) => one.name === name).tolerance;
}

// ---------------------------------------------------------------- place in the text

let playing = null;
function stopPlaying() {
  clearInterval(playing);
  playing = null;
  at('play').textContent = 'Play';
}

function moveTo(number) {
  const total = state.reading.counted.length;
  state.cursor = number >= total ? null : number;
  paint();
  scrollTo(at('reading'), number - 1);
}

function play() {
  if (playing !== null) {
    stopPlaying();
    return;
  }
  const total = state.reading.counted.length;
  if (state.cursor === null) moveTo(0);
  at('play').textContent = 'Pause';
  const step = Math.min(Math.max(PLAY / total, STEP[0]), STEP[1]);
  playing = setInterval(() => {
    moveTo(state.cursor + 1);
    if (state.cursor === null) stopPlaying();
  }, step);
}

// ---------------------------------------------------------------- variants

const loaded = ({ variant, runtime }) => load(state.bundle, variant.name, { runtime });

async function choose(pick) {
  const mine = ++choice;
  const gone = () => mine !== choice;
  checks.stop();
  const old = state.runner;
  stopPlaying();
  Object.assign(state, { pick, runner: null, whole: null, fresh: false, cursor: null });
  mark(pick);
  checks.forget(pick);
  trouble('load', null);
  trouble('run', null);
  at('check').disabled = at('check-all').disabled = true;
  paint();
  if (old !== null) runnerLine.run(() => old.close());
  await turn();
  try {
    const runner = await runnerLine.run(() => (gone() ? null : loaded(pick)));
    if (runner === null) return;
    if (gone()) {
      runner.close();
      return;
    }
    state.runner = runner;
  } catch (error) {
    if (gone()) return;
    at('check-all').disabled = false;
    checks.fail(pick, error);
    const said = `${pick.variant.name} cannot be loaded into ${pick.title}: ${inWords(error)}`;
    trouble('load', `${said}\nChoose another variant, or load the page again.`);
    paint();
    return;
  }
  at('check').disabled = at('check-all').disabled = false;
  checks.draw();
  await streamChoice.run(() => (gone() ? null : chooseStream(pick.variant)));
  if (gone()) return;
  await answer();
  if (!gone() && !checks.get(pick)) checks.check(false);
}

/** The step models that some runtime of this page takes. */
function streams() {
  return state.bundle.manifest.variants.filter(
    (one) => one.made_for === 'stream' && runtimesFor(one).some(({ why }) => why === null),
  );
}

/** One of the variant's own precision, where there is one. */
async function chooseStream(variant) {
  const found = streams();
  const wanted =
    found.find((one) => one.name === variant.name) ??
    found.find((one) => one.precision === variant.precision) ??
    found[0];
  if (wanted === undefined) return;
  if (wanted.name === state.stream?.variant) {
    trouble('stream', null);
    return;
  }
  const old = state.stream;
  try {
    const stream = await openStream(state.bundle, wanted.name);
    Object.assign(state, { stream, followed: false });
    state.answers = new Array(state.reading.counted.length + 1);
    if (old !== null) streamLine.run(() => old.close());
    for (const place of ['stream', 'follow']) trouble(place, null);
    showStream(null);
  } catch (error) {
    trouble('stream', `Word by word is not there: ${wanted.name} cannot be loaded: ${inWords(error)}`);
    if (old === null) showStream(`${wanted.name} cannot be loaded.`);
  }
}

/** Shows what is drawn of a step model; or, where there is none, why. */
function showStream(missing) {
  state.expects = missing === null;
  at('no-stream').textContent = missing ?? '';
  at('no-stream').hidden = state.expects;
  for (const id of ['chart', 'legend', 'strongest', 'play']) at(id).hidden = !state.expects;
}

/** Golden vectors of a variant, and the inputs that are timed. */
async function examine(runner, pick, run, onProgress) {
  const { cases, edge } = state.bundle.golden;
  const asked = { ...runner, run: (input) => run(() => runner.run(input)) };
  const golden = await checkGolden(asked, state.bundle, onProgress);
  const edges = inputsOf(runner, edge).length;
  return {
    golden,
    run: `${plural(golden.examples, 'text')} and ${plural(edges, 'edge case')}`,
    off: `max |Δp| ${difference(golden.maxAbs)}`,
    on: 'the golden texts',
    inputs: inputsOf(runner, cases).map(({ input }) => () => runner.run(input)),
  };
}

// ---------------------------------------------------------------- start

function whyNoStream({ source, variants }) {
  if (variants.some((one) => one.made_for === 'stream')) {
    return (
      'No runtime of this page takes the step models of this bundle. ONNX Runtime Web takes those that ' +
      'are written by: lstm-edge export MODEL --streaming --format onnx'
    );
  }
  const missing = 'This bundle has no step model, which word by word needs';
  return source.not_streamed // absent where the model can be streamed, and in older bundles
    ? `${missing}, and none can be made of this model: ${source.not_streamed.join('; ')}.`
    : `${missing}. One is written beside the other files by: lstm-edge export MODEL --streaming`;
}

async function start() {
  if (!hasSimd()) throw new Error(NO_SIMD);
  const bundle = await openBundle('bundle/');
  if (bundle.tokenizer === null) {
    throw new Error('this bundle does not take texts; lstm-edge export MODEL --vocab writes one that does');
  }
  state.bundle = bundle;
  const { manifest } = bundle;
  const layers = (manifest.source.layers ?? []).map(({ kind }) => kind).join(' → ');
  const model = `${manifest.source.file ?? 'A model'}${layers ? ` (${layers})` : ''}`;
  at('about').textContent = `${model}, running in this browser. What you type does not leave it.`;
  const said = preprocessingOf(manifest);
  if (said !== null) {
    const style = said.assumed ? 'warning' : 'soft small';
    at('about').after(make('p', { id: 'preprocessing', class: style }, said.text));
  }
  state.picks = listVariants(bundle);
  const resting = () => (busy > 0 ? 0 : performance.now() - touched);
  checks = new Checks({ state, line: runnerLine, load: loaded, resting, examine });
  state.expects = streams().length > 0;
  if (!state.expects) {
    showStream(whyNoStream(manifest));
  }
  const { unknown_id: unknown } = manifest.tokenizer;
  const examples = examplesOf(bundle.golden.cases, bundle.labels, unknown);
  for (const { title, text } of examples) {
    const button = make('button', { type: 'button' }, title);
    button.addEventListener('click', () => {
      at('text').value = text;
      typed();
    });
    at('examples').append(button);
  }
  // one to begin with, unless somebody is about to type
  if (!at('text').value && document.activeElement !== at('text')) {
    at('text').value = examples.at(-1)?.text ?? '';
  }
  at('text').addEventListener('input', typed);
  at('place').addEventListener('input', ({ target }) => {
    stopPlaying();
    moveTo(Number(target.value));
  });
  at('play').addEventListener('click', play);
  at('reading').addEventListener('click', ({ target }) => {
    if (state.stream === null || !('at' in target.dataset)) return;
    stopPlaying();
    moveTo(Number(target.dataset.at) + 1);
  });
  at('variants').addEventListener('change', ({ target }) => {
    choose(state.picks.find(({ key }) => key === target.value));
  });
  renew();
  if (!state.picks.length) {
    throw new Error('no file of this bundle runs in a browser; lstm-edge export MODEL --format onnx writes some');
  }
  await choose(state.picks[0]);
}

start().catch((error) => {
  trouble('start', `The demo cannot start: ${inWords(error)}`);
  at('about').textContent = '';
});
