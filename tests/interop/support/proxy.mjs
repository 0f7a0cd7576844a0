// A TCP relay in front of a server, which can go away and come back on the same port.
import { connect, createServer } from 'node:net'

export class Proxy {
  constructor(url) {
    this.target = new URL(url)
    this.sockets = new Set()
    this.port = 0
  }

  async up() {
    this.server = createServer((client) => {
      const upstream = connect(Number(this.target.port), this.target.hostname)
      for (const [from, to] of [[client, upstream], [upstream, client]]) {
        this.sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.sockets.delete(from)
          to.destroy()
        })
        from.pipe(to)
      }
    })
    await new Promise((resolve, reject) => {
      this.server.on('error', reject)
      this.server.listen(this.port, '127.0.0.1', resolve)
    })
    this.port = this.server.address().port
    this.url = `http://127.0.0.1:${this.port}`
    return this
  }

  /** New connections are refused and those that stand are cut. */
  async down() {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const socket of this.sockets) socket.destroy()
    await closed
  }
}
