/**
 * What the set-up of a run hands to its test files, by way of the environment: Jest starts its workers after it.
 */
const names = {
  databaseAdminUrl: 'TEST_DATABASE_ADMIN_URL',
  template: 'TEST_TEMPLATE',
  rolePassword: 'TEST_ROLE_PASSWORD',
  kafkaBrokers: 'TEST_KAFKA_BROKERS',
  objectStore: 'TEST_OBJECT_STORE',
} as const

export type RunSetting = keyof typeof names

export function setForRun(setting: RunSetting, value: string): void {
  process.env[names[setting]] = value
}

export function findForRun(setting: RunSetting): string | undefined {
  return process.env[names[setting]] || undefined
}

/** @throws Error when the test file was not started by Jest with this repository's set-up */
export function getForRun(setting: RunSetting): string {
  const value = findForRun(setting)
  if (value === undefined) throw new Error(`${names[setting]} is missing: run the tests with \`pnpm test\`.`)
  return value
}
