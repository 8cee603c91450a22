import { expect } from '@jest/globals'
import type { Client } from './client.ts'
import { eventually } from './eventually.ts'

export interface Erasure {
  userId: string
  requestedAt: string
  completedAt?: string
  services: { service: string; state: string; since: string; erased: number }[]
}

/** The newest erasure of the person. */
export const erasureOf = (asking: Client, person: { id: string }) =>
  asking.get<Erasure>(`/user-data/erasures/${person.id}`)

/** Waits until the newest erasure of the person is complete. */
export const completed = (root: Client, person: { id: string }) =>
  eventually(async () => {
    const { body } = await erasureOf(root, person)
    expect(body.completedAt).toBeDefined()
    return body
  })
