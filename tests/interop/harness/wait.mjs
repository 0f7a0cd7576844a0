// Waiting, always with an end.

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// within fails if promise is not settled after ms; what says what was waited for.
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

// until asks probe again and again, and returns its first answer that is neither undefined, null
// nor false.  A probe that throws counts as "not yet"; its last error explains a timeout.
export async function until(ms, what, probe, everyMs = 100) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await within(Math.max(end - Date.now(), 1), what, probe());
      if (answer !== undefined && answer !== null && answer !== false) return answer;
    } catch (error) {
      last = error;
      if (error.fatal) throw error;
    }
    await sleep(everyMs);
  }
  throw new Error(`${what}: not so after ${ms} ms${last ? ` (${last.message})` : ''}`);
}
