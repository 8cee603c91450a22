import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * The secrets of this installation: made once, at random, and kept in `file`, which only its owner may read. Names that
 * are new get theirs; the others stay.
 */
export function ownSecrets<Name extends string>(file: string, names: readonly Name[]): Record<Name, string> {
  const known: Record<string, string> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const secrets: Record<string, string> = {}
  for (const name of names) secrets[name] = known[name] ?? randomBytes(32).toString('base64url')
  if (names.every((name) => name in known)) return secrets
  writeFileSync(file, `${JSON.stringify({ ...known, ...secrets }, null, 2)}\n`, { mode: 0o600 })
  return secrets
}
