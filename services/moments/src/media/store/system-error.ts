/** True for an error of the system or of Node with one of these codes, whichever realm it comes from. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  return typeof error.code === 'string' && codes.includes(error.code)
}

/** Turns the error of a path that does not exist into undefined, and throws any other one again. */
export function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
}
