// Text to ids, id for id as lstm_edge/inputs/tokenizer.py does it. No import; runs in browsers and in Node.

/**
 * The tokens of a vocab.txt: one in each line, the line's number (from 0) is its id.
 * @param {string} text content of the file
 * @returns {string[]}
 */
export function parseVocab(text) {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) =>
    line.replace(/\\u([0-9a-f]{4})/g, (_, code) => String.fromCharCode(parseInt(code, 16))),
  );
}

/** Texts to ids. */
export class Tokenizer {
  #ids;
  #filtered;

  /**
   * @param {string[]} tokens the token of every id, in order
   * @param {object} settings `tokenizer` of the bundle's manifest
   */
  constructor(tokens, settings) {
    this.tokens = tokens;
    this.settings = settings;
    const first = settings.first_word_id;
    if (tokens.length <= first) {
      throw new Error(
        `the vocabulary has ${tokens.length} entries, but its first word should have id ${first}`,
      );
    }
    this.#ids = new Map();
    for (let id = first; id < tokens.length; id++) {
      if (this.#ids.has(tokens[id])) {
        throw new Error(`the vocabulary holds the word ${tokens[id]} more than once`);
      }
      this.#ids.set(tokens[id], id);
    }
    this.#filtered = new Set(settings.filters);
  }

  /**
   * Ids of a text: the last max_length of them, not padded.
   * @param {string} text
   * @returns {Int32Array} [n]
   */
  encode(text) {
    const { start_id: start, max_length: most } = this.settings;
    const ids = start === null ? [] : [start];
    for (const { id } of this.words(text)) if (id !== null) ids.push(id);
    return Int32Array.from(ids.slice(-most));
  }

  /**
   * The words of a text in their order, with the places where they stand in it.
   * @param {string} text
   * @returns {{text: string, start: number, end: number, id: number|null}[]} text is what stands
   *   there, not lower-cased; start and end count UTF-16 units as String.slice does; id is null where
   *   the word is not known and such words are dropped
   */
  words(text) {
    const { split, unknown_id: unknown } = this.settings;
    const [changed, places] = this.#changed(text);
    const found = [];
    for (let from = 0; from <= changed.length;) {
      const at = changed.indexOf(split, from);
      const to = at < 0 ? changed.length : at;
      if (to > from) {
        const [start, end] = [places[from], places[to]];
        const id = this.#ids.get(changed.slice(from, to)) ?? unknown;
        found.push({ text: text.slice(start, end), start, end, id });
      }
      from = to + split.length;
    }
    return found;
  }

  /**
   * The text lower-cased and with the separator for every filter character, and for each of its UTF-16
   * units where in the text it comes from.
   */
  #changed(text) {
    const { lower, split } = this.settings;
    // as a whole: a final sigma depends on its neighbours
    const lowered = lower ? text.toLowerCase() : text;
    const places = [];
    let changed = '';
    let from = 0; // in text
    let next = 0; // in lowered
    for (const point of text) {
      const size = lower ? point.toLowerCase().length : point.length;
      for (const piece of lowered.slice(next, next + size)) {
        const kept = this.#filtered.has(piece) ? split : piece;
        for (let i = 0; i < kept.length; i++) places.push(from);
        changed += kept;
      }
      next += size;
      from += point.length;
    }
    places.push(text.length);
    return [changed, places];
  }
}
