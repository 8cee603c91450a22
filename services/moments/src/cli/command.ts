import type { Config } from '../config.ts'
import type { Db } from '../db/schema.ts'

export interface CliContext {
  db: Db
  config: Config
  flags: string[]
  print: (line: string) => void
}

/** A command of `cli.ts`. */
export interface CliCommand {
  /** Its lines in the usage. */
  usage: string
  flags: string[]
  /** Returns false when it found something that stays as it is. */
  run(context: CliContext): Promise<boolean>
}
