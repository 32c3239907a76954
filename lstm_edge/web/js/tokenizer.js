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

/**
 * The ids of a text that count: at most max_length of them.
 * @param {number[]|Int32Array} ids
 * @param {object} settings `tokenizer` of the bundle's manifest
 */
export function kept(ids, { max_length: most, truncating = 'pre' }) {
  if (ids.length <= most) return ids;
  return truncating === 'post' ? ids.slice(0, most) : ids.slice(-most);
}

/** Texts to ids. Settings that an older bundle has not are those that it was written with. */
export class Tokenizer {
  #ids;
  #changes; // what becomes of a character
  #pattern;

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
    const { filters, split, deleted = '', pattern = null } = settings;
    this.#changes = new Map([
      ...Array.from(filters, (point) => [point, split]),
      ...Array.from(deleted, (point) => [point, '']),
    ]);
    this.#pattern = pattern === null ? null : new RegExp(pattern, 'gu');
  }

  /**
   * Ids of a text: at most max_length of them, not padded.
   * @param {string} text
   * @returns {Int32Array} [n]
   */
  encode(text) {
    const { start_id: start } = this.settings;
    const ids = start === null ? [] : [start];
    for (const { id } of this.words(text)) if (id !== null) ids.push(id);
    return Int32Array.from(kept(ids, this.settings));
  }

  /**
   * The words of a text in their order, with the places where they stand in it.
   * @param {string} text
   * @returns {{text: string, start: number, end: number, id: number|null}[]} text is what stands
   *   there, not lower-cased (nothing, where two words come of one character); start and end count UTF-16
   *   units as String.slice does; id is null where the word is not known and such words are dropped
   */
  words(text) {
    const { unknown_id: unknown } = this.settings;
    const [changed, starts, ends] = this.#changed(text);
    const found = [];
    let last = 0;
    for (const [from, to] of this.#pieces(changed)) {
      const start = Math.max(last, starts[from]);
      const end = ends[to - 1];
      const id = this.#ids.get(changed.slice(from, to)) ?? unknown;
      found.push({ text: text.slice(start, end), start, end, id });
      last = end;
    }
    return found;
  }

  /** Where the words stand in a changed text: from, to. */
  *#pieces(changed) {
    const { split, characters = false } = this.settings;
    if (this.#pattern !== null) {
      for (const { 0: match, index } of changed.matchAll(this.#pattern)) {
        if (match) yield [index, index + match.length];
      }
    } else if (characters) {
      let from = 0;
      for (const point of changed) yield [from, (from += point.length)];
    } else {
      for (let from = 0; from <= changed.length;) {
        const at = changed.indexOf(split, from);
        const to = at < 0 ? changed.length : at;
        if (to > from) yield [from, to];
        from = to + split.length;
      }
    }
  }

  #lowered(text) {
    const { lower, lower_ascii: ascii = false } = this.settings;
    if (!lower) return text;
    return ascii ? text.replace(/[A-Z]/g, (capital) => capital.toLowerCase()) : text.toLowerCase();
  }

  /**
   * The text lower-cased, without what is deleted and with the separator for every filter character; and
   * for each of its UTF-16 units where in the text the character begins and ends that it comes from.
   */
  #changed(text) {
    // as a whole: a final sigma depends on its neighbours
    const lowered = this.#lowered(text);
    const [starts, ends] = [[], []];
    let changed = '';
    let from = 0; // in text
    let next = 0; // in lowered
    for (const point of text) {
      const size = this.#lowered(point).length;
      for (const piece of lowered.slice(next, next + size)) {
        const left = this.#changes.get(piece) ?? piece;
        for (let i = 0; i < left.length; i++) {
          starts.push(from);
          ends.push(from + point.length);
        }
        changed += left;
      }
      next += size;
      from += point.length;
    }
    return [changed, starts, ends];
  }
}
