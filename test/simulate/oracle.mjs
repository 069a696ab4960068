// Answers simulations, one JSON document a line, with iam-simulate.
//
//   in:  {"simulation": {...}}
//   out: {"result": "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied", "ignored": [...]}
//        {"error": "..."} when the package refuses the input
//
// Run it as: node oracle.mjs FOLDER, where FOLDER/node_modules has the package.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { join, resolve } from 'node:path'

const require = createRequire(join(resolve(process.argv[2]), 'index.js'))
const { runSimulation } = require('@cloud-copilot/iam-simulate')

async function answer(line) {
  try {
    const { simulation } = JSON.parse(line)
    const r = await runSimulation(simulation, {})
    if (r.resultType === 'error') return { error: JSON.stringify(r.errors) }
    if (r.resultType === 'single') return { result: r.overallResult, ignored: r.result.ignoredContextKeys }
    return { error: 'a resource with wildcards' }
  } catch (e) {
    return { error: String(e.stack ?? e) }
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(JSON.stringify(await answer(line)) + '\n')
}
