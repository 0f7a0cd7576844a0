// join.mjs PARTS OUT.json makes one file of what the parts of run.sh left in the folder PARTS: figures
// holds rows of { what, who, value, unit }; gas, prove and dispute what those scripts wrote.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [parts, out] = process.argv.slice(2)
const read = (name) => (existsSync(join(parts, name)) ? readFileSync(join(parts, name), 'utf8') : undefined)
const json = (name) => JSON.parse(read(name) ?? 'null') ?? undefined
const lines = (read('programs.jsonl') ?? '').split('\n').filter((line) => line !== '')
const all = {
  figures: [...(json('node.json') ?? []), ...lines.map((line) => JSON.parse(line))],
  gas: json('gas.json'),
  prove: json('prove.json'),
  dispute: json('dispute.json'),
}
writeFileSync(out, `${JSON.stringify(all, null, 2)}\n`)
