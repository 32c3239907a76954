// The browser's runtimes: ONNX Runtime Web, LiteRT.js, MediaPipe Web. One runner for each file.
//
// Their packages are served under `vendor/` with npm's own paths; `lstm-edge web-runtimes` fetches them.
// A page needs this import map, before any module: LiteRT.js imports its helper by that name.
//   <script type="importmap">
//     {"imports": {"@litertjs/wasm-utils": "./vendor/@litertjs/wasm-utils/dist/index.js"}}
//   </script>

import { get } from './bundle.js';
import { kept } from './tokenizer.js';

const ONNX = 'onnxruntime-web';
const LITERT = 'litert-js';
const MEDIAPIPE = 'mediapipe';
const TITLES = { [ONNX]: 'ONNX Runtime Web', [LITERT]: 'LiteRT.js', [MEDIAPIPE]: 'MediaPipe Web' };
/** What each of them fetches, below `vendor/`. */
export const PACKAGES = {
  [ONNX]: ['onnxruntime-web'],
  [LITERT]: ['@litertjs/core', '@litertjs/wasm-utils'],
  [MEDIAPIPE]: ['@mediapipe/tasks-text'],
};
const STREAM = 'stream'; // what step models are made for
const ALONE = 8; // last steps of a text that a step model is fed one by one, as Python does

/**
 * What could run a variant here.
 * @param {object} variant an entry of the manifest's `variants`
 * @returns {{name: string, title: string, why: string|null}[]} why is null where the runtime takes it
 */
export function runtimesFor(variant) {
  const one = (name, why = null) => ({ name, title: TITLES[name], why });
  if (variant.format === 'onnx') return [one(ONNX)];
  if (variant.format !== 'tflite') return [];
  if (variant.made_for === 'mediapipe') {
    return [one(MEDIAPIPE), one(LITERT, 'the file is made for MediaPipe and its tokeniser')];
  }
  return [
    one(LITERT, whyNotLiteRt(variant)),
    one(MEDIAPIPE, 'the file is not made for it'),
  ];
}

function whyNotLiteRt(variant) {
  if ('UNIDIRECTIONAL_SEQUENCE_LSTM' in variant.ops) {
    return 'it takes no variable tensors, in which the fused LSTM operator keeps its state';
  }
  if (variant.inputs.some(({ shape }) => shape.some((n) => n < 0))) {
    return 'it takes no free length';
  }
  return null;
}

/** Whether this browser's WebAssembly has SIMD, without which none of the runtimes starts. */
export function hasSimd() {
  // () -> v128: i8x16.popcnt(i8x16.splat(0))
  return WebAssembly.validate(
    Uint8Array.of(
      0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
      253, 98, 11,
    ),
  );
}

export const NO_SIMD =
  'this browser has no WebAssembly SIMD, which ONNX Runtime Web and LiteRT.js need: update it, or take ' +
  'another';

/**
 * Loads a variant into a runtime.
 *
 * Of a bundle of texts the runner has `run(input)`: ids of any length, of which max_length count, or the
 * text itself where `takesTexts`; a Promise of Float32Array [K]. A step model is fed the ids and the pads
 * on their side of them, from zero states. Of a bundle of arrays it has `call(inputs)`: every
 * input of the file by name as {dtype: 'int32'|'float32', dims, data}; a Promise of every output by name
 * as {dims, data}.
 *
 * @param {object} bundle from bundle.js
 * @param {string} variantName
 * @param {{threads?: number, vendor?: string, runtime?: string}} options runtime: one of those that
 *   runtimesFor names; without it the first that takes the variant
 * @returns {Promise<object>} {variant, runtimeName, title, version, runtime (both and the threads), threads,
 *   importMs (the runtime, once for all its runners), fetchMs (the file), loadMs (the file into the
 *   runtime), takesTexts, run or call, close()}
 */
export async function load(bundle, variantName, { threads = 1, vendor = 'vendor/', runtime } = {}) {
  const variant = find(bundle, variantName);
  const known = runtimesFor(variant);
  const chosen = runtime ? known.find(({ name }) => name === runtime) : known.find(({ why }) => why === null);
  if (runtime && chosen === undefined) {
    const names = known.map(({ name }) => name).join(', ');
    throw new Error(`${variantName} is not for ${runtime}; it is for ${names}`);
  }
  if (chosen === undefined || chosen.why !== null) {
    const why = (chosen ? [chosen] : known).map((one) => `${one.title}: ${one.why}`).join('; ');
    throw new Error(`${variantName} runs in no runtime of this page${why ? ` (${why})` : ''}`);
  }
  if (!hasSimd()) throw new Error(NO_SIMD);
  if (threads > 1 && !globalThis.crossOriginIsolated) {
    throw new Error(
      `${threads} threads need an isolated page, which this is not: only an address of this machine ` +
        '(http://127.0.0.1, also by adb reverse) or https:// makes one; take 1',
    );
  }
  const folder = new URL(vendor, document.baseURI).href;
  const file = await LOADERS[chosen.name](bundle, variant, threads, folder);
  const { call, classify, version, ...rest } = file;
  const runner = {
    ...rest,
    variant: variant.name,
    runtimeName: chosen.name,
    title: chosen.title,
    version,
    runtime: `${chosen.title} ${version}, ${threads} thread${threads === 1 ? '' : 's'}`,
    threads,
    takesTexts: Boolean(classify) || variant.inputs[0].dtype === 'string',
  };
  if (classify) return { ...runner, run: (text) => classify(wellFormed(text)) };
  if (bundle.golden === null) return { ...runner, call };
  if (variant.made_for === STREAM) {
    const stream = streamOf(variant, call);
    return { ...runner, run: (ids) => fedWhole(stream, padded(ids, bundle.manifest, true)) };
  }
  const [input, output] = [variant.inputs[0], variant.outputs[0].name];
  const filled = variant.format === 'tflite';
  const given = runner.takesTexts
    ? (text) => ({ dtype: 'string', dims: input.shape.map(() => 1), data: [wellFormed(text)] })
    : (ids) => int32(padded(ids, bundle.manifest, filled));
  return {
    ...runner,
    async run(value) {
      return (await call({ [input.name]: given(value) }))[output].data;
    },
  };
}

/**
 * Opens a step model (`made_for` stream): a text is fed piece by piece and answered after each.
 * @param {object} bundle from bundle.js
 * @param {string} variantName
 * @param {{threads?: number, vendor?: string, runtime?: string}} options as for load
 * @returns {Promise<object>} what load tells, with reset() to begin anew, feed(ids: one or more) ->
 *   Promise<Float32Array [K]> the answer after the last of them, peek(ids), the same but that what is fed
 *   next follows what was fed before them, and close(), in place of run
 */
export async function openStream(bundle, variantName, options = {}) {
  const variant = find(bundle, variantName);
  if (variant.made_for !== STREAM) {
    throw new Error(`${variantName} is no step model; lstm-edge export --streaming writes some`);
  }
  const { call, run, ...runner } = await load({ ...bundle, golden: null }, variantName, options);
  return { ...runner, ...streamOf(variant, call) };
}

/**
 * A text as WebAssembly gets it whole: a NUL would end it, and half of a surrogate pair is no UTF-8. What
 * stands for them is in no word, as they are.
 */
export function wellFormed(text) {
  return text.replace(/\0|\p{Surrogate}/gu, '\uffff');
}

function find(bundle, variantName) {
  const variant = bundle.manifest.variants.find(({ name }) => name === variantName);
  if (variant === undefined) {
    const names = bundle.manifest.variants.map(({ name }) => name).join(', ');
    throw new Error(`the bundle has no variant ${variantName}; it has ${names}`);
  }
  return variant;
}

function int32(ids) {
  return { dtype: 'int32', dims: [1, ids.length], data: ids };
}

/** Ids int32 as the file takes them: at most max_length, and pads on their side where there must be pads. */
export function padded(given, { tokenizer: settings, pads }, filled) {
  const { max_length: most, pad_id: pad } = settings;
  const ids = Int32Array.from(kept(given, settings));
  const full = pads === 'front' || pads === 'behind' || (filled && pads !== 'none');
  const length = full ? most : Math.max(1, ids.length);
  if (ids.length === length) return ids;
  const out = new Int32Array(length).fill(pad);
  out.set(ids, pads === 'behind' ? 0 : length - ids.length);
  return out;
}

function streamOf(variant, call) {
  const { states } = variant;
  const after = new Set(states.map((state) => state.output));
  const before = new Set(states.map((state) => state.name));
  const input = variant.inputs.find(({ name }) => !before.has(name)).name;
  const output = variant.outputs.find(({ name }) => !after.has(name)).name;
  let current;
  const fed = (ids) => call({ [input]: int32(Int32Array.from(ids)), ...current });
  const reset = () => {
    current = {};
    for (const { name, shape } of states) {
      const dims = shape.map((n) => n ?? 1);
      const size = dims.reduce((a, b) => a * b, 1);
      current[name] = { dtype: 'float32', dims, data: new Float32Array(size) };
    }
  };
  reset();
  return {
    async reset() {
      reset();
    },
    async feed(ids) {
      const outputs = await fed(ids);
      for (const state of states) current[state.name] = { dtype: 'float32', ...outputs[state.output] };
      return outputs[output].data;
    },
    async peek(ids) {
      return (await fed(ids))[output].data;
    },
  };
}

async function fedWhole(stream, ids) {
  await stream.reset();
  const alone = Math.max(0, ids.length - ALONE);
  let answer;
  if (alone) answer = await stream.feed(ids.slice(0, alone));
  for (let i = alone; i < ids.length; i++) answer = await stream.feed(ids.slice(i, i + 1));
  return answer;
}

// ---------------------------------------------------------------- what the runtimes share

async function timed(work) {
  const began = performance.now();
  const value = await work();
  return [value, performance.now() - began];
}

async function bytesOf(bundle, variant) {
  return timed(async () => new Uint8Array(await (await get(bundle.url(variant.file))).arrayBuffer()));
}

/** Each runtime is imported once for a number of threads; what that took is told by every runner. */
const imported = new Map();

function once(key, work) {
  if (!imported.has(key)) {
    const pending = timed(work);
    imported.set(key, pending);
    pending.catch(() => imported.delete(key));
  }
  return imported.get(key);
}

async function versionOf(vendor, packageName) {
  return (await (await get(`${vendor}${packageName}/package.json`)).json()).version;
}

// ---------------------------------------------------------------- ONNX Runtime Web

// A model that gives back its input: the first session is what starts the wasm.
const IDENTITY = Uint8Array.from(
  atob('CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0='),
  (character) => character.charCodeAt(0),
);

async function onnxRuntime(vendor, threads) {
  return once(`${ONNX} ${vendor} ${threads}`, async () => {
    const dist = `${vendor}onnxruntime-web/dist/`;
    // each address is a module of its own: one takes its number of threads once
    const ort = await import(`${dist}ort.wasm.min.mjs?threads=${threads}`);
    ort.env.wasm.wasmPaths = dist;
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = 'error';
    await (await ort.InferenceSession.create(IDENTITY)).release();
    return ort;
  });
}

async function loadOnnx(bundle, variant, threads, vendor) {
  const [ort, importMs] = await onnxRuntime(vendor, threads);
  const [bytes, fetchMs] = await bytesOf(bundle, variant);
  const [session, loadMs] = await timed(() =>
    ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], enableMemPattern: false }),
  );
  return {
    version: ort.env.versions.web,
    importMs,
    fetchMs,
    loadMs,
    async call(inputs) {
      const feeds = {};
      for (const [name, { dtype, dims, data }] of Object.entries(inputs)) {
        feeds[name] = new ort.Tensor(dtype, data, dims);
      }
      const found = {};
      for (const [name, { dims, data }] of Object.entries(await session.run(feeds))) {
        found[name] = { dims, data };
      }
      return found;
    },
    close: () => session.release(),
  };
}

// ---------------------------------------------------------------- LiteRT.js

// LiteRT.js holds one wasm for the page: with threads or without.
const litert = { key: null, open: 0 };

async function liteRt(vendor, threads) {
  const threaded = threads > 1;
  const index = `${vendor}@litertjs/core/dist/index.js`;
  const key = `${LITERT} ${vendor} ${threaded}`;
  if (litert.key !== null && litert.key !== key) {
    if (litert.open) {
      throw new Error('LiteRT.js is loaded with another number of threads: close its runners first');
    }
    imported.delete(litert.key);
    (await import(index)).unloadLiteRt();
  }
  litert.key = key;
  return once(key, async () => {
    const module = await import(index);
    if (threaded && !(await module.supportsFeature('relaxedSimd'))) {
      throw new Error('LiteRT.js needs relaxed SIMD for threads, which this browser has not: take 1');
    }
    await module.loadLiteRt(`${vendor}@litertjs/core/wasm/`, { threads: threaded });
    return module;
  });
}

async function loadLiteRt(bundle, variant, threads, vendor) {
  const [{ Tensor, loadAndCompile }, importMs] = await liteRt(vendor, threads);
  const [bytes, fetchMs] = await bytesOf(bundle, variant);
  const [model, loadMs] = await timed(() =>
    loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } }),
  );
  litert.open += 1;
  return {
    version: await versionOf(vendor, '@litertjs/core'),
    importMs,
    fetchMs,
    loadMs,
    async call(inputs) {
      const feeds = {};
      let outputs = {};
      try {
        for (const [name, { dims, data }] of Object.entries(inputs)) feeds[name] = new Tensor(data, dims);
        outputs = await model.run(feeds);
        const found = {};
        for (const [name, tensor] of Object.entries(outputs)) {
          found[name] = { dims: tensor.type.layout.dimensions, data: tensor.toTypedArray() };
        }
        return found;
      } finally {
        for (const tensor of [...Object.values(feeds), ...Object.values(outputs)]) tensor.delete();
      }
    },
    close() {
      model.delete();
      litert.open -= 1;
    },
  };
}

// ---------------------------------------------------------------- MediaPipe Web

async function loadMediaPipe(bundle, variant, threads, vendor) {
  if (threads > 1) throw new Error('MediaPipe Web runs with one thread: take 1');
  const folder = `${vendor}@mediapipe/tasks-text/`;
  const [{ module, files }, importMs] = await once(`${MEDIAPIPE} ${vendor}`, async () => {
    const found = await import(`${folder}text_bundle.mjs`);
    return { module: found, files: await found.FilesetResolver.forTextTasks(`${folder}wasm`) };
  });
  const [bytes, fetchMs] = await bytesOf(bundle, variant);
  // each classifier starts a wasm of its own: that is part of loading it
  const [classifier, loadMs] = await timed(() =>
    module.TextClassifier.createFromOptions(files, {
      baseOptions: { modelAssetBuffer: bytes },
      maxResults: -1,
    }),
  );
  const { outputs } = bundle.manifest;
  return {
    version: await versionOf(vendor, '@mediapipe/tasks-text'),
    importMs,
    fetchMs,
    loadMs,
    async classify(text) {
      const { categories } = classifier.classify(text).classifications[0];
      const scores = new Float32Array(categories.length);
      for (const { index, score } of categories) scores[index] = score;
      return outputs === 1 ? scores.slice(1) : scores; // [1 - p, p] of one sigmoid unit
    },
    close: () => classifier.close(),
  };
}

const LOADERS = { [ONNX]: loadOnnx, [LITERT]: loadLiteRt, [MEDIAPIPE]: loadMediaPipe };
