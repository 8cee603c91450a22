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
  robots: number
  moments: number
}

// Some of them moderate.
const LEAST_USERS = 5
const MOMENTS_A_ROBOT = 500

export const SIZE_NAMES = [
  'users',
  'groups',
  'posts',
  'comments',
  'likes',
  'robots',
  'moments',
] as const satisfies (keyof Sizes)[]

/**
 * Completes what was given by what is usual: five posts a user, a group for a hundred posts, a comment and three likes a
 * post; a robot for 500 moments. Where robots or moments are asked for,
 * posts have to be asked for, too.
 *
 * @throws RangeError for what cannot be: content without people
 */
export function completeSizes(given: Partial<Sizes>): Sizes {
  const isForRobots = given.robots !== undefined || given.moments !== undefined
  const posts = given.posts ?? (isForRobots ? 0 : 10_000)
  const moments = given.moments ?? (given.robots ?? 0) * MOMENTS_A_ROBOT
  const robots = given.robots ?? Math.ceil(moments / MOMENTS_A_ROBOT)
  const users = given.users ?? Math.max(50, Math.ceil(posts / 5), robots * 2)
  const groups = given.groups ?? Math.ceil(posts / 100)
  const sizes = {
    users,
    groups,
    posts,
    comments: given.comments ?? posts,
    likes: given.likes ?? posts * 3,
    robots,
    moments,
  }
  if (users < LEAST_USERS) throw new RangeError(`There have to be ${LEAST_USERS} users or more.`)
  if (posts === 0 && (sizes.comments > 0 || sizes.likes > 0)) throw new RangeError('Comments and likes need posts.')
  if (robots === 0 && moments > 0) throw new RangeError('Moments need robots.')
  return sizes
}
