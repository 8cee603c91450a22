import type { S3Access } from '@platform/local/seaweedfs.ts'
import { findForRun } from './run-environment.ts'

/**
 * Returns the S3 bucket of this run, or undefined where no S3 can be had; the set-up has said so loudly. A test file that
 * imports this one makes the run start an S3 store.
 */
export function findObjectStore(): S3Access | undefined {
  const access = findForRun('objectStore')
  return access === undefined ? undefined : JSON.parse(access)
}
