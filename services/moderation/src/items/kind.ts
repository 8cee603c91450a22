import type { EntityType, ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Origin } from '@platform/http/client.ts'
import { type TSchema, Type } from 'typebox'

/** An entity as the service that owns it has it. */
export interface OwnerState<S = unknown> {
  /** The entity's version: that of the owner's event which tells of this state. */
  version: number
  state: S
}

/** The revision of a text, in what moderators are shown. */
export const ContentRevision = Type.Integer({ minimum: 1, description: 'For `If-Match`, when it is decided on.' })

/** What every kind of content has. */
export interface ContentFacts {
  entityId: string
  subjectId: string
  contentRevision: number
  /** RFC 3339. */
  createdAt: string
  deletedAt?: string | undefined
}

/** What is moderated. A new kind of content is one object of this shape, its routes in `service.ts`, its events. */
export interface EntityKind<S = unknown> {
  type: EntityType
  /** As paths have it: `groups`. */
  plural: 'posts' | 'comments' | 'groups'
  /** The name of the id in paths. */
  idParameter: 'postId' | 'commentId' | 'groupId'
  /** The shape of `show`'s result. */
  shown: TSchema
  /** The content for moderators, never redacted. */
  show(state: S, standing: { status: ModerationStatus; contentRevision: number }): object
  facts(state: S): ContentFacts
  /**
   * Asks the owner, whose answer is newer than our copy.
   *
   * @returns undefined when the entity does not exist there
   * @throws DomainError `unavailable`
   */
  ask(entityId: string, origin: Origin): Promise<OwnerState<S> | undefined>
}
