// The browser's runtimes: ONNX Runtime Web, LiteRT.js, MediaPipe. One Runner for each file.
//
// Their packages are served under `vendor/` with npm's own paths; `lstm-edge web-runtimes` fetches them.
// A page needs this import map, before any module: LiteRT.js imports its helper by that name.
//   <script type="importmap">
//     {"imports": {"@litertjs/wasm-utils": "./vendor/@litertjs/wasm-utils/dist/index.js"}}
//   </script>

import { get } from './bundle.js';

const ONNX = 'onnxruntime-web';
const LITERT = 'litert-js';
const MEDIAPIPE = 'mediapipe';
const TITLES = { [ONNX]: 'ONNX Runtime Web', [LITERT]: 'LiteRT.js', [MEDIAPIPE]: 'MediaPipe Web' };

/**
 * What could run a variant here.
 * @param {object} variant an entry of the manifest's `variants`
 * @returns {{name: string, title: string, why: string|null}[]} why is null where the runtime takes it
 */
export function runtimesFor(variant) {
  const one = (name, why = null) => ({ name, title: TITLES[name], why });
  const kind = variant.made_for ?? '';
  if (variant.format === 'onnx') {
    if (kind === 'stream') return [one(ONNX, 'a step model: it is fed word by word (openStream)')];
    return [one(ONNX)];
  }
  if (variant.format !== 'tflite') return [];
  if (kind === 'mediapipe') {
    return [one(MEDIAPIPE), one(LITERT, 'made for MediaPipe: it takes ids in the order of its tokeniser')];
  }
  return [
    one(LITERT, whyNotLiteRt(variant)),
    one(MEDIAPIPE, 'no tokeniser and vocabulary in the file; lstm-edge export --runtime mediapipe'),
  ];
}

function whyNotLiteRt(variant) {
  if ('UNIDIRECTIONAL_SEQUENCE_LSTM' in variant.ops) {
    return 'LiteRT.js takes no variable tensors, which the fused LSTM operator keeps its state in';
  }
  if (variant.inputs.some(({ shape }) => shape.slice(1).some((n) => n < 0))) {
    return 'LiteRT.js takes no free length; lstm-edge export --runtime litert-js';
  }
  return null;
}

/**
 * Loads a variant into a runtime.
 * @param {object} bundle from bundle.js
 * @param {string} variantName
 * @param {{threads?: number, vendor?: string, runtime?: string}} options runtime: one of those that
 *   runtimesFor names; without it the first that takes the variant
 * @returns {Promise<Runner>} {variant, runtimeName, runtime (title, version and threads), threads,
 *   importMs (the runtime itself), fetchMs (the file), loadMs (the file into the runtime), takesTexts,
 *   run(input: text or ids) -> Promise<Float32Array [K]>, close()}
 */
export async function load(bundle, variantName, { threads = 1, vendor = 'vendor/', runtime } = {}) {
  const variant = bundle.manifest.variants.find(({ name }) => name === variantName);
  if (variant === undefined) {
    const names = bundle.manifest.variants.map(({ name }) => name).join(', ');
    throw new Error(`the bundle has no variant ${variantName}; it has ${names}`);
  }
  const known = runtimesFor(variant);
  const chosen = runtime ? known.find(({ name }) => name === runtime) : known.find(({ why }) => why === null);
  if (chosen === undefined || chosen.why !== null) {
    const why = known.map((one) => `${one.title}: ${one.why}`).join('; ');
    throw new Error(`${variantName} runs in no runtime of this page${why ? ` (${why})` : ''}`);
  }
  if (threads > 1 && !globalThis.crossOriginIsolated) {
    throw new Error(
      `${threads} threads were asked for, but this page is not isolated (it must come from ` +
        'localhost or by https, with the headers that lstm-edge sends): use 1',
    );
  }
  const folder = new URL(vendor, document.baseURI).href;
  return LOADERS[chosen.name](bundle, variant, threads, folder);
}

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

function described(title, version, threads) {
  return `${title} ${version}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

async function versionOf(vendor, packageName) {
  return (await (await get(`${vendor}${packageName}/package.json`)).json()).version;
}

// ---------------------------------------------------------------- ONNX Runtime Web

// A model that gives back its input: the first session is what loads the wasm.
const IDENTITY = Uint8Array.from(
  atob('CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0='),
  (character) => character.charCodeAt(0),
);

async function onnxRuntime(vendor, threads) {
  return once(`${ONNX} ${vendor} ${threads}`, async () => {
    const dist = `${vendor}onnxruntime-web/dist/`;
    // the address makes a module of its own: threads are set once for each
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
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const takesTexts = variant.inputs[0].dtype === 'string';
  const tensor = takesTexts
    ? (text) => new ort.Tensor('string', [text], variant.inputs[0].shape.map(() => 1))
    : (ids) => new ort.Tensor('int32', ids, [1, ids.length]);
  return {
    variant: variant.name,
    runtimeName: ONNX,
    runtime: described(TITLES[ONNX], ort.env.versions.web, threads),
    threads,
    importMs,
    fetchMs,
    loadMs,
    takesTexts,
    async run(given) {
      const value = takesTexts ? given : padded(given, bundle.manifest, false);
      const answer = (await session.run({ [input]: tensor(value) }))[output];
      return Float32Array.from(answer.data);
    },
    close: () => session.release(),
  };
}

/** Ids int32 as the file takes them: the last max_length, pads in front where there must be pads. */
function padded(given, manifest, filled) {
  const { max_length: most, pad_id: pad } = manifest.tokenizer;
  const ids = Int32Array.from(given.length > most ? given.slice(-most) : given);
  const length = filled || manifest.pads === 'front' ? most : Math.max(1, ids.length);
  if (ids.length === length) return ids;
  const out = new Int32Array(length).fill(pad);
  out.set(ids, length - ids.length);
  return out;
}

// ---------------------------------------------------------------- LiteRT.js

// LiteRT.js holds one wasm for the page: with threads or without.
let litertThreads = null;
let litertOpen = 0;

async function liteRt(vendor, threads) {
  const threaded = threads > 1;
  const index = `${vendor}@litertjs/core/dist/index.js`;
  if (litertThreads !== null && litertThreads !== threaded) {
    if (litertOpen) {
      throw new Error('LiteRT.js is loaded with another number of threads: close its runners first');
    }
    (await import(index)).unloadLiteRt();
    imported.delete(`${LITERT} ${vendor} ${litertThreads}`);
  }
  litertThreads = threaded;
  return once(`${LITERT} ${vendor} ${threaded}`, async () => {
    const litert = await import(index);
    if (threaded && !(await litert.supportsFeature('relaxedSimd'))) {
      throw new Error('LiteRT.js needs relaxed SIMD for threads, which this browser has not: use 1');
    }
    await litert.loadLiteRt(`${vendor}@litertjs/core/wasm/`, { threads: threaded });
    return litert;
  });
}

async function loadLiteRt(bundle, variant, threads, vendor) {
  const [litert, importMs] = await liteRt(vendor, threads);
  const [bytes, fetchMs] = await bytesOf(bundle, variant);
  const [model, loadMs] = await timed(() =>
    litert.loadAndCompile(bytes, { accelerator: 'wasm', cpuOptions: { numThreads: threads } }),
  );
  litertOpen += 1;
  const version = await versionOf(vendor, '@litertjs/core');
  return {
    variant: variant.name,
    runtimeName: LITERT,
    runtime: described(TITLES[LITERT], version, threads),
    threads,
    importMs,
    fetchMs,
    loadMs,
    takesTexts: false,
    async run(given) {
      const ids = padded(given, bundle.manifest, true);
      const input = new litert.Tensor(ids, [1, ids.length]);
      let outputs = [];
      try {
        outputs = await model.run([input]);
        return Float32Array.from(outputs[0].toTypedArray());
      } finally {
        for (const tensor of [input, ...outputs]) tensor.delete();
      }
    },
    close() {
      model.delete();
      litertOpen -= 1;
    },
  };
}

// ---------------------------------------------------------------- MediaPipe

async function loadMediaPipe(bundle, variant, threads, vendor) {
  if (threads > 1) throw new Error('MediaPipe Web runs with one thread: use 1');
  const folder = `${vendor}@mediapipe/tasks-text/`;
  const [{ mediapipe, files }, importMs] = await once(`${MEDIAPIPE} ${vendor}`, async () => {
    const module = await import(`${folder}text_bundle.mjs`);
    return { mediapipe: module, files: await module.FilesetResolver.forTextTasks(`${folder}wasm`) };
  });
  const [bytes, fetchMs] = await bytesOf(bundle, variant);
  // each classifier has a wasm of its own: loading it is part of this
  const [classifier, loadMs] = await timed(() =>
    mediapipe.TextClassifier.createFromOptions(files, {
      baseOptions: { modelAssetBuffer: bytes },
      maxResults: -1,
    }),
  );
  const version = await versionOf(vendor, '@mediapipe/tasks-text');
  const columns = bundle.golden.cases[0].probabilities.length;
  return {
    variant: variant.name,
    runtimeName: MEDIAPIPE,
    runtime: described(TITLES[MEDIAPIPE], version, 1),
    threads: 1,
    importMs,
    fetchMs,
    loadMs,
    takesTexts: true,
    async run(text) {
      const { categories } = classifier.classify(text).classifications[0];
      const scores = new Float32Array(categories.length);
      for (const { index, score } of categories) scores[index] = score;
      return columns === 1 ? scores.slice(1) : scores; // [1 - p, p] of one sigmoid unit
    },
    close: () => classifier.close(),
  };
}

const LOADERS = { [ONNX]: loadOnnx, [LITERT]: loadLiteRt, [MEDIAPIPE]: loadMediaPipe };
