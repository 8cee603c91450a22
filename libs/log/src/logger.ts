import winston from 'winston'

/** Facts beside a fixed message. Ids and numbers; never bodies, tokens, photos or places. */
export type LogFields = Record<string, unknown>

/** What the platform logs with: a fixed message, and the data in fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same logger with `fields` on every line. */
  child(fields: LogFields): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
/** `json`: a line an object, for machines. `pretty`: short lines for people. */
export type LogFormat = 'json' | 'pretty'

const SECRET_FIELD = /authorization|cookie|password|secret|token|api[-_]?key|assertion/i
// A JWT, an API key, or a credential in a URL, wherever it hides in a text.
const SECRET_TEXT =
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bpk_[A-Za-z0-9_]{8,}|([?&]apikey=)[^&\s"]+|(:\/\/[^\s:/@]+:)[^\s@/]+(?=@)/gi

function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string')
    return value.replace(SECRET_TEXT, (_, key = '', user = '') => `${key}${user}[redacted]`)
  if (value instanceof Error) return { name: value.name, message: redact(value.message), stack: redact(value.stack) }
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  if (depth > 5) return '[deep]'
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_FIELD.test(name) && item !== undefined ? '[redacted]' : redact(item, depth + 1),
    ]),
  )
}

const redactSecrets = winston.format((line) => {
  for (const [name, value] of Object.entries(line)) {
    line[name] = SECRET_FIELD.test(name) ? '[redacted]' : redact(value)
  }
  return line
})

const pretty = winston.format.printf(({ level, message, timestamp, service: _, ...fields }) => {
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : toText(value)}`,
  )
  return [String(timestamp).slice(11, 19), level, message, ...rest].join(' ')
})

function toText(value: unknown): string {
  const stack = (value as { stack?: unknown } | null)?.stack
  return typeof stack === 'string' ? `\n${stack}` : JSON.stringify(value)
}

/**
 * A Winston logger on standard output. Secrets are redacted by the name of their field and by their shape.
 *
 * @param service on every line, so that the lines of many processes can be told apart
 */
export function createLogger(options: { service: string; level: LogLevel; format: LogFormat }): Logger {
  return winston.createLogger({
    level: options.level === 'silent' ? 'error' : options.level,
    silent: options.level === 'silent',
    defaultMeta: { service: options.service },
    format: winston.format.combine(
      redactSecrets(),
      winston.format.timestamp(),
      options.format === 'json' ? winston.format.json() : pretty,
    ),
    transports: [new winston.transports.Console()],
  })
}
