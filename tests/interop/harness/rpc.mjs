// JSON-RPC without any client library, for what the libraries hide.

let nextId = 1;

export async function post(url, body, timeoutMs = 15_000) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return response.json();
}

export async function rpc(url, method, ...params) {
  const reply = await post(url, { jsonrpc: '2.0', id: nextId++, method, params });
  if (reply.error) {
    const error = new Error(`${method}: ${reply.error.message}`);
    error.code = reply.error.code;
    error.data = reply.error.data;
    throw error;
  }
  return reply.result;
}

export const hex = (value) => `0x${value.toString(16)}`;

// blockHashes returns the hashes of blocks first..last, asked for in batches.
export async function blockHashes(url, first, last) {
  const hashes = [];
  for (let at = first; at <= last; at += 100) {
    const batch = [];
    for (let n = at; n <= Math.min(at + 99, last); n++) {
      batch.push({ jsonrpc: '2.0', id: n, method: 'eth_getBlockByNumber', params: [hex(n), false] });
    }
    const replies = await post(url, batch);
    replies.sort((a, b) => a.id - b.id);
    for (const reply of replies) hashes.push(reply.result?.hash ?? `none (${reply.id})`);
  }
  return hashes;
}
