// A bundle as `lstm-edge export` writes it, read over HTTP.

import { parseVocab, Tokenizer } from './tokenizer.js';

const SCHEMA = 4;
const KINDS = ['text', 'tensors'];
const PADS = ['any', 'skipped', 'front', 'behind', 'none'];

/**
 * Opens a bundle.
 * @param {string} base address of its folder
 * @returns {Promise<{manifest: object, labels: string[], golden: object|null,
 *   tokenizer: Tokenizer|null, url: (file: string) => string}>} golden is null in a bundle that takes
 *   arrays, tokenizer in one without a vocabulary
 */
export async function openBundle(base) {
  const folder = new URL(base.endsWith('/') ? base : base + '/', document.baseURI);
  const url = (file) => new URL(file, folder).href;
  const manifest = await (await get(url('manifest.json'))).json();
  if (!(manifest.schema <= SCHEMA)) {
    throw new Error(
      `the bundle has schema ${manifest.schema}; this page reads up to ${SCHEMA}: upgrade lstm-edge`,
    );
  }
  const { kind = 'text', pads = 'any' } = manifest;
  if (!KINDS.includes(kind) || !PADS.includes(pads)) {
    throw new Error(`the bundle has the kind ${kind} and pads ${pads}, which this page does not know: upgrade lstm-edge`);
  }
  const texts = kind === 'text';
  const golden = texts ? await (await get(url('golden.json'))).json() : null;
  let tokenizer = null;
  if (texts && 'vocab.txt' in manifest.files) {
    tokenizer = new Tokenizer(parseVocab(await (await get(url('vocab.txt'))).text()), manifest.tokenizer);
  }
  return { manifest, labels: manifest.labels, golden, tokenizer, url };
}

/** A response that is there, or an error that names what is not. */
export async function get(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new Error(`${url} cannot be fetched: ${error.message}`);
  }
  if (!response.ok) throw new Error(`${url} cannot be fetched: ${response.status}`);
  return response;
}
