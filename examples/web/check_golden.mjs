// Does a bundle's ONNX file answer in Node as Keras did where it was exported?
//
// usage: node check_golden.mjs BUNDLE [VARIANT ...]
//
// Needs `npm install` in this folder, which brings onnxruntime-web; onnxruntime-node is taken where it is
// there. Exit code 0: all within their tolerance; 1: not; 2: not checked.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkIds, checkVariant, openBundle } from './golden.mjs';

async function runtime() {
  for (const name of ['onnxruntime-node', 'onnxruntime-web/wasm']) {
    try {
      const ort = await import(name);
      ort.env.wasm.numThreads = 1;
      return ort;
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('no ONNX Runtime is installed: run npm install in this folder');
}

/** A file as a function: {name: {dtype, shape, data}} in, {name: Float32Array} out. */
async function load(ort, path) {
  const session = await ort.InferenceSession.create(await readFile(path));
  return async (inputs) => {
    const tensors = Object.entries(inputs).map(([name, { dtype, data, shape }]) =>
      [name, new ort.Tensor(dtype, data, shape)]);
    const outputs = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  };
}

async function main(folder, ...names) {
  if (folder === undefined) throw new Error('usage: node check_golden.mjs BUNDLE [VARIANT ...]');
  const bundle = await openBundle((name) => readFile(join(folder, name)));
  const variants = new Map(bundle.manifest.variants.map((variant) => [variant.name, variant]));
  const unknown = names.filter((name) => !variants.has(name));
  if (unknown.length) throw new Error(`no variant ${unknown}; there are ${[...variants.keys()].join(', ')}`);
  const ort = await runtime();
  let [ok, checked] = [true, 0];
  if (bundle.idsOf) {
    const { texts, wrong } = checkIds(bundle);
    console.log(`ids: ${wrong.length} of ${texts} texts differ`, ...wrong.slice(0, 2).map(({ text }) => text));
    ok = wrong.length === 0;
  }
  for (const name of names.length ? names : variants.keys()) {
    const variant = variants.get(name);
    if (variant.format !== 'onnx') {
      console.log(`${name}: not checked (no ONNX file)`);
      continue;
    }
    const open = ({ file }) => load(ort, join(folder, file));
    const { said, failures } = await checkVariant(open, variant, bundle);
    console.log([`${name}: ${failures.length ? 'WRONG' : 'ok'}, ${said}`, ...failures].join('\n  '));
    [ok, checked] = [ok && failures.length === 0, checked + 1];
  }
  return checked < (names.length || 1) ? 2 : Number(!ok);
}

main(...process.argv.slice(2)).then((code) => process.exit(code), (error) => {
  console.error(error.message);
  process.exit(2);
});
