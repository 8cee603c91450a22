/** How much is asked for. */
export interface Sizes {
  users: number
  groups: number
  /** Reposts among them. */
  posts: number
  /** Replies among them. */
  comments: number
  /** Of posts and of comments, together. */
  likes: number
}

// Some of them moderate.
const LEAST_USERS = 5

export const SIZE_NAMES = ['users', 'groups', 'posts', 'comments', 'likes'] as const satisfies (keyof Sizes)[]

/**
 * Completes what was given by what is usual: five posts a user, a group for a hundred posts, a comment and three likes a
 * post.
 *
 * @throws RangeError for what cannot be: content without people
 */
export function completeSizes(given: Partial<Sizes>): Sizes {
  const posts = given.posts ?? 10_000
  const users = given.users ?? Math.max(50, Math.ceil(posts / 5))
  const groups = given.groups ?? Math.ceil(posts / 100)
  const sizes = { users, groups, posts, comments: given.comments ?? posts, likes: given.likes ?? posts * 3 }
  if (users < LEAST_USERS) throw new RangeError(`There have to be ${LEAST_USERS} users or more.`)
  if (posts === 0 && (sizes.comments > 0 || sizes.likes > 0)) throw new RangeError('Comments and likes need posts.')
  return sizes
}
