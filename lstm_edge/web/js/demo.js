// The demo page: a text, its verdict, what each word added, and how true and fast every file is here.

import { openBundle } from './bundle.js';
import { checkGolden } from './golden.js';
import {
  added, agreement, examplesOf, follow, Line, probabilitiesOf, quantile, read, strongest, turn,
} from './reading.js';
import { hasSimd, load, NO_SIMD, openStream, runtimesFor } from './runtimes.js';

const VENDOR = 'vendor/';
const STREAM = 'stream';
const DEBOUNCE = 150; // ms of quiet before a text is read
const QUIET = 900; // ms before a screen reader is told: not every word
const BEAT = 90; // ms for each word of a replay
const FULL = 0.2; // a change of the probability that has the full colour
const LEAST = 0.005; // one that has any

const $ = (id) => document.getElementById(id);
const line = new Line();

let bundle; // as opened
let chosen; // {variant, runtime} of the radio button
let reading = null; // of the text that is shown
let answers = []; // probabilities after so many of its words; sparse while it is read
let whole = null; // the chosen variant's probabilities of the text
let shown = 0; // words up to the slider
let turnOf = 0; // every change of the text or the variant begins another run
let replay = null;
const runners = new Map(); // key -> Promise of a runner
const steps = new Map(); // variant -> Promise of a stream

// ---------------------------------------------------------------- small things

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function percent(p) {
  return `${(100 * p).toFixed(1)} %`;
}

function points(by) {
  return `${by < 0 ? '−' : '+'}${Math.abs(100 * by).toFixed(1)}`;
}

function size(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toPrecision(3)} KB` : `${(bytes / 1e6).toPrecision(3)} MB`;
}

function milliseconds(ms) {
  return `${ms < 100 ? ms.toPrecision(3) : Math.round(ms)} ms`;
}

function trouble(error) {
  const text = error instanceof Error ? error.message : String(error);
  $('trouble').replaceChildren(element('p', { class: 'trouble' }, text));
}

function calm() {
  $('trouble').replaceChildren();
}

function later(work, ms) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}

/** Once for what is asked for many times before the next picture. */
function once(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

// ---------------------------------------------------------------- files

function keyOf({ variant, runtime }) {
  return `${variant}|${runtime}`;
}

/** A loaded runner; what could not be loaded is tried again when it is asked for again. */
function runnerOf(choice) {
  const key = keyOf(choice);
  if (!runners.has(key)) {
    const pending = line.run(() =>
      load(bundle, choice.variant, { vendor: VENDOR, runtime: choice.runtime }),
    );
    runners.set(key, pending);
    pending.catch(() => runners.delete(key));
  }
  return runners.get(key);
}

/** The step model of the chosen variant's precision, or of float32, or whichever there is. */
function streamVariant() {
  const usable = bundle.manifest.variants.filter(
    (one) => one.made_for === STREAM && runtimesFor(one).some(({ why }) => why === null),
  );
  const precision = bundle.manifest.variants.find(({ name }) => name === chosen.variant).precision;
  const of = (wanted) => usable.find((one) => one.precision === wanted);
  return of(precision) ?? of('float32') ?? usable[0] ?? null;
}

function streamOf(variant) {
  if (!steps.has(variant)) {
    const pending = line.run(() => openStream(bundle, variant, { vendor: VENDOR }));
    steps.set(variant, pending);
    pending.catch(() => steps.delete(variant));
  }
  return steps.get(variant);
}

function toleranceOf(name) {
  return bundle.manifest.variants.find((one) => one.name === name).tolerance;
}

// ---------------------------------------------------------------- the verdict

/** Class whose probability is followed: the second of two, of more the one that wins in the end. */
function followed() {
  if (bundle.labels.length === 2) return 1;
  const last = whole ?? answers[answers.length - 1] ?? answers.find(Boolean);
  return last ? last.indexOf(Math.max(...last)) : 0;
}

const tell = later(() => {
  if (whole === null) return;
  const winner = whole.indexOf(Math.max(...whole));
  $('status').textContent = `${bundle.labels[winner]}, ${percent(whole[winner])}`;
}, QUIET);

function showVerdict(probabilities, basis) {
  const { labels } = bundle;
  $('basis').textContent = basis;
  if (probabilities === null) {
    $('label').textContent = '–';
    $('share').textContent = '';
    $('answer').className = 'answer';
    $('shares').replaceChildren();
    return;
  }
  const winner = probabilities.indexOf(Math.max(...probabilities));
  $('label').textContent = labels[winner];
  $('share').textContent = percent(probabilities[winner]);
  $('answer').className = labels.length === 2 ? `answer ${winner ? 'up' : 'down'}` : 'answer';
  $('shares').replaceChildren(labels.length === 2 ? meter(probabilities) : bars(probabilities, winner));
}

function meter([no, yes]) {
  const bar = element('i');
  bar.style.left = `${100 * Math.min(0.5, yes)}%`;
  bar.style.right = `${100 * Math.min(0.5, no)}%`;
  const ends = bundle.labels.map((label, i) => element('span', {}, `${label} ${percent([no, yes][i])}`));
  return element(
    'div',
    {},
    element('div', { class: yes > no ? 'meter' : 'meter down', 'aria-hidden': 'true' }, bar, element('b')),
    element('div', { class: 'ends' }, ...ends),
  );
}

function bars(probabilities, winner) {
  const rows = probabilities.map((p, i) => {
    const bar = element('i');
    bar.style.width = `${100 * p}%`;
    return element(
      'li',
      { class: i === winner ? 'wins' : null },
      element('span', {}, bundle.labels[i]),
      element('span', { class: 'bar', 'aria-hidden': 'true' }, bar),
      element('span', {}, percent(p)),
    );
  });
  return element('ul', { class: 'classes' }, ...rows);
}

// ---------------------------------------------------------------- word by word

function showCount() {
  const { words, counted, earlier } = reading;
  const { max_length: most, unknown_id: unknown } = bundle.manifest.tokenizer;
  const total = counted.length + earlier;
  const parts = [`${total} word${total === 1 ? '' : 's'}`];
  const strange = words.filter(({ id }) => id === unknown || id === null).length;
  if (strange) parts.push(`${strange} of them not in the vocabulary`);
  if (earlier) parts.push(`the model reads the last ${most} ids: the first ${earlier} do not count`);
  $('count').textContent = total || strange ? parts.join('; ') : '';
}

/** The text as it stands, each word in a span of its own. */
function showText() {
  const { text, words, earlier, from } = reading;
  const { unknown_id: unknown } = bundle.manifest.tokenizer;
  const parts = [];
  if (earlier) parts.push(element('span', { class: 'gone' }, text.slice(0, from)));
  let at = from;
  let number = 0;
  for (const word of words) {
    parts.push(text.slice(at, word.start));
    const piece = element('span', {}, text.slice(word.start, word.end));
    if (word.id === null) {
      piece.className = 'dropped unknown';
      piece.title = 'not in the vocabulary: dropped';
    } else {
      piece.dataset.at = String(number);
      piece.dataset.note = word.id === unknown ? 'not in the vocabulary' : '';
      number += 1;
    }
    parts.push(piece);
    at = word.end;
  }
  parts.push(text.slice(at));
  $('reading').replaceChildren(...parts);
}

function showWords() {
  if (!reading) return;
  const number = followed();
  const changes = added(answers, number);
  const count = reading.counted.length;
  for (const piece of $('reading').querySelectorAll('[data-at]')) {
    const at = Number(piece.dataset.at);
    const by = changes[at] ?? null;
    const moved = by !== null && Math.abs(by) >= LEAST;
    piece.className = [
      moved ? (by > 0 ? 'up' : 'down') : '',
      piece.dataset.note ? 'unknown' : '',
      at >= shown ? 'later' : '',
      at === shown - 1 && shown < count ? 'now' : '',
    ].filter(Boolean).join(' ');
    piece.style.setProperty('--a', moved ? Math.min(1, Math.abs(by) / FULL).toFixed(3) : '0');
    const told = by === null ? '' : `${points(by)} points for ${bundle.labels[number]}`;
    piece.title = [told, piece.dataset.note].filter(Boolean).join('; ');
  }
  showCurve(number, count);
  showStrongest(changes, number);
  const place = $('place');
  place.max = String(count);
  place.value = String(shown);
  place.disabled = !count;
  const now = answers[shown];
  const word = shown ? `${reading.counted[shown - 1].text}: ` : 'before the first word: ';
  place.setAttribute(
    'aria-valuetext', now ? `${word}${bundle.labels[number]} ${percent(now[number])}` : word,
  );
  $('play').disabled = !count || answers.length <= count;
}

function showCurve(number, count) {
  const known = [];
  for (let at = 0; at <= count; at++) {
    if (answers[at]) known.push([at, 100 * (1 - answers[at][number])]);
  }
  const width = Math.max(1, count);
  $('plot').setAttribute('viewBox', `0 0 ${width} 100`);
  for (const id of ['upper-rect', 'lower-rect']) $(id).setAttribute('width', String(width));
  const path = known.map(([x, y]) => `${x} ${y.toFixed(2)}`).join('L');
  $('curve').setAttribute('d', path ? `M${path}` : '');
  const last = known.length ? known[known.length - 1][0] : 0;
  const area = path ? `M0 50L${path}L${last} 50Z` : '';
  $('area-up').setAttribute('d', area);
  $('area-down').setAttribute('d', area);
  $('middle').setAttribute('d', `M0 50H${width}`);
  $('here').setAttribute('d', shown < count ? `M${shown} 0V100` : '');
  $('axis-top').textContent = `${bundle.labels[number]} 100 %`;
  $('axis-bottom').textContent = '0 %';
}

function showStrongest(changes, number) {
  const { up, down } = strongest(changes, 5, LEAST);
  const label = bundle.labels[number];
  const other = bundle.labels.length === 2 ? bundle.labels[1 - number] : `away from ${label}`;
  $('up-title').textContent = `Towards ${label}`;
  $('down-title').textContent = bundle.labels.length === 2 ? `Towards ${other}` : `Away from ${label}`;
  for (const [id, found] of [['up', up], ['down', down]]) {
    const rows = found.map(({ at, by }) =>
      element(
        'li', {}, element('span', {}, reading.counted[at].text), element('span', {}, points(by)),
      ),
    );
    $(id).replaceChildren(
      ...(rows.length ? rows : [element('li', { class: 'none' }, 'nothing yet')]),
    );
  }
}

const drawWords = once(showWords);

function stopReplay() {
  clearInterval(replay);
  replay = null;
  $('play').textContent = 'Play';
}

function play() {
  if (replay !== null) {
    stopReplay();
    return;
  }
  shown = 0;
  $('play').textContent = 'Stop';
  replay = setInterval(() => {
    if (shown >= reading.counted.length) stopReplay();
    else shown += 1;
    showAt();
  }, BEAT);
}

/** What the text was up to the slider. */
function showAt() {
  const count = reading.counted.length;
  if (shown >= count) showVerdict(whole, basisOf());
  else if (answers[shown]) showVerdict(answers[shown], `after ${shown} of ${count} words`);
  drawWords();
}

function basisOf() {
  return `${chosen.variant} in ${titleOf(chosen)}, on the whole text`;
}

function titleOf({ variant, runtime }) {
  const info = bundle.manifest.variants.find(({ name }) => name === variant);
  return runtimesFor(info).find(({ name }) => name === runtime).title;
}

// ---------------------------------------------------------------- reading a text

async function update() {
  const mine = ++turnOf;
  const gone = () => mine !== turnOf;
  stopReplay();
  const text = $('text').value;
  reading = read(text, bundle.tokenizer);
  answers = [];
  whole = null;
  shown = reading.counted.length;
  showCount();
  showText();
  $('agreement').textContent = '';
  if (!reading.words.length && !reading.earlier) {
    showVerdict(null, 'No text yet.');
    drawWords();
    return;
  }
  try {
    const runner = await runnerOf(chosen);
    if (gone()) return;
    const input = runner.takesTexts ? text : reading.ids;
    const outputs = await line.run(() => (gone() ? null : runner.run(input)));
    if (outputs === null || gone()) return;
    whole = probabilitiesOf(outputs);
    calm();
    showVerdict(whole, basisOf());
    tell();
    drawWords();
    const variant = streamVariant();
    if (variant === null) return;
    const stream = await streamOf(variant.name);
    const done = await line.run(() =>
      follow(
        stream,
        reading,
        bundle.manifest,
        (at, answer) => {
          if (gone()) return;
          answers[at] = probabilitiesOf(answer);
          drawWords();
        },
        gone,
      ),
    );
    if (done && !gone()) showAgreement(variant.name);
  } catch (error) {
    if (!gone()) {
      showVerdict(null, '');
      trouble(error);
    }
  }
}

function showAgreement(stream) {
  const last = answers[reading.counted.length];
  const { off, limit, ok } = agreement(last, whole, [toleranceOf(stream), toleranceOf(chosen.variant)]);
  const told = off ? off.toExponential(1) : '0';
  $('agreement').textContent =
    `Read word by word (${stream}) and as a whole (${chosen.variant}): |Δp| ${told}` +
    (ok ? ', the same within tolerance.' : `, more than ${limit}.`);
  $('agreement').className = ok ? 'small soft' : 'small bad';
}

// ---------------------------------------------------------------- variants and their checks

function showVariants() {
  const usable = [];
  const not = [];
  for (const variant of bundle.manifest.variants.filter((one) => one.made_for !== STREAM)) {
    const found = runtimesFor(variant);
    for (const { name, title, why } of found) {
      if (why === null) usable.push({ variant, runtime: name, title });
    }
    if (!found.some(({ why }) => why === null)) {
      const why = found.map((one) => `${one.title}: ${one.why}`).join('; ');
      not.push({ variant, why: why || 'no runtime of this page takes this format' });
    }
  }
  const groups = new Map();
  for (const one of usable) groups.set(one.title, [...(groups.get(one.title) ?? []), one]);
  const parts = [];
  for (const [title, ones] of groups) {
    parts.push(element('h3', {}, title), ...ones.map((one) => row(one.variant, one.runtime)));
  }
  if (not.length) {
    parts.push(
      element(
        'details', {}, element('summary', {}, `${not.length} that no runtime here takes`),
        ...not.map(({ variant, why }) => row(variant, null, why)),
      ),
    );
  }
  $('variants').replaceChildren(...parts);
  return usable.map(({ variant, runtime }) => ({ variant: variant.name, runtime }));
}

function row(variant, runtime, why = '') {
  const off = runtime === null;
  const value = keyOf({ variant: variant.name, runtime });
  const input = element('input', { type: 'radio', name: 'variant', value, disabled: off });
  return element(
    'label',
    { class: off ? 'variant off' : 'variant' },
    input,
    element('span', { class: 'name' }, variant.name),
    element('span', { class: 'size' }, size(variant.bytes)),
    element('span', { class: 'result', 'data-key': value }, why),
  );
}

/** The golden vectors on a file, and how long each answer took. */
async function check(choice, onProgress) {
  const runner = await runnerOf(choice);
  const times = [];
  const watched = {
    ...runner,
    // between two of them the page may do what the user wants
    run: (input) =>
      line.run(async () => {
        await turn();
        const began = performance.now();
        const answer = await runner.run(input);
        times.push(performance.now() - began);
        return answer;
      }),
  };
  const found = await checkGolden(watched, bundle, onProgress);
  return { runner, found, times: times.slice(0, found.examples) };
}

function summary({ found, times }) {
  const verdict = found.ok ? 'answers as Keras does' : 'OUTSIDE ITS TOLERANCE';
  return `${verdict}; ${found.flips} flips; median ${milliseconds(quantile(times, 0.5))}`;
}

function showChecks(result, progress = '') {
  const rows = [];
  if (result === null) rows.push(['Golden vectors', progress]);
  else {
    const { runner, found, times } = result;
    rows.push(
      ['Runtime', runner.runtime],
      ['Load', `${milliseconds(runner.loadMs)} (runtime itself ${milliseconds(runner.importMs)})`],
      ['Golden vectors', `${found.examples}: ${found.ok ? 'within tolerance' : 'OUTSIDE TOLERANCE'}`],
      ['Max |Δp|', found.maxAbs.toExponential(1)],
      ['Flips', `${found.flips} of ${found.examples}`],
      [
        'Latency',
        `median ${milliseconds(quantile(times, 0.5))}, p90 ${milliseconds(quantile(times, 0.9))} ` +
          `over ${times.length} golden ${runner.takesTexts ? 'texts, tokenising included' : 'texts'}`,
      ],
    );
  }
  $('checks').replaceChildren(
    ...rows.map(([term, text]) => element('div', {}, element('dt', {}, term), element('dd', {}, text))),
  );
  $('failures').replaceChildren(...(result?.found.failures ?? []).map((one) => element('li', {}, one)));
}

let checking = 0;

async function checkChosen() {
  const mine = ++checking;
  $('check').disabled = true;
  try {
    const result = await check(chosen, (done, total) => {
      if (mine === checking) showChecks(null, `${done} of ${total} …`);
    });
    note(chosen, result);
    if (mine === checking) showChecks(result);
  } catch (error) {
    if (mine === checking) {
      showChecks(null, 'could not be run');
      trouble(error);
    }
  } finally {
    if (mine === checking) $('check').disabled = false;
  }
}

function note(choice, result) {
  const place = document.querySelector(`[data-key="${CSS.escape(keyOf(choice))}"]`);
  place.textContent = summary(result);
  place.classList.toggle('bad', !result.found.ok);
}

async function checkAll(usable) {
  $('check-all').disabled = true;
  for (const choice of usable) {
    const place = document.querySelector(`[data-key="${CSS.escape(keyOf(choice))}"]`);
    try {
      note(choice, await check(choice, (done, total) => (place.textContent = `${done} of ${total} …`)));
    } catch (error) {
      place.textContent = error.message;
      place.classList.add('bad');
    }
  }
  $('check-all').disabled = false;
  $('status').textContent = 'Every variant is checked.';
}

function choose(choice) {
  chosen = choice;
  for (const input of document.querySelectorAll('input[name=variant]')) {
    input.checked = input.value === keyOf(choice);
  }
  const usable = streamVariant() !== null;
  $('no-stream').hidden = usable;
  for (const id of ['stream', 'strongest', 'play']) $(id).hidden = !usable;
  calm();
  showChecks(null, 'waiting');
  // the verdict first: what is typed has precedence
  update().then(checkChosen);
}

// ---------------------------------------------------------------- begin

function legend() {
  const [down, up] =
    bundle.labels.length === 2 ? bundle.labels : ['the verdict, away', 'the verdict'];
  const entries = [['up', `bar above: towards ${up}`], ['down', `bar below: towards ${down}`]];
  entries.push(['unknown', 'not in the vocabulary']);
  $('legend').replaceChildren(
    ...entries.map(([kind, text]) => element('span', {}, element('i', { class: kind }), text)),
  );
}

async function begin() {
  if (!hasSimd()) throw new Error(NO_SIMD);
  bundle = await openBundle('bundle/');
  if (bundle.golden === null) {
    throw new Error('This bundle takes arrays, and this page texts: export a classifier of texts.');
  }
  if (bundle.tokenizer === null) {
    throw new Error('This bundle has no vocabulary: export the model again with --vocab.');
  }
  const { source, labels, tokenizer: { unknown_id: unknown } } = bundle.manifest;
  $('about').textContent =
    `${source.file}: ${labels.join(', ')}. The model runs in this browser; nothing you type leaves it.`;
  $('no-stream').textContent =
    'This bundle has no step model, so there is a verdict on the whole text only: ' +
    'lstm-edge export MODEL --streaming adds one.';
  legend();
  const usable = showVariants();
  if (!usable.length) throw new Error('No file of this bundle runs in a browser.');
  for (const { title, text } of examplesOf(bundle.golden.cases, labels, unknown)) {
    const button = element('button', { type: 'button' }, title);
    button.addEventListener('click', () => {
      $('text').value = text;
      update();
    });
    $('examples').append(button);
  }
  $('text').addEventListener('input', later(update, DEBOUNCE));
  $('variants').addEventListener('change', (event) => {
    const [variant, runtime] = event.target.value.split('|');
    choose({ variant, runtime });
  });
  $('place').addEventListener('input', (event) => {
    stopReplay();
    shown = Number(event.target.value);
    showAt();
  });
  $('reading').addEventListener('click', ({ target }) => {
    if (target.dataset?.at === undefined) return;
    stopReplay();
    shown = Number(target.dataset.at) + 1;
    showAt();
  });
  $('play').addEventListener('click', play);
  $('check').addEventListener('click', checkChosen);
  $('check-all').addEventListener('click', () => checkAll(usable));
  $('check-all').disabled = false;
  $('text').value = examplesOf(bundle.golden.cases, labels, unknown)[0]?.text ?? '';
  choose(usable[0]);
}

begin().catch((error) => {
  $('about').textContent = '';
  trouble(error);
});
