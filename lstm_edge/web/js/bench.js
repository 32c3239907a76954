// The page of `lstm-edge bench --on browser`: it does what lstm_edge/devices/browser/measuring.py asks for, one
// command after the other, and measures. What is measured, and what it means, is decided there.

import { openBundle } from './bundle.js';
import { hasSimd, load, NO_SIMD, PACKAGES, runtimesFor } from './runtimes.js';

const BASE = new URL('.', document.baseURI).href;
const VENDOR = `${BASE}vendor/`;
const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

let session = null;
let worker = null;
let hidden = false; // whether the page was out of sight since the last time this was asked
const runners = new Map();

// ---------------------------------------------------------------- what this device is

async function describe() {
  const agent = navigator.userAgentData;
  const wanted = ['architecture', 'bitness', 'model', 'platformVersion', 'fullVersionList'];
  const more = agent ? await agent.getHighEntropyValues(wanted) : {};
  return {
    user_agent: navigator.userAgent,
    brands: more.fullVersionList ?? [],
    platform: agent?.platform ?? null,
    platform_version: more.platformVersion ?? null,
    architecture: more.architecture ?? null,
    bitness: more.bitness ?? null,
    model: more.model ?? null,
    cores: navigator.hardwareConcurrency ?? null,
    memory_gib: navigator.deviceMemory ?? null,
    isolated: globalThis.crossOriginIsolated === true,
    simd: hasSimd(),
    clock_ms: clock(),
  };
}

/** The least time that this browser's clock can tell apart, in ms. */
function clock() {
  const steps = [];
  while (steps.length < 20) {
    const began = performance.now();
    let now = began;
    while (now === began) now = performance.now();
    steps.push(now - began);
  }
  return Math.min(...steps);
}

// ---------------------------------------------------------------- arrays in JSON

const KINDS = { int32: Int32Array, float32: Float32Array };

function unpack({ dtype, dims, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return { dtype, dims, data: new KINDS[dtype](bytes.buffer) };
}

function pack(values, dims) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return { dtype: 'float32', dims: Array.from(dims, Number), data: btoa(text) };
}

/** An input, {text?, ids?} or {arrays}, as the runner takes it. */
function read(runner, { text, ids, arrays }) {
  if (arrays) return Object.fromEntries(Object.entries(arrays).map(([k, v]) => [k, unpack(v)]));
  return runner.takesTexts ? text : Int32Array.from(ids);
}

const answerOf = (runner, input) => (runner.call ? runner.call(input) : runner.run(input));

// ---------------------------------------------------------------- what is asked for

const bundle = openBundle(`${BASE}bundle/`);
bundle.catch(() => {}); // told when it is needed

const COMMANDS = {
  /** Which runtime would run each variant. */
  async plan() {
    const { manifest } = await bundle;
    return manifest.variants.map((variant) => ({ variant: variant.name, runtimes: runtimesFor(variant) }));
  },

  /** Loads a variant into a runtime, and answers once. */
  async load({ key, variant, runtime, threads, first }) {
    const runner = await load(await bundle, variant, { runtime, threads, vendor: VENDOR });
    const input = read(runner, first);
    const began = performance.now();
    await answerOf(runner, input);
    const firstMs = performance.now() - began;
    runners.set(key, runner);
    return {
      title: runner.title,
      version: runner.version,
      takes_texts: runner.takesTexts,
      import_ms: runner.importMs,
      load_ms: runner.loadMs,
      first_ms: firstMs,
      bytes: fetched(runner.runtimeName),
    };
  },

  async run({ key, input }) {
    const runner = runners.get(key);
    const answer = await answerOf(runner, read(runner, input));
    if (!runner.call) return pack(answer, [1, answer.length]);
    return Object.fromEntries(Object.entries(answer).map(([k, { data, dims }]) => [k, pack(data, dims)]));
  },

  async tokenise({ texts }) {
    const { tokenizer } = await bundle;
    return texts.map((text) => {
      const began = performance.now();
      const ids = tokenizer.encode(text);
      return { ids: Array.from(ids), ms: performance.now() - began };
    });
  },

  /** Every runner on every input, one at a time, interleaved as lstm_edge/bench/timing.py does it. */
  async measure({ keys, inputs, rounds, block, warm_up: warmUp }) {
    const given = new Map(
      keys.map((key) => [key, (inputs[key] ?? inputs['']).map((one) => read(runners.get(key), one))]),
    );
    const count = given.get(keys[0]).length;
    const timed = async (key, index) => {
      const runner = runners.get(key);
      const input = given.get(key)[index];
      const began = performance.now();
      await answerOf(runner, input);
      return performance.now() - began;
    };
    const warm = {};
    const samples = {};
    for (const key of keys) {
      warm[key] = [];
      samples[key] = [];
      for (let i = 0; i < warmUp; i++) warm[key].push(await timed(key, i % count));
      await breathe();
    }
    hidden = document.visibilityState === 'hidden';
    let done = 0;
    for (let turn = 0; turn < rounds; turn++) {
      for (const key of keys) samples[key].push([]);
      for (let begin = 0, number = 0; begin < count; begin += block, number++) {
        const end = Math.min(begin + block, count);
        const shift = (turn + number) % keys.length;
        for (const key of [...keys.slice(shift), ...keys.slice(0, shift)]) {
          await timed(key, end - 1); // not kept: it pays for the one before
          for (let index = begin; index < end; index++) samples[key][turn].push(await timed(key, index));
          await breathe();
          if (session === null) return null; // nobody waits for them
          if (hidden) return { hidden }; // these times are not believed
        }
        done += end - begin;
        worker.postMessage({ done });
        show('status', `Measuring: ${done} of ${rounds * count}`);
      }
    }
    return { samples, warm_up: warm, hidden };
  },
};

/** Lets the browser do what it has to, outside of what is timed. */
function breathe() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Bytes that a runtime had to fetch. */
function fetched(runtime) {
  const sizes = new Map();
  for (const { name, decodedBodySize } of performance.getEntriesByType('resource')) {
    const ours = PACKAGES[runtime].some((one) => name.startsWith(`${VENDOR}${one}/`));
    if (ours && !name.endsWith('/package.json')) sizes.set(name, decodedBodySize);
  }
  return [...sizes.values()].reduce((a, b) => a + b, 0);
}

// ---------------------------------------------------------------- talking

async function post(path, value) {
  const response = await fetch(BASE + path, { method: 'POST', body: JSON.stringify(value) });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** The next command; how long a network may be gone, the worker decides. */
async function next(value) {
  while (session !== null) {
    try {
      return await post('next', value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's own, where nothing came back
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  return { do: 'wait' };
}

async function start() {
  document.getElementById('start').disabled = true;
  show('status', 'Looking at this device');
  const device = await describe();
  ({ session } = await post('hello', device));
  addEventListener('pagehide', () => navigator.sendBeacon(`${BASE}gone`, JSON.stringify({ session })));
  document.addEventListener('visibilitychange', () => {
    hidden ||= document.visibilityState === 'hidden';
  });
  if (!device.simd) {
    show('status', NO_SIMD);
    return; // the other side knows it too
  }
  try {
    await navigator.wakeLock?.request('screen');
  } catch {
    // the page says that the screen must stay on
  }
  worker = new Worker(`${BASE}js/beat.js`);
  worker.onmessage = ({ data }) => stop(data);
  worker.postMessage({ session, done: 0 });
  let answer = {};
  for (let number = 0; session !== null; ) {
    const command = await next({ session, number, ...answer });
    answer = {};
    if (command.do === 'wait') continue;
    number += 1;
    if (command.note) show('status', command.note);
    if (command.do === 'end') return end(command);
    if (command.do === 'stop') return stop(command.why);
    try {
      answer = { answer: (await COMMANDS[command.do](command)) ?? null };
    } catch (error) {
      answer = { error: String(error?.message ?? error) };
    }
  }
}

function stop(text) {
  session = null;
  worker?.terminate();
  show('status', text);
}

function end({ columns, rows }) {
  stop('Done. The results are on the computer that asked for them:');
  const table = document.getElementById('results');
  const row = (cells, kind) => {
    const tr = table.insertRow();
    for (const cell of cells) {
      const element = document.createElement(kind);
      if (kind === 'th') element.scope = 'col';
      element.textContent = cell;
      tr.append(element);
    }
  };
  row(columns, 'th');
  for (const cells of rows) row(cells, 'td');
  table.hidden = false;
}

performance.setResourceTimingBufferSize(2000);
const begin = () =>
  start().catch((error) => {
    const why = `This page failed: ${error.message}`;
    if (session !== null) navigator.sendBeacon(`${BASE}gone`, JSON.stringify({ session, why }));
    stop(why);
  });
const button = document.getElementById('start');
button.addEventListener('click', begin);
button.disabled = false;
show('status', 'Ready.');
if (new URLSearchParams(location.search).has('start')) begin();
