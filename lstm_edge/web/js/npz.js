// NumPy's .npz without a library: a zip of .npy files, stored or deflated. Runs in browsers and in Node.

const KINDS = { '<f4': ['float32', Float32Array], '<i4': ['int32', Int32Array] };
const decoder = new TextDecoder(); // names of a model's arrays may have any letters

/**
 * @param {ArrayBuffer} buffer content of the file
 * @returns {Promise<Map<string, {dtype: string, dims: number[], data: object}>>} arrays by name: float32,
 *   int32, or strings (dtype 'string', data an Array)
 */
export async function readNpz(buffer) {
  const view = new DataView(buffer);
  const short = (at) => view.getUint16(at, true);
  const long = (at) => view.getUint32(at, true);
  try {
    let end = buffer.byteLength - 22; // the list of files ends here, unless a comment follows
    while (long(end) !== 0x06054b50) end -= 1;
    const arrays = new Map();
    for (let count = short(end + 10), at = long(end + 16); count > 0; count--) {
      const [method, size, letters, offset] = [short(at + 10), long(at + 20), short(at + 28), long(at + 42)];
      const name = decoder.decode(new Uint8Array(buffer, at + 46, letters)).replace(/\.npy$/, '');
      const begin = offset + 30 + short(offset + 26) + short(offset + 28);
      const bytes = new Uint8Array(buffer, begin, size);
      arrays.set(name, readNpy(method ? await inflated(bytes) : bytes.slice().buffer));
      at += 46 + letters + short(at + 30) + short(at + 32);
    }
    return arrays;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error('it is no whole .npz file');
  }
}

/** @returns {Promise<ArrayBuffer>} */
function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(stream).arrayBuffer();
}

function readNpy(buffer) {
  const view = new DataView(buffer);
  const begin = view.getUint8(6) === 1 ? 10 : 12;
  const end = begin + (begin === 10 ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = decoder.decode(new Uint8Array(buffer, begin, end - begin));
  const kind = /'descr': '([^']+)'/.exec(header)?.[1] ?? 'objects';
  const dims = (/'shape': \(([^)]*)\)/.exec(header)?.[1].match(/\d+/g) ?? []).map(Number);
  const count = dims.reduce((a, b) => a * b, 1);
  if (/'fortran_order': True/.test(header)) throw new Error('an array is in Fortran order; expected C order');
  if (kind in KINDS) {
    const [dtype, Kind] = KINDS[kind];
    return { dtype, dims, data: new Kind(buffer.slice(end, end + count * 4)) };
  }
  const letters = Number(/^<U(\d+)$/.exec(kind)?.[1] ?? NaN);
  if (!(letters >= 0)) throw new Error(`an array is of ${kind}; expected float32, int32 or strings`);
  const points = new Uint32Array(buffer.slice(end, end + count * letters * 4));
  const data = Array.from({ length: count }, (_, i) =>
    String.fromCodePoint(...points.slice(i * letters, (i + 1) * letters)).replace(/\0+$/, ''),
  );
  return { dtype: 'string', dims, data };
}
