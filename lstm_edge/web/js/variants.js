// What the demo pages share: the list of a bundle's variants, and each of them run on the golden vectors and
// timed.

import { at, drawFacts, drawResult, inWords, make, megabytes, plural } from './drawing.js';
import { Line, quantile, turn } from './reading.js';
import { runtimesFor } from './runtimes.js';

const IDLE = 400; // ms without work before golden vectors are run
const LAST = 200; // inferences that the latency is of
const BUDGET = 4000; // ms that they may take

/** Says at the top of the page what went wrong in a place; null: nothing any more. */
export function trouble(place, text) {
  at('trouble').querySelector(`[data-of="${place}"]`)?.remove();
  if (text) at('trouble').append(make('p', { class: 'trouble', 'data-of': place }, text));
}

const keyOf = (variant, runtime) => `${variant.name} ${runtime}`;

/**
 * Lists the variants of a bundle under the runtimes of this page.
 * @returns {object[]} those that can be chosen: {key, variant, runtime, title, why}
 */
export function listVariants(bundle) {
  const groups = new Map();
  const found = [];
  for (const variant of bundle.manifest.variants) {
    for (const { name, title, why } of runtimesFor(variant)) {
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push({ key: keyOf(variant, name), variant, runtime: name, title, why });
    }
  }
  for (const [title, picks] of groups) {
    const group = make('div', { role: 'group', 'aria-label': title }, make('h3', {}, title));
    const off = picks.filter(({ why }) => why !== null);
    const on = picks.filter(({ why }) => why === null);
    group.append(...on.map(choiceOf));
    if (off.length) {
      const files = plural(off.length, 'file');
      const summary = on.length ? `${files} that it does not take` : `Takes none of these: ${files}`;
      group.append(make('details', {}, make('summary', {}, summary), ...off.map(choiceOf)));
    }
    at('variants').append(group);
    found.push(...on);
  }
  return found;
}

function choiceOf(pick) {
  const { key, variant, why } = pick;
  const id = `pick-${key.replaceAll(/\W/g, '-')}`;
  const button = make('input', { type: 'radio', name: 'variant', value: key, 'aria-describedby': `${id}-about` });
  button.disabled = why !== null;
  const parts = [
    button,
    make('span', { class: 'name' }, variant.name),
    make('span', { class: 'size' }, megabytes(variant.bytes)),
    make('span', { class: 'result', id: `${id}-about` }, why ?? ''),
  ];
  return make('label', { class: why === null ? 'variant' : 'variant off', 'data-key': key }, ...parts);
}

/** Shows which variant is chosen. */
export function mark(pick) {
  for (const button of document.querySelectorAll('input[name="variant"]')) {
    button.checked = button.value === pick.key;
  }
}

/** Golden vectors and latency of the variants, and their lines on the page. */
export class Checks {
  #page;
  #found = new Map(); // key -> {golden, run, off, flips, latency, on} or {failed}
  #running = null; // {key, done, total}
  #run = 0;

  /**
   * @param {object} page `state` {picks, pick, runner}; `line` of the chosen runner; `load(pick)`;
   *   `resting()`, ms since the page last had something better to do; and
   *   `examine(runner, pick, run, onProgress)`: the golden vectors by `run`, as {golden, run, off, flips},
   *   with the inputs that are timed and what they are called (on)
   */
  constructor(page) {
    this.#page = page;
    at('check').addEventListener('click', () => this.check(false));
    at('check-all').addEventListener('click', () => {
      if (at('check-all').textContent === 'Stop') this.stop();
      else this.check(true);
    });
  }

  get({ key }) {
    return this.#found.get(key);
  }

  /** Forgets a failure, since it is tried again. */
  forget(pick) {
    if (this.get(pick)?.failed) this.#found.delete(pick.key);
  }

  fail(pick, error) {
    this.#found.set(pick.key, { failed: inWords(error) });
    this.draw();
  }

  /** Waits until nobody types and no input is read: they go first. */
  async #rest() {
    while (this.#page.resting() < IDLE) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  stop() {
    this.#run += 1;
    this.#running = null;
    at('check').disabled = this.#page.state.runner === null;
    at('check-all').textContent = 'Check every variant';
    this.draw();
  }

  /** Runs the golden vectors, and times them: on the chosen variant, or on all that were not run yet. */
  async check(everything) {
    const { state, load } = this.#page;
    const mine = ++this.#run;
    const gone = () => mine !== this.#run;
    at('check').disabled = true;
    at('check-all').textContent = everything ? 'Stop' : 'Check every variant';
    for (const pick of everything ? state.picks : [state.pick]) {
      const own = pick.key === state.pick.key && state.runner !== null;
      if (everything && this.get(pick)?.golden) continue;
      const progress = (done, total) => {
        if (gone()) return;
        this.#running = { key: pick.key, done, total };
        if (done % 4 === 0 || done === total) this.draw();
      };
      let runner = null;
      try {
        await this.#rest();
        if (gone()) return;
        progress(0, 0);
        runner = own ? state.runner : await load(pick);
        this.#found.set(pick.key, await this.#measure(runner, pick, own, progress, gone));
      } catch (error) {
        if (gone()) return;
        this.#found.set(pick.key, { failed: inWords(error) });
      } finally {
        if (!own) runner?.close();
      }
    }
    if (!gone()) this.stop();
  }

  async #measure(runner, pick, own, progress, gone) {
    const line = own ? this.#page.line : new Line();
    const polite = async (work) => {
      await turn();
      await this.#rest();
      return line.run(async () => {
        if (gone()) throw new Error('stopped');
        const began = performance.now();
        const outputs = await work();
        return [outputs, performance.now() - began];
      });
    };
    const run = async (work) => (await polite(work))[0];
    const { inputs, ...found } = await this.#page.examine(runner, pick, run, progress);
    // it is warm now
    const times = [];
    for (let spent = 0, i = 0; times.length < LAST && (spent < BUDGET || times.length < inputs.length); i++) {
      const [, took] = await polite(() => inputs[i % inputs.length]());
      times.push(took);
      spent += took;
    }
    const latency = { median: quantile(times, 0.5), p90: quantile(times, 0.9), count: times.length };
    return { ...found, latency };
  }

  draw() {
    const { pick, runner } = this.#page.state;
    const running = (key) => (this.#running?.key === key ? this.#running : null);
    for (const label of document.querySelectorAll('.variant:not(.off)')) {
      const { key } = label.dataset;
      drawResult(label.querySelector('.result'), this.#found.get(key), running(key));
    }
    if (pick !== null) drawFacts(pick, runner, this.get(pick), running(pick.key));
  }
}
