// A worker: tells the computer that asked for the measurement that this page is still there, also while
// the page itself is busy.

const EVERY_MS = 1000;
let state = null;

onmessage = ({ data }) => {
  if (state === null) setInterval(beat, EVERY_MS);
  state = { ...state, ...data };
};

async function beat() {
  try {
    const response = await fetch('../beat', { method: 'POST', body: JSON.stringify(state) });
    if (!response.ok) postMessage('lost');
  } catch {
    postMessage('lost');
  }
}
