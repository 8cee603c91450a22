import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { defineEvent } from '../src/event-type.ts'
import { completed, draftEvent, isUnannounced, type OutboxRow } from '../src/outbox.ts'
import { startTestService, type TestService, thingChanged } from './harness.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

const counted = (largest?: number) =>
  defineEvent({
    type: 'things.thing.counted',
    topic: 'things.thing',
    description: 'A thing was counted.',
    data: Type.Object({ id: Type.String(), parts: Type.Integer({ minimum: 0, maximum: largest }) }),
  })
const AT = new Date('2026-01-02T03:04:05.678Z')
const draft = (id: string) =>
  draftEvent(
    { type: counted(), source: '/services/things', subject: id, data: { id }, counts: ['parts'] },
    { at: AT, actorId: 'ana' },
  )

/** Raises a thing's version and tells it, in one statement; nothing is told of a thing that is not there. */
const raise = (id: string, { topic, key, event }: OutboxRow) => sql`
  with raised as (update thing set version = version + 1 where id = ${id} returning version)
  insert into outbox (topic, key, event)
  select ${topic}, ${key}, ${completed(sql`${event}`, sql.ref('version'), { parts: sql`version * 10` })}
  from (select) as one left join raised on true`

describe('an event that a statement completes', () => {
  it('is written with the numbers of that statement', async () => {
    await sql`insert into thing values ('a', 6, 'x')`.execute(service.db)
    await raise('a', draft('a')).execute(service.db)
    const [row] = await service.db.selectFrom('outbox').selectAll().where('key', '=', 'a').execute()
    expect(row?.topic).toBe('things.thing')
    expect(JSON.parse(row?.event ?? '')).toEqual({
      specversion: '1.0',
      id: expect.any(String),
      source: '/services/things',
      type: 'things.thing.counted',
      subject: 'a',
      time: AT.toISOString(),
      datacontenttype: 'application/json',
      dataschema: '/schemas/things.thing.counted.json',
      entityversion: 7,
      actorid: 'ana',
      data: { id: 'a', parts: 70 },
    })
  })

  it('makes the statement fail where there is no number, so that nothing is told of nothing', async () => {
    const failure: unknown = await raise('nobody', draft('nobody'))
      .execute(service.db)
      .catch((error) => error)
    expect(isUnannounced(failure)).toBe(true)
    expect(await service.db.selectFrom('outbox').selectAll().where('key', '=', 'nobody').execute()).toEqual([])
    const other: unknown = await sql`insert into thing values (null, 1, 'x')`
      .execute(service.db)
      .catch((error) => error)
    expect(isUnannounced(other)).toBe(false)
  })

  it('is held against its schema, with the counts as small and as large as a column can be', () => {
    const event = { source: '/services/things', subject: 'b', data: { id: 'b' }, counts: ['parts'] as const }
    expect(() => draftEvent({ ...event, type: counted(1_000_000) }, { at: AT })).toThrow('/parts must be <= 1000000')
    const named = { ...event, counts: ['name'] as const }
    expect(() => draftEvent({ ...named, type: thingChanged }, { at: AT })).toThrow('/name must be string')
  })
})
