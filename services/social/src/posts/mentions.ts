import type { Mention } from '@platform/contracts/social.ts'
import { DomainError } from '@platform/http/errors.ts'

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
