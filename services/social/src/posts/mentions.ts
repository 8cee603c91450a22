import type { Mention } from '@platform/contracts/social.ts'
import { DomainError } from '@platform/http/errors.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'

/** How many people a text names at most: what it carries along is bounded, since lists show all of it. */
export const MAX_MENTIONS = 50

const NewMention = Type.Object(
  {
    mentionedUserId: Uuid,
    mentionText: Type.String({ minLength: 1, maxLength: 100, description: 'Occurs in `text`.' }),
  },
  { title: 'NewMention' },
)

/** Of a new post or comment, and of an edit. */
export const NewMentions = Type.Optional(Type.Array(NewMention, { maxItems: MAX_MENTIONS }))

/**
 * Mentions as they are kept: ids in lower case.
 *
 * @throws DomainError `validation` naming each mention whose text does not occur in the text
 */
export function readMentions(text: string, mentions: Mention[]): Mention[] {
  const messages = mentions.flatMap(({ mentionText }, index) =>
    text.includes(mentionText) ? [] : [`body.mentions.${index}.mentionText must occur in text`],
  )
  if (messages.length > 0) throw new DomainError('validation', 'The mentions are not valid.', { messages })
  return mentions.map(({ mentionedUserId, mentionText }) => ({
    mentionedUserId: mentionedUserId.toLowerCase(),
    mentionText,
  }))
}
