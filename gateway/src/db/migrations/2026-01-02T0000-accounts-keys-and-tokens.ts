import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table account (
      id uuid constraint account_pkey primary key,
      email text constraint account_email_lower check (email = lower(email)),
      password_hash text,
      timezone text not null,
      role text not null default 'user' constraint account_role check (role in ('user', 'moderator', 'admin')),
      version integer not null default 1,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      deleted_at timestamptz,
      constraint account_credentials check (deleted_at is not null or (email is not null and password_hash is not null))
    )`.execute(db)
  await sql`create unique index account_email_key on account (email) where deleted_at is null`.execute(db)

  await sql`
    create table api_key (
      id text constraint api_key_pkey primary key,
      account_id uuid not null constraint api_key_account_fkey references account,
      name text not null,
      hash bytea not null,
      previous_hash bytea,
      previous_until timestamptz,
      scopes text[],
      created_at timestamptz not null,
      expires_at timestamptz,
      last_used_at timestamptz
    )`.execute(db)
  await sql`create index api_key_account_index on api_key (account_id, created_at, id)`.execute(db)

  await sql`
    create table session (
      id uuid constraint session_pkey primary key,
      account_id uuid not null constraint session_account_fkey references account,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      revoked_at timestamptz
    )`.execute(db)
  await sql`create index session_account_index on session (account_id)`.execute(db)
  await sql`create index session_expires_at_index on session (expires_at)`.execute(db)

  await sql`
    create table refresh_token (
      hash bytea constraint refresh_token_pkey primary key,
      session_id uuid not null constraint refresh_token_session_fkey references session on delete cascade,
      created_at timestamptz not null,
      used_at timestamptz
    )`.execute(db)
  await sql`create index refresh_token_session_index on refresh_token (session_id)`.execute(db)

  await sql`
    create table signing_key (
      kid text constraint signing_key_pkey primary key,
      public_jwk jsonb not null,
      private_key text not null,
      created_at timestamptz not null,
      retired_at timestamptz
    )`.execute(db)
  await sql`create unique index signing_key_active_key on signing_key ((true)) where retired_at is null`.execute(db)

  // Counters of the rate limits. After a crash of the database they begin anew, which does no harm.
  await sql`
    create unlogged table rate_limit (
      key varchar(255) constraint rate_limit_pkey primary key,
      points integer not null default 0,
      expire bigint
    )`.execute(db)
  await sql`create index rate_limit_expire_index on rate_limit (expire)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['rate_limit', 'signing_key', 'refresh_token', 'session', 'api_key', 'account']) {
    await db.schema.dropTable(table).execute()
  }
}
