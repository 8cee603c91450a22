import type { Logger } from '@platform/log/logger.ts'

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
