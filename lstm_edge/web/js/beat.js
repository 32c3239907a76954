// A worker: tells the computer that asked for the measurement that this page is still there, also while
// the page itself is busy.

const EVERY_MS = 1000;
const PATIENCE_MS = 30_000; // without an answer: a network may be gone for a moment
let state = null;
let heard = 0;

onmessage = ({ data }) => {
  if (state === null) {
    heard = performance.now();
    setInterval(beat, EVERY_MS);
  }
  state = { ...state, ...data };
};

async function beat() {
  try {
    const response = await fetch('../beat', { method: 'POST', body: JSON.stringify(state) });
    if (response.ok) heard = performance.now();
    else postMessage('The computer that asked for this has stopped.');
  } catch {
    if (performance.now() - heard < PATIENCE_MS) return;
    postMessage('The computer that asked for this cannot be reached: it has stopped, or the network is gone.');
  }
}
