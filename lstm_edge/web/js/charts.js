// What the page of arrays draws: series as lines, probabilities as bars, numbers. Functions of values to
// elements, without a state of their own; what is in a file is only ever set as text.

import { make, percent, plural } from './drawing.js';

const SVG = 'http://www.w3.org/2000/svg';
const COLOURS = 6;
const LINES = 18; // colours times dashes: more could not be told apart
const LISTED = 48; // numbers that are listed
const FLAT = 1e-5; // of its greatest number: the range of a line that is level
const APART = 20; // times that ranges differ, where one axis would make a line of the smaller ones

export const number = (x) => String(Number(x.toPrecision(5)));

function draw(name, attributes, ...content) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

/** A box for one input or output. shape in words */
export function box(name, shape, ...content) {
  return make('div', { class: 'box' }, make('h3', {}, name, make('span', { class: 'soft' }, ` ${shape}`)), ...content);
}

/** Numbers in a row, with names where there are some. */
export function numbers(values, names = null) {
  const shown = Array.from(values.subarray(0, LISTED), (x, i) =>
    make('li', {}, names ? `${names[i]}: ${number(x)}` : number(x)),
  );
  const more = values.length - shown.length;
  if (more) shown.push(make('li', {}, `and ${plural(more, 'more number').replace(/s$/, '')}`));
  return make('ul', { class: 'numbers' }, ...shown);
}

/** One bar for each probability. most: the place of the one that wins, or -1 */
export function bars(probabilities, names, most) {
  const rows = Array.from(probabilities, (p, i) => {
    const bar = make('i');
    bar.style.width = `${100 * Math.min(1, Math.max(0, p))}%`;
    const cells = [make('span', {}, names[i]), make('div', { class: 'bar' }, bar), make('span', {}, percent(p))];
    return make('li', i === most ? { class: 'wins' } : {}, ...cells);
  });
  const list = make('ul', { class: 'classes' }, ...rows);
  if (rows.length > 8) list.tabIndex = 0;
  return list;
}

const styleOf = (i) => `line c${i % COLOURS} dash${Math.floor(i / COLOURS) % 3}`;

/**
 * A series as lines, one for each channel.
 * @param {string} what the series is called where it is read aloud
 * @param {ArrayLike<number>} values [steps, channels]
 * @param {string[]} names of the channels
 * @param {ArrayLike<number>|null} keras the same of the reference, drawn behind
 * @param {boolean} shares whether they are probabilities, of which the axis is known
 */
export function series(what, values, names, { keras = null, shares = false, unit = 'step' } = {}) {
  const channels = names.length;
  const steps = values.length / channels;
  const shown = Math.min(channels, LINES);
  const all = [values, ...(keras ? [keras] : [])];
  const ranges = Array.from({ length: shown }, (_, c) => {
    const range = [Infinity, -Infinity];
    for (const one of all) {
      for (let i = c; i < one.length; i += channels) {
        if (!Number.isFinite(one[i])) continue; // a gap
        range[0] = Math.min(range[0], one[i]);
        range[1] = Math.max(range[1], one[i]);
      }
    }
    return range;
  });
  // what differs by rounding only is a level line
  const sizeOf = ([low, high]) => (high - low > FLAT * Math.max(Math.abs(low), Math.abs(high)) ? high - low : 0);
  const sizes = ranges.map(sizeOf).filter((size) => size > 0);
  const lowest = shares ? 0 : Math.min(...ranges.map(([low]) => low));
  const highest = shares ? 1 : Math.max(...ranges.map(([, high]) => high));
  const own = !shares && sizes.length > 1 && highest - lowest > APART * Math.min(...sizes);
  const path = (one, c) => {
    const [low, high] = own ? ranges[c] : [lowest, highest];
    const points = [];
    for (let t = 0; t < steps; t++) {
      const share = sizeOf([low, high]) ? (one[t * channels + c] - low) / (high - low) : 0.5;
      if (Number.isFinite(share)) points.push(`${t} ${(97 - 94 * share).toFixed(2)}`);
    }
    return points.length ? `M${points.join('L')}` : '';
  };
  const lines = [];
  for (let c = 0; c < shown; c++) {
    if (keras) lines.push(draw('path', { class: 'line keras', d: path(keras, c) }));
  }
  for (let c = 0; c < shown; c++) lines.push(draw('path', { class: styleOf(c), d: path(values, c) }));
  const about = `${what}: ${plural(steps, unit)}, from ${number(lowest)} to ${number(highest)}`;
  const plot = draw(
    'svg',
    { viewBox: `0 0 ${Math.max(1, steps - 1)} 100`, preserveAspectRatio: 'none', role: 'img', 'aria-label': about },
    ...lines,
  );
  const axis = make('div', { class: 'axis soft small', 'aria-hidden': 'true' });
  if (!own) axis.append(make('span', {}, number(highest)), make('span', {}, number(lowest)));
  const legend = make('p', { class: 'legend soft small' });
  const entry = (kind, text) => {
    const sample = draw('svg', { viewBox: '0 0 26 10', 'aria-hidden': 'true' }, draw('path', { class: kind, d: 'M0 5H26' }));
    legend.append(make('span', {}, sample, text));
  };
  if (channels > 1 || own || keras) {
    for (let c = 0; c < shown; c++) {
      entry(styleOf(c), own ? `${names[c]}, ${number(ranges[c][0])} to ${number(ranges[c][1])}` : names[c]);
    }
  }
  if (keras) entry('line keras', 'Keras');
  const caption = [`${plural(steps, unit)}, left to right`];
  if (own) caption.push('each line in a range of its own');
  if (channels > shown) caption.push(`the first ${shown} of ${channels} lines`);
  return [make('div', { class: 'chart' }, plot, axis), legend, make('p', { class: 'soft small' }, caption.join('; '))];
}
