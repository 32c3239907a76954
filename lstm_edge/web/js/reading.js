// What each word of a text adds to the verdict, by a step model. No DOM in here.

import { EDGE_LIMIT } from './golden.js';

/** Lets the page draw, and take keys, before what follows. */
export function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** One piece of work at a time, in the order in which they were asked for. */
export class Line {
  #last = Promise.resolve();

  /** @returns {Promise} of what work gives */
  run(work) {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

/**
 * A text as the model reads it.
 * @returns {{text: string, words: object[], counted: object[], ids: Int32Array, lead: number,
 *   earlier: number, from: number, later: number, to: number}} words: from the tokeniser, of the part
 *   that counts; counted: those of them that have an id; ids: all that the model gets, `lead` of which
 *   stand before the words (the start); earlier, later: words too many, all before `from` and from `to`
 *   on in the text
 */
export function read(text, tokenizer) {
  const words = tokenizer.words(text);
  const ids = tokenizer.encode(text);
  const known = words.filter(({ id }) => id !== null);
  const { max_length: most, start_id: first, truncating = 'pre' } = tokenizer.settings;
  const head = truncating === 'post';
  const counted = head ? known.slice(0, first === null ? most : most - 1) : known.slice(-most);
  const left = known.length - counted.length;
  const [earlier, later] = head ? [0, left] : [left, 0];
  const from = earlier ? counted[0].start : 0;
  const to = later ? (counted.at(-1)?.end ?? 0) : text.length;
  return {
    text,
    words: words.filter(({ start, end }) => start >= from && end <= to),
    counted,
    ids,
    lead: ids.length - counted.length,
    earlier,
    from,
    later,
    to,
  };
}

/**
 * Feeds a text to a step model, word by word. Pads that stand in front go first: its states are then
 * those that it has on the whole text. Those behind are fed for each answer, and then taken back.
 * @param {{reset: Function, feed: Function}} stream from runtimes.js
 * @param {object} reading from read
 * @param {object} manifest of the bundle
 * @param {(at: number, answer: Float32Array) => void} onAnswer at: words read so far
 * @param {() => boolean} gone whether nobody waits for the rest
 * @returns {Promise<boolean>} whether it came to the end
 */
export async function follow(stream, reading, manifest, onAnswer, gone) {
  const { max_length: most, pad_id: pad } = manifest.tokenizer;
  const { ids, lead, counted } = reading;
  const behind = manifest.pads === 'behind';
  const pads = behind || manifest.pads === 'none' ? 0 : most - ids.length;
  let front = new Int32Array(pads + lead).fill(pad);
  front.set(ids.subarray(0, lead), pads);
  if (!front.length && !counted.length && !behind) front = Int32Array.of(pad); // no model answers nothing
  await stream.reset();
  let answer = front.length ? await stream.feed(front) : null;
  for (let at = 0; ; at++) {
    const lacking = behind ? most - lead - at : 0;
    if (lacking) answer = await stream.peek(new Int32Array(lacking).fill(pad));
    if (answer !== null) onAnswer(at, answer);
    if (at === counted.length) return true;
    await turn();
    if (gone()) return false;
    answer = await stream.feed(ids.slice(lead + at, lead + at + 1));
  }
}

/** The probability of every label, from outputs [K]: K = 1 is that of the second label. */
export function probabilitiesOf(outputs) {
  return outputs.length === 1 ? [1 - outputs[0], outputs[0]] : Array.from(outputs);
}

/**
 * What each word added to the probability of a class.
 * @param {(number[]|undefined)[]} answers [n + 1], probabilities after so many words; not all may be there
 * @returns {(number|null)[]} [n]; null where it is not known
 */
export function added(answers, number) {
  return answers.slice(1).map((now, at) => {
    const before = answers[at];
    return now && before ? now[number] - before[number] : null;
  });
}

/**
 * The words that moved most, in both directions.
 * @returns {{up: {at: number, by: number}[], down: {at: number, by: number}[]}}
 */
export function strongest(changes, most = 5, least = 0.005) {
  const found = changes.map((by, at) => ({ at, by })).filter(({ by }) => Math.abs(by ?? 0) >= least);
  found.sort((a, b) => Math.abs(b.by) - Math.abs(a.by));
  return {
    up: found.filter(({ by }) => by > 0).slice(0, most),
    down: found.filter(({ by }) => by < 0).slice(0, most),
  };
}

/**
 * Whether two files agree on a text, as far as their tolerances let them differ from Keras.
 * @returns {{off: number, limit: number, ok: boolean}}
 */
export function agreement(one, other, tolerances) {
  const off = Math.max(...one.map((p, i) => Math.abs(p - other[i])));
  // each may differ from Keras by its own
  const limit = tolerances.reduce((sum, { max_abs: most }) => sum + (most ?? EDGE_LIMIT), 0);
  return { off, limit, ok: off <= limit };
}

/** A quantile of numbers, between two of them in proportion, as NumPy has it. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/**
 * Golden texts to begin with: for each of the first labels one that the reference is sure of, and one
 * that it is not; with few words that the model does not know.
 * @returns {{title: string, text: string}[]}
 */
export function examplesOf(cases, labels, unknown, most = 3) {
  const usable = cases
    .filter(({ text, ids }) => text && ids.length >= 2)
    .map(({ text, ids, probabilities }) => {
      const all = probabilitiesOf(probabilities);
      const [first, second] = [...all].sort((a, b) => b - a);
      const strange = ids.filter((id) => id === unknown).length / ids.length;
      return { text, size: ids.length, strange, number: all.indexOf(first), lead: first - second };
    });
  const best = (among, worth) =>
    among.reduce((a, b) => (a === null || worth(b) > worth(a) ? b : a), null);
  // as long as a paragraph: something to see, not much to wait for
  const fit = ({ size, strange }) => -Math.abs(Math.log(size / 60)) - 10 * strange;
  const found = [];
  for (const [number, label] of labels.slice(0, most - 1).entries()) {
    const mine = best(usable.filter((one) => one.number === number), (one) => one.lead + fit(one));
    if (mine !== null) found.push({ title: label, ...mine });
  }
  const rest = usable.filter((one) => !found.some(({ text }) => text === one.text));
  const close = best(rest, (one) => fit(one) - 4 * one.lead);
  if (close !== null) found.push({ title: 'A close call', ...close });
  return found.map(({ title, text }) => ({ title, text }));
}
