// The golden vectors of a bundle, held against what a runner answers here. The rules and the sentences
// are those of lstm_edge/verify/comparing.py.

// Where a precision limits flips and not differences (int8), an edge case that is off by more than
// this is not a matter of rounding.
export const EDGE_LIMIT = 0.1;

/** The class of outputs [K]: above 0.5 for K = 1, as in Keras, else the largest. */
export function classOf(outputs) {
  if (outputs.length === 1) return outputs[0] > 0.5 ? 1 : 0;
  return outputs.indexOf(Math.max(...outputs));
}

/** How far outputs [K] are from changing their class: a probability. */
export function margin(outputs) {
  if (outputs.length === 1) return Math.abs(outputs[0] - 0.5);
  const [first, second] = [...outputs].sort((a, b) => b - a);
  return (first - second) / 2;
}

/** Cases that a runner takes: ids, or the text for one that makes ids itself. */
export function inputsOf(runner, cases) {
  return cases
    .filter((one) => !runner.takesTexts || one.text !== undefined)
    .map((one) => ({ ...one, input: runner.takesTexts ? one.text : Int32Array.from(one.ids) }));
}

/**
 * Runs every golden vector and compares.
 * @param {object} runner from runtimes.js
 * @param {object} bundle from bundle.js
 * @param {(done: number, total: number) => void} onProgress
 * @returns {Promise<{examples: number, maxAbs: number, meanAbs: number, flips: number,
 *   flipsCounted: number, worst: object|null, ok: boolean, failures: string[]}>} flipsCounted: without
 *   those where the reference itself is within the tolerance's margin of changing its label
 */
export async function checkGolden(runner, bundle, onProgress = () => {}) {
  const { tolerance } = bundle.manifest.variants.find(({ name }) => name === runner.variant);
  const cases = inputsOf(runner, bundle.golden.cases);
  const edge = inputsOf(runner, bundle.golden.edge);
  const total = cases.length + edge.length;
  const found = { examples: cases.length, maxAbs: 0, meanAbs: 0, flips: 0, flipsCounted: 0, worst: null };
  const failures = [];
  let broken = 0;
  for (const [index, one] of cases.entries()) {
    const answer = await runner.run(one.input);
    const { off, sound } = difference(answer, one.probabilities);
    if (!sound) broken += 1;
    const flipped = !sound || classOf(answer) !== classOf(one.probabilities);
    if (flipped) found.flips += 1;
    if (flipped && !(sound && margin(one.probabilities) <= tolerance.flip_margin)) found.flipsCounted += 1;
    found.meanAbs += off / cases.length;
    if (found.worst === null || off > found.maxAbs) {
      found.maxAbs = off;
      found.worst = {
        index, text: one.text ?? null, reference: one.probabilities, variant: Array.from(answer),
      };
    }
    onProgress(index + 1, total);
  }
  if (broken) failures.push(`${broken} of ${cases.length} answers are not numbers`);
  if (tolerance.max_abs !== null && found.maxAbs > tolerance.max_abs) {
    failures.push(`max |Δp| ${found.maxAbs.toPrecision(2)} is above ${tolerance.max_abs}`);
  }
  if ((tolerance.mean_abs ?? null) !== null && found.meanAbs > tolerance.mean_abs) {
    failures.push(`mean |Δp| ${found.meanAbs.toPrecision(2)} is above ${tolerance.mean_abs}`);
  }
  const rate = tolerance.flip_rate;
  if (rate !== null && found.flipsCounted > allowed(rate, cases.length)) {
    failures.push(`${found.flipsCounted} of ${cases.length} labels flip, more than ${percent(rate)}`);
  }
  const limit = tolerance.max_abs ?? EDGE_LIMIT;
  for (const [index, one] of edge.entries()) {
    const { off } = difference(await runner.run(one.input), one.probabilities);
    if (!(off <= limit)) failures.push(`${one.name}: differs by ${off.toPrecision(2)} (limit ${limit})`);
    onProgress(cases.length + index + 1, total);
  }
  return { ...found, ok: failures.length === 0, failures };
}

function difference(answer, reference) {
  if (answer.length !== reference.length || !answer.every(Number.isFinite)) return { off: 1, sound: false };
  return { off: Math.max(...reference.map((p, i) => Math.abs(p - answer[i]))), sound: true };
}

export function allowed(rate, count) {
  return rate ? Math.max(1, Math.floor(rate * count + 1e-9)) : 0;
}

export function percent(share) {
  return `${(100 * share).toFixed(2)}%`;
}
