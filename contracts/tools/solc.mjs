#!/usr/bin/env node
// Presents npm's solc as the native compiler that forge calls: `--version`, and `--standard-json`
// with the input on stdin. forge passes every source in the input, so the flags that grant file
// access (`--base-path`, `--allow-paths`) have no meaning here and are ignored.
import { readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// node closes a pipe on exit even when an asynchronous write is still under way, and a full pipe
// answers EAGAIN; so the text is written synchronously until the last byte is gone.
function writeAll(text) {
  const bytes = Buffer.from(text);
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const solc = require('solc');
if (process.argv.includes('--version')) {
  const version = solc.version().replace('Emscripten.clang', 'Linux.g++');
  writeAll(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (process.argv.includes('--standard-json')) {
  writeAll(solc.compile(readFileSync(0, 'utf8')) + '\n');
} else {
  process.stderr.write('solc.mjs: only --version and --standard-json are known\n');
  process.exitCode = 1;
}
