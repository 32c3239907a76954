// What the demo page shows of an answer: functions of values to elements, without a state of their own.

import { strongest } from './reading.js';

const FULL = 0.25; // a change of the probability that is drawn as strongly as any larger one
const LEAST = 0.015; // one that is not drawn
const SHOWN = 600; // characters of what does not count any more
const LISTED = 10; // classes that are seen without scrolling

export const at = (id) => document.getElementById(id);

/** An element with attributes and content. */
export function make(name, attributes = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

export const percent = (p) =>
  p < 1 && p >= 0.9995 ? '> 99.9%' : p > 0 && p < 0.0005 ? '< 0.1%' : `${(100 * p).toFixed(1)}%`;
export const signed = (by) => (by < 0 ? '−' : '+') + Math.abs(by).toFixed(2);
export const difference = (value) => (value ? value.toExponential(1) : '0');
export const plural = (n, one) => `${n.toLocaleString('en')} ${one}${n === 1 ? '' : 's'}`;
export const milliseconds = (ms) => `${Number(ms.toPrecision(3))} ms`;
export const megabytes = (bytes) =>
  bytes < 1e6 ? `${Number((bytes / 1e3).toPrecision(3))} kB` : `${(bytes / 1e6).toFixed(2)} MB`;

/**
 * What is to be said of how a bundle's texts become ids: whether that was told, matched or only assumed.
 * @param {object} manifest of the bundle
 * @returns {{assumed: boolean, text: string}|null} null where there is nothing to say
 */
export function preprocessingOf({ preprocessing, tokenizer }) {
  const { state, sources, examples, untold } = preprocessing ?? {};
  const named = (names, saying) => names.map((name) => saying(name.replaceAll('_', ' '), tokenizer[name])).join(', ');
  if (state === 'matched') {
    const rest = untold.length ? ` None of them could tell ${named(untold, (name) => name)}.` : '';
    return { assumed: false, text: `Preprocessing matched on ${plural(examples, 'example')}.${rest}` };
  }
  if (state !== 'assumed') return null;
  const names = Object.keys(sources).filter((name) => sources[name] === 'assumed');
  const settings = named(names, (name, value) => {
    return `${name} ${/^[a-z]+$/.test(value) ? (value ?? 'none') : JSON.stringify(value)}`;
  });
  const wrong = 'If training did otherwise, these answers are wrong; export with --expect.';
  return { assumed: true, text: `Assumed, not told: ${settings}. ${wrong}` };
}

/** The words for both directions, of the class that is followed. */
export function directions(labels, number) {
  return labels.length === 2
    ? [`Towards ${labels[1]}`, `Towards ${labels[0]}`]
    : [`Towards ${labels[number]}`, `Away from ${labels[number]}`];
}

/** The large answer. probabilities: null while there is none. */
export function drawVerdict(labels, probabilities) {
  const [answer, shares] = [at('answer'), at('shares')];
  if (probabilities === null) {
    answer.className = 'answer';
    at('label').textContent = '–';
    at('share').textContent = '';
    shares.replaceChildren();
    return;
  }
  const number = probabilities.indexOf(Math.max(...probabilities));
  answer.className = labels.length === 2 ? `answer ${number ? 'up' : 'down'}` : 'answer up';
  at('label').textContent = labels[number];
  at('share').textContent = percent(probabilities[number]);
  if (labels.length === 2) drawMeter(shares, labels, probabilities);
  else drawClasses(shares, labels, probabilities, number);
}

function drawMeter(shares, labels, [below, above]) {
  let meter = shares.querySelector('.meter');
  if (meter === null) {
    meter = make('div', { class: 'meter', 'aria-hidden': 'true' }, make('i'), make('b'), make('u'));
    shares.replaceChildren(meter, make('div', { class: 'ends' }, make('span'), make('span')));
  }
  meter.classList.toggle('down', above <= 0.5);
  meter.firstChild.style.left = `${100 * Math.min(0.5, above)}%`;
  meter.firstChild.style.right = `${100 * Math.min(0.5, below)}%`;
  meter.lastChild.style.left = `${100 * above}%`;
  const [left, right] = shares.querySelectorAll('.ends span');
  left.textContent = `${labels[0]} ${percent(below)}`;
  right.textContent = `${labels[1]} ${percent(above)}`;
}

function drawClasses(shares, labels, probabilities, number) {
  let list = shares.querySelector('.classes');
  if (list === null) {
    const rows = labels.map((label) =>
      make('li', {}, make('span', {}, label), make('div', { class: 'bar' }, make('i')), make('span')),
    );
    list = make('ul', { class: 'classes', 'aria-label': 'Every label' }, ...rows);
    if (labels.length > LISTED) list.tabIndex = 0;
    shares.replaceChildren(list);
  }
  for (const [i, row] of [...list.children].entries()) {
    row.classList.toggle('wins', i === number);
    row.querySelector('i').style.width = `${100 * probabilities[i]}%`;
    row.lastChild.textContent = percent(probabilities[i]);
  }
}

/** Brings a word into view in its own scrolling box, which keys can scroll where it is too small. */
export function scrollTo(place, number) {
  if (place.scrollHeight > place.clientHeight) place.tabIndex = 0;
  else place.removeAttribute('tabindex');
  const word = place.querySelector(`[data-at="${number}"]`);
  if (word === null) return;
  const [box, own] = [place.getBoundingClientRect(), word.getBoundingClientRect()];
  if (own.top < box.top) place.scrollTop -= box.top - own.top + own.height;
  if (own.bottom > box.bottom) place.scrollTop += own.bottom - box.bottom + own.height;
}

/** The text with its words as elements; what the words added is painted by paintWords. */
export function drawReading(place, reading, unknown) {
  const parts = [];
  if (reading.earlier) {
    const before = reading.text.slice(0, reading.from);
    const more = before.length > SHOWN ? '…' : '';
    parts.push(make('span', { class: 'gone' }, more + before.slice(-SHOWN)));
  }
  let from = reading.from;
  let number = 0;
  for (const { start, end, id } of reading.words) {
    if (start > from) parts.push(reading.text.slice(from, start));
    const word = make('span', {}, reading.text.slice(start, end));
    if (id === null) {
      word.className = 'dropped unknown';
      word.title = 'not in the vocabulary: the model does not get it';
    } else {
      word.dataset.at = number;
      number += 1;
      if (id === unknown) word.dataset.unknown = '';
    }
    parts.push(word);
    from = end;
  }
  parts.push(reading.text.slice(from, reading.to));
  if (reading.later) {
    const after = reading.text.slice(reading.to);
    parts.push(make('span', { class: 'gone' }, after.slice(0, SHOWN) + (after.length > SHOWN ? '…' : '')));
  }
  place.replaceChildren(...parts);
}

/**
 * Colours, bars and titles of the words.
 * @param {(number|null)[]} changes of every word that counts; null: not known
 * @param {string[]} ways from directions
 * @param {number|null} cursor words read so far; null: all
 */
export function paintWords(place, changes, ways, cursor) {
  for (const word of place.querySelectorAll('[data-at]')) {
    const number = Number(word.dataset.at);
    const by = changes[number] ?? null;
    const unknown = 'unknown' in word.dataset;
    const names = unknown ? ['unknown'] : [];
    const about = unknown ? ['not in the vocabulary: all such words are one to the model'] : [];
    if (by !== null) {
      about.push(`${signed(by)} (${by < 0 ? ways[1] : ways[0]})`);
      if (Math.abs(by) >= LEAST) names.push(by > 0 ? 'up' : 'down');
      word.style.setProperty('--a', Math.min(1, Math.abs(by) / FULL) ** 0.6);
    }
    if (cursor !== null && number >= cursor) names.push('later');
    if (cursor !== null && number === cursor - 1) names.push('now');
    word.className = names.join(' ');
    word.title = about.join('; ');
  }
}

export function drawLegend(place, ways, unknown) {
  const one = (name, text) => make('span', {}, make('i', { class: name }), text);
  const parts = [one('up', `${ways[0]}: bar above`), one('down', `${ways[1]}: bar below`)];
  if (unknown) parts.push(one('unknown', 'not in the vocabulary'));
  place.replaceChildren(...parts);
}

/** @param {(number|undefined)[]} series probability after 0, 1, … words; not all may be there */
export function drawChart(series, cursor, binary) {
  const last = Math.max(1, series.length - 1);
  const points = [];
  series.forEach((p, i) => {
    if (p !== undefined) points.push([i, 100 - 100 * p]);
  });
  const base = binary ? 50 : 100;
  at('plot').setAttribute('viewBox', `0 0 ${last} 100`);
  for (const id of ['upper-rect', 'lower-rect']) at(id).setAttribute('width', last);
  at('upper-rect').setAttribute('height', base);
  at('middle').setAttribute('d', binary ? `M0 50H${last}` : '');
  const line = points.map(([x, y]) => `${x} ${y.toFixed(2)}`).join('L');
  const area = points.length ? `M${points[0][0]} ${base}L${line}L${points.at(-1)[0]} ${base}Z` : '';
  at('curve').setAttribute('d', line && `M${line}`);
  at('area-up').setAttribute('d', area);
  at('area-down').setAttribute('d', binary ? area : '');
  at('here').setAttribute('d', cursor === null ? '' : `M${cursor} 0V100`);
}

export function drawStrongest(changes, words, ways) {
  const found = strongest(changes);
  for (const [id, way, list] of [['up', ways[0], found.up], ['down', ways[1], found.down]]) {
    at(`${id}-title`).textContent = way;
    const rows = list.map(({ at: number, by }) =>
      make('li', {}, make('span', {}, words[number].text), make('span', {}, signed(by))),
    );
    if (!rows.length) rows.push(make('li', { class: 'none' }, 'no word'));
    at(id).replaceChildren(...rows);
  }
}

/**
 * What is known of a variant, in its line of the list.
 * @param {object|undefined} found {golden, run, off, on, latency} or {failed}, from variants.js
 * @param {{done: number, total: number}|null} running
 */
export function drawResult(place, found, running) {
  const golden = found?.golden;
  let text = '';
  if (running !== null) text = progressOf(running);
  else if (found?.failed) text = `failed: ${found.failed}`;
  else if (golden) {
    text = `${golden.ok ? 'ok' : 'OUTSIDE'} · ${found.off} · ${milliseconds(found.latency.median)}`;
  }
  place.className = found?.failed || golden?.ok === false ? 'result bad' : 'result';
  place.textContent = text;
}

function progressOf({ done, total }) {
  return total ? `checking: ${done} of ${total}` : 'loading …';
}

/** The chosen variant on this browser. runner: null while it is not loaded */
export function drawFacts({ variant, title }, runner, found, running) {
  const facts = [
    ['Variant', variant.name],
    ['Runtime', runner?.runtime ?? `${title}, ${found?.failed ? 'failed' : 'loading …'}`],
  ];
  if (runner !== null) {
    const [runtime, file, model] = [runner.importMs, runner.fetchMs, runner.loadMs].map(milliseconds);
    facts.push(['Start-up', `runtime ${runtime}, file ${file}, model ${model}`]);
  }
  const golden = found?.golden;
  if (running !== null) facts.push(['Golden vectors', progressOf(running)]);
  else if (golden) {
    const said = [found.run, found.off];
    if (golden.flips !== null) said.push(plural(golden.flips, 'flip'));
    facts.push(['Golden vectors', `${golden.ok ? 'ok' : 'OUTSIDE'}: ${said.join(', ')}`, golden.ok ? 'ok' : 'bad']);
  } else facts.push(['Golden vectors', 'not run']);
  if (golden) {
    const { median, p90, count } = found.latency;
    const times = `median ${milliseconds(median)}, p90 ${milliseconds(p90)}`;
    facts.push(['Latency', `${times}; last ${count} inferences on ${found.on}`]);
  } else facts.push(['Latency', 'not measured']);
  const cores = navigator.hardwareConcurrency;
  facts.push(['Browser', `${browserName()}${cores ? `, ${plural(cores, 'core')}` : ''}`]);
  const rows = facts.map(([term, text, kind = '']) =>
    make('div', {}, make('dt', {}, term), make('dd', { class: kind }, text)),
  );
  at('checks').replaceChildren(...rows);
  at('failures').replaceChildren(...(golden?.failures ?? []).map((one) => make('li', {}, one)));
}

function browserName() {
  const { userAgent, userAgentData } = navigator;
  // among the names is one that is none, such as "Not)A;Brand"
  const known = userAgentData?.brands?.findLast(({ brand }) => !/^\W*not\W*a/i.test(brand));
  if (known) return `${known.brand} ${known.version}, ${userAgentData.platform || 'unknown system'}`;
  const found = /(Firefox|Edg|Chrome|Version)\/(\d+)/.exec(userAgent);
  return found ? `${found[1] === 'Version' ? 'Safari' : found[1]} ${found[2]}` : userAgent;
}

/** What went wrong, for a reader who does not know the libraries. */
export function inWords(error) {
  const said = String(error?.message ?? error).split('\n')[0].slice(0, 400);
  if (/out of memory|allocat|\bOOM\b/i.test(said)) {
    return `this tab has not enough memory for it (${said}). Close other tabs, or choose a smaller variant.`;
  }
  return /[.!?]$/.test(said) ? said : `${said}.`;
}
