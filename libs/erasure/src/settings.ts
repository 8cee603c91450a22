import { Type } from 'typebox'

/** The setting of a service that has a part in erasures; it spreads this into its own schema. */
export const ErasureEnv = {
  /** How many records a batch of an erasure takes at most. */
  ERASURE_BATCH_SIZE: Type.Integer({ minimum: 1, maximum: 5_000, default: 500 }),
}
