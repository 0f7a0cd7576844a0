// Starts and stops the programs under test.  Every wait has a bound, every process is stopped by
// its pid, and none outlives the test run.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
export const repository = join(here, '..', '..', '..')

/** The program under test: $VIADUCT, or the release build. */
export const viaduct = process.env.VIADUCT ?? join(repository, 'build', 'release', 'bin', 'viaduct')
export const anvil = join(here, '..', 'node_modules', '.bin', 'anvil')
export const cast = join(here, '..', 'node_modules', '.bin', 'cast')

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Calls probe until it gives something other than undefined or false; errors count as "not yet". */
export async function waitFor(what, probe, { timeout = 30_000, interval = 100 } = {}) {
  const end = Date.now() + timeout
  let last = 'nothing yet'
  while (Date.now() < end) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      if (error.fatal) throw error
      last = error.shortMessage ?? error.message
    }
    await sleep(interval)
  }
  throw new Error(`waited ${timeout} ms in vain for ${what} (last: ${last})`)
}

/** How much of a program's log a failure shows. */
const tailBytes = Number(process.env.INTEROP_TAIL ?? 3000)

const running = new Set()
process.on('exit', () => {
  for (const child of running) child.process.kill('SIGKILL')
})

/** One child process, with what it printed. */
export class Child {
  constructor(program, args, { cwd, name, env } = {}) {
    this.name = name ?? program.split('/').pop()
    this.output = ''
    this.errors = ''
    this.process = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.pid = this.process.pid
    running.add(this)
    this.process.stdout.on('data', (data) => (this.output = (this.output + data).slice(-1_000_000)))
    this.process.stderr.on('data', (data) => (this.errors = (this.errors + data).slice(-1_000_000)))
    this.ended = new Promise((resolve) => {
      this.process.on('error', (error) => {
        this.errors += error.message
        running.delete(this)
        resolve((this.end = { code: -1, signal: null }))
      })
      this.process.on('close', (code, signal) => {
        running.delete(this)
        resolve((this.end = { code, signal }))
      })
    })
  }

  tail() {
    return `--- ${this.name} (pid ${this.pid}), end ${JSON.stringify(this.end)}\n` +
      `${this.output.slice(-1500)}\n${this.errors.slice(-tailBytes)}`
  }

  /** Waits for a match in what the child printed. */
  async printed(pattern, timeout = 20_000) {
    return waitFor(`${pattern} from ${this.name}`, () => {
      const match = this.output.match(pattern) ?? this.errors.match(pattern)
      if (!match && this.end) throw fatal(`${this.name} ended\n${this.tail()}`)
      return match ?? undefined
    }, { timeout, interval: 20 })
  }

  /** Waits for the end without asking for it. */
  async exited(timeout = 20_000) {
    let timer // a pending one would keep the test's process alive
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout)))
    const end = await Promise.race([this.ended, late])
    clearTimeout(timer)
    if (!end) {
      this.process.kill('SIGKILL')
      throw new Error(`${this.name} did not end within ${timeout} ms\n${this.tail()}`)
    }
    return end
  }

  async stop(signal = 'SIGTERM', timeout = 20_000) {
    if (!this.end) this.process.kill(signal)
    return this.exited(timeout)
  }
}

export function fatal(text) {
  return Object.assign(new Error(text), { fatal: true })
}

/** Runs a program to its end; { code, output, errors }. */
export async function run(program, args, { timeout = 30_000, cwd } = {}) {
  const child = new Child(program, args, { cwd })
  const end = await child.exited(timeout)
  return { code: end.code, output: child.output, errors: child.errors }
}

const folders = []
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'viaduct-interop-'))
  folders.push(folder)
  return folder
}

/** For a test's after(): ends what still runs and removes the folders. */
export async function cleanUp() {
  await Promise.all([...running].map((child) => child.stop('SIGKILL').catch(() => {})))
  if (!process.env.INTEROP_KEEP) {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
}

/** Starts `viaduct dev` on free ports and waits until it serves: { child, info }. */
export async function startDev({ datadir, args = [], name = 'viaduct dev' } = {}) {
  const infoFile = join(temporaryFolder(), 'info.json')
  const child = new Child(viaduct, [
    'dev', '--l1-port', '0', '--l2-port', '0', '--info', infoFile,
    ...(datadir ? ['--datadir', datadir] : []), ...args,
  ], { name })
  const started = process.hrtime.bigint()
  const info = await waitFor(`${name} to write its info file`, () => {
    if (child.end) throw fatal(`${name} ended before it served\n${child.tail()}`)
    return existsSync(infoFile) ? JSON.parse(readFileSync(infoFile, 'utf8')) : undefined
  }, { timeout: 30_000, interval: 5 })
  return { child, info, startMs: Number(process.hrtime.bigint() - started) / 1e6 }
}

/** Starts anvil on a free port: { child, url }. */
export async function startAnvil(args = []) {
  const child = new Child(anvil, ['--port', '0', ...args], { name: 'anvil' })
  const [, address] = await child.printed(/Listening on (127\.0\.0\.1:\d+)/)
  return { child, url: `http://${address}` }
}

/** Starts `viaduct node` on a free port: { child, url }. */
export async function startNode({ l1, files, datadir, args = [], name, env }) {
  const child = new Child(viaduct, [
    'node', '--l1', l1, '--rollup', join(files, 'rollup.json'), '--genesis',
    join(files, 'genesis.json'), '--datadir', datadir, '--http-port', '0', '--l1-poll', '200',
    ...args,
  ], { name, env })
  const [, url] = await child.printed(/L2 JSON-RPC on (http:\/\/[\d.]+:\d+)/)
  return { child, url }
}
