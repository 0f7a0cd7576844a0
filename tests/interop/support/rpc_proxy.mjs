// A JSON-RPC server in front of another one, which answers some calls otherwise.
import { createServer } from 'node:http'
import { post } from './rpc.mjs'

/** answer(method, params) gives a result, or undefined: the target is asked.  { url, close } */
export async function startRpcProxy(target, answer) {
  const one = async (request) => {
    const result = answer(request.method, request.params ?? [])
    return result === undefined ? post(target, request) : { jsonrpc: '2.0', id: request.id, result }
  }
  const server = createServer(async (request, response) => {
    try {
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      const body = JSON.parse(Buffer.concat(chunks))
      const answers = Array.isArray(body) ? await Promise.all(body.map(one)) : await one(body)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers))
    } catch (error) {
      response.writeHead(502).end(String(error))
    }
  })
  await new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.close(resolve)
      server.closeAllConnections()
    }),
  }
}
