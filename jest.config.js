/** One suite over the whole workspace: `pnpm test`, or `pnpm test services/groups` for a part. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{gateway,services,libs,infra}/**/*.test.ts'],
  modulePathIgnorePatterns: ['/\\.cache/', '/\\.data/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } }],
  },
  globalSetup: '<rootDir>/libs/testing/src/global-setup.ts',
  globalTeardown: '<rootDir>/libs/testing/src/global-teardown.ts',
  // Ends what hangs; it says nothing of how fast things are to be.
  testTimeout: 300_000,
  maxWorkers: 2,
}
