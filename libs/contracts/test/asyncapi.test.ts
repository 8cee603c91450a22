import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import { describe, expect, it } from '@jest/globals'
import { parseCloudEvent } from '@platform/events/cloud-event.ts'
import { parse } from 'yaml'
import { asyncApiDocument, toYaml } from '../src/asyncapi.ts'
import { publishedEvents } from '../src/published-events.ts'
import { receivedEvents } from '../src/robots.ts'
import { socialEvents } from '../src/social.ts'

const document = asyncApiDocument()

describe('the AsyncAPI document', () => {
  it('is valid: no error and no warning', async () => {
    const { document: parsed, diagnostics } = await new Parser().parse(toYaml(document))
    expect(diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version')).toEqual([])
    expect(
      parsed
        ?.messages()
        .all()
        .map((message) => message.name())
        .sort(),
    ).toEqual([...publishedEvents, ...receivedEvents].map(({ type }) => type).sort())
    expect(
      parsed
        ?.channels()
        .all()
        .map((channel) => channel.address())
        .sort(),
    ).toEqual([...new Set([...publishedEvents, ...receivedEvents].map(({ topic }) => topic))].sort())
  })

  it('is the same in YAML', () => {
    expect(parse(toYaml(document))).toEqual(document)
  })

  it('says each state once, with its topic’s twelve partitions and its key', () => {
    expect(Object.keys(document.components.schemas)).toEqual([
      'CloudEvent',
      'accounts.account',
      'groups.group',
      'groups.participant',
      'groups.erasure',
      'moderation.transition',
      'moderation.erasure',
      // Each of these topics has states of two shapes: the content, and how often it is liked.
      ...socialEvents.map(({ type }) => type).filter((type) => !type.startsWith('social.erasure.')),
      'social.erasure',
      'scheduler.job',
      'moments.moment.captured',
      'moments.moment.changed',
      'moments.moment.deleted',
      'moments.moment.restored',
      'moments.moment.purged',
      'moments.action',
      'moments.erasure',
      ...new Set(receivedEvents.map(({ topic }) => topic)),
    ])
    expect(document.channels['groups.group']).toMatchObject({
      address: 'groups.group',
      bindings: { kafka: { partitions: 12 } },
    })
    expect(document.components.messages['groups.group.deleted']).toMatchObject({
      contentType: 'application/cloudevents+json',
      bindings: { kafka: { key: { type: 'string' } } },
    })
  })
})

describe('the operations', () => {
  it('send what the platform publishes and receive what robots send', () => {
    expect(document.operations['publish.moments.moment']).toMatchObject({ action: 'send' })
    expect(document.operations['receive.robots.moment']).toMatchObject({
      action: 'receive',
      channel: { $ref: '#/channels/robots.moment' },
    })
  })
})

describe('the README', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

  it('shows a message that is one', () => {
    const [, example = ''] = /```json\n([\s\S]+?)```/.exec(text) ?? []
    const event = parseCloudEvent(example)
    const type = publishedEvents.find((published) => published.type === event.type)
    expect(event.dataschema).toBe(type?.dataschema)
    expect(type?.parse(event.data)).toEqual(event.data)
  })

  it('lists every type', () => {
    for (const { type } of [...publishedEvents, ...receivedEvents]) expect(text).toContain(`\`${type}\``)
  })
})
