// JSON-RPC without a client library, for requests that libraries do not make.

/** Sends any JSON value; gives the parsed answer. */
export async function post(url, body, timeout = 20_000) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
  })
  return response.json()
}

let id = 0
/** Calls one method; throws an Error with .code and .data when the answer is an error. */
export async function call(url, method, ...params) {
  const answer = await post(url, { jsonrpc: '2.0', id: ++id, method, params })
  if (answer.error) {
    throw Object.assign(new Error(`${method}: ${answer.error.message}`), answer.error)
  }
  return answer.result
}
