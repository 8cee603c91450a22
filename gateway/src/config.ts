import { DEVELOPMENT_SECRET, type Environment, readEnv, requireOwnSecrets } from '@platform/config/env.ts'
import { OneOf } from '@platform/http/schemas.ts'
import { addressVariable, SERVICES, type ServiceName } from '@platform/platform/registry.ts'
import { CommonEnv, type CommonSettings } from '@platform/service/settings.ts'
import { Type } from 'typebox'
import { type ExternalIssuer, parseIssuers } from './credentials/external-issuers.ts'

const Limit = Type.Integer({ minimum: 0, maximum: 1_000_000_000 })
const ServiceUrl = Type.Optional(Type.String({ pattern: '^https?://[^/?#@]+/?$' }))

const Env = Type.Object({
  ...CommonEnv,
  METRICS_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 0 }),
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/?#@]+/?$', default: 'http://127.0.0.1:8080' }),
  TOKEN_AUDIENCE: Type.String({ minLength: 1, default: 'platform' }),
  KEY_ENCRYPTION_SECRET: Type.String({ minLength: 32, default: DEVELOPMENT_SECRET }),
  ADMIN_EMAIL: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
  ADMIN_PASSWORD: Type.Optional(Type.String({ minLength: 8, maxLength: 200 })),
  JWT_ISSUERS: Type.String({ default: '[]' }),
  CORS_ORIGINS: Type.String({ default: '' }),
  TRUST_PROXY: Type.Integer({ minimum: 0, maximum: 10, default: 0 }),
  UPSTREAM_TIMEOUT_MS: Type.Integer({ minimum: 50, maximum: 55_000, default: 15_000 }),
  RATE_LIMITS: Type.Optional(OneOf(['strict', 'loose', 'off'])),
  RATE_LIMIT_STORE: OneOf(['memory', 'postgres'], { default: 'memory' }),
  RATE_LIMIT_ADDRESS: Type.Optional(Limit),
  RATE_LIMIT_USER: Type.Optional(Limit),
  RATE_LIMIT_KEY: Type.Optional(Limit),
  RATE_LIMIT_SIGN_IN: Type.Optional(Limit),
  RATE_LIMIT_SIGN_UP: Type.Optional(Limit),
})

const ServiceUrls = Type.Object(Object.fromEntries(SERVICES.map((name) => [addressVariable(name), ServiceUrl])))

/** How much is allowed; 0 switches a limit off. */
export interface RateLimits {
  /** Requests a minute from one address. */
  address: number
  /** Requests a minute of one user, by token. */
  user: number
  /** Requests a minute with one API key. */
  key: number
  /** Failed sign-ins in 15 minutes for one account from one address; twenty times as many for an account or an address. */
  signIn: number
  /** New accounts an hour from one address. */
  signUp: number
  /** Where the first three are counted. The others are in PostgreSQL in production, in memory otherwise. */
  store: 'memory' | 'postgres'
}

export interface GatewaySettings extends CommonSettings {
  METRICS_PORT: number
  PUBLIC_URL: string
  TOKEN_AUDIENCE: string
  KEY_ENCRYPTION_SECRET: string
  UPSTREAM_TIMEOUT_MS: number
  TRUST_PROXY: number
  /** The first admin, made at start. */
  admin?: { email: string; password: string }
  issuers: ExternalIssuer[]
  corsOrigins: string[]
  limits: RateLimits
  /** Addresses of the services that there are. */
  services: Partial<Record<ServiceName, string>>
}

/** The usual limits, by RATE_LIMITS: strict in production; elsewhere nobody wants to be in their own way. */
const USUAL = {
  strict: { address: 1_200, user: 600, key: 600, signIn: 10, signUp: 20 },
  loose: { address: 1_000_000, user: 1_000_000, key: 1_000_000, signIn: 100_000, signUp: 100_000 },
  off: { address: 0, user: 0, key: 0, signIn: 0, signUp: 0 },
}

/**
 * Reads and checks the gateway's environment.
 *
 * @throws Error naming each variable that is missing or wrong
 */
export function loadConfig(env: Environment): GatewaySettings {
  const e = readEnv(env, Env)
  requireOwnSecrets(env, {
    ASSERTION_SECRET: e.ASSERTION_SECRET,
    KEY_ENCRYPTION_SECRET: e.KEY_ENCRYPTION_SECRET,
  })
  if (!e.ADMIN_EMAIL !== !e.ADMIN_PASSWORD) throw new Error('ADMIN_EMAIL and ADMIN_PASSWORD go together.')
  const usual = USUAL[e.RATE_LIMITS ?? (e.NODE_ENV === 'production' ? 'strict' : 'loose')]
  return {
    ...e,
    PUBLIC_URL: withoutSlash(e.PUBLIC_URL),
    admin: e.ADMIN_EMAIL && e.ADMIN_PASSWORD ? { email: e.ADMIN_EMAIL, password: e.ADMIN_PASSWORD } : undefined,
    issuers: parseIssuers(e.JWT_ISSUERS),
    corsOrigins: list(e.CORS_ORIGINS),
    limits: {
      address: e.RATE_LIMIT_ADDRESS ?? usual.address,
      user: e.RATE_LIMIT_USER ?? usual.user,
      key: e.RATE_LIMIT_KEY ?? usual.key,
      signIn: e.RATE_LIMIT_SIGN_IN ?? usual.signIn,
      signUp: e.RATE_LIMIT_SIGN_UP ?? usual.signUp,
      store: e.RATE_LIMIT_STORE,
    },
    services: serviceUrls(env),
  }
}

/** The addresses of the services that are configured. */
function serviceUrls(env: Environment): GatewaySettings['services'] {
  const urls = readEnv(env, ServiceUrls)
  const services: GatewaySettings['services'] = {}
  for (const name of SERVICES) {
    const url = urls[addressVariable(name)]
    if (url) services[name] = withoutSlash(url)
  }
  return services
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '')

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
