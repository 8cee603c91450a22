import type { Environment } from '@platform/config/env.ts'
import { runReconcile } from './commands/reconcile.ts'

type Print = (line: string) => void

/** Runs with the words after the command's name. Returns the exit code. */
type Command = (args: string[], env: Environment, print: Print) => Promise<number>

const COMMANDS: Readonly<Record<string, { usage: string; run: Command }>> = {
  reconcile: {
    usage: 'reconcile [--fix]   compares media store and rows; --fix deletes objects that no row points to',
    run: runReconcile,
  },
}

const print: Print = (line) => void process.stdout.write(`${line}\n`)

const [name = '', ...args] = process.argv.slice(2)
const command = COMMANDS[name]
if (command) {
  try {
    process.exitCode = await command.run(args, process.env, print)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
} else {
  process.stderr.write('Usage, with the environment of the moments service:\n')
  for (const { usage } of Object.values(COMMANDS)) process.stderr.write(`  ${usage}\n`)
  process.exitCode = 2
}
