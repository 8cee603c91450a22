import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Comment } from '../src/comments/shapes.ts'
import { type SocialAlone, startSocialAlone } from './social-alone.ts'

/** What the clock is set back by: how far that of another process may be behind. */
const BEHIND_MS = 60_000

let alone: SocialAlone
let isBehind = false
beforeAll(async () => {
  alone = await startSocialAlone({ clock: () => new Date(Date.now() - (isBehind ? BEHIND_MS : 0)) })
})
afterAll(() => alone.stop())

interface Part {
  data: Comment[]
  nextCursor?: string
}

describe('comments written by processes whose clocks differ', () => {
  it.each([
    ["a post's comments", '/comments', ''],
    ["a comment's replies", '/comments/{parent}/replies', '/comments/{parent}/replies'],
  ])('skip none of %s for who reads on by a cursor', async (_, list, below) => {
    const ana = alone.person()
    const create = async (path: string) => (await ana.post<{ id: string }>(path, { text: 'x' })).body.id
    const post = `/posts/${await create('/posts')}`
    const parent = below ? await create(`${post}/comments`) : ''
    const path = `${post}${list.replace('{parent}', parent)}`
    const read = async (query: string) => {
      const { body } = await ana.get<Part>(`${path}?limit=2${query}`)
      return { ids: body.data.map(({ commentId }) => commentId), nextCursor: body.nextCursor }
    }
    const early = [await create(path), await create(path), await create(path)]
    const part = await read('')
    expect(part.ids).toEqual(early.slice(0, 2))
    isBehind = true
    const late = await create(path)
    isBehind = false
    expect((await read(`&after=${part.nextCursor}`)).ids).toEqual([early[2], late])
  })
})
