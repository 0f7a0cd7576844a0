// Child processes of a test: their ports, their output, their end.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

import { within } from './wait.mjs';

// freePort returns a port that nothing listens on at this moment.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// start runs a program and keeps the last part of what it says.  `exited` resolves to
// {code, signal}; `stop` asks it to end (SIGTERM), insists after ten seconds, and returns how it
// ended; `kill` ends it at once.
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const self = { child, output: '', ended: null };
  const keep = (chunk) => {
    self.output = (self.output + chunk).slice(-20000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  self.exited = new Promise((resolve) => {
    child.once('error', (error) => {
      keep(String(error));
      self.ended = { code: null, signal: null };
      resolve(self.ended);
    });
    child.once('exit', (code, signal) => {
      self.ended = { code, signal };
      resolve(self.ended);
    });
  });
  self.kill = async () => {
    if (!self.ended) child.kill('SIGKILL');
    return self.exited;
  };
  self.stop = async () => {
    if (!self.ended) child.kill('SIGTERM');
    try {
      return await within(10_000, `${program} to stop`, self.exited);
    } catch (error) {
      await self.kill();
      throw error;
    }
  };
  // A test that fails must not leave its children behind.
  process.once('exit', () => self.ended || child.kill('SIGKILL'));
  return self;
}

// mustLive throws if the process has ended, so that no one waits for its answers; with its output.
export function mustLive(self, name) {
  if (!self.ended) return;
  const error = new Error(`${name} ended (${JSON.stringify(self.ended)}):\n${self.output}`);
  error.fatal = true;
  throw error;
}

// run runs a program to its end and returns {code, output}.
export async function run(program, args, options = {}) {
  const self = start(program, args, options);
  try {
    const { code } = await within(options.timeoutMs ?? 60_000, `${program} to end`, self.exited);
    return { code, output: self.output };
  } catch (error) {
    await self.kill();
    throw new Error(`${error.message}\n${self.output}`);
  }
}
