import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('outbox')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity())
    .addColumn('topic', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .addPrimaryKeyConstraint('outbox_pkey', ['id'])
    .execute()
  // Rows live for milliseconds: what they leave behind has to be cleared often.
  await sql`alter table outbox set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000)`.execute(
    db,
  )
  await db.schema
    .createTable('inbox')
    .addColumn('consumer', 'text', (column) => column.notNull())
    .addColumn('event_id', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('handled_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('inbox_pkey', ['event_id', 'source', 'consumer'])
    .execute()
  // Rows come in the order of this column, so that a few pages of a BRIN index find the old ones.
  await sql`create index inbox_handled_at_index on inbox using brin (handled_at) with (pages_per_range = 16)`.execute(
    db,
  )
  await db.schema
    .createTable('parked_event')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity())
    .addColumn('consumer', 'text', (column) => column.notNull())
    .addColumn('topic', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('partition', 'integer', (column) => column.notNull())
    .addColumn('offset', 'bigint', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('event_id', 'text')
    .addColumn('event_type', 'text')
    .addColumn('subject', 'text')
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('error', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('accepts_gap', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('parked_at', 'timestamptz', (column) => column.notNull())
    .addColumn('replay_requested_at', 'timestamptz')
    .addPrimaryKeyConstraint('parked_event_pkey', ['id'])
    .addUniqueConstraint('parked_event_message_unique', ['consumer', 'topic', 'partition', 'offset'])
    .addCheckConstraint('parked_event_reason_check', sql`reason in ('invalid', 'failed', 'gap', 'behind')`)
    .execute()
  await db.schema
    .createIndex('parked_event_key_index')
    .on('parked_event')
    .columns(['consumer', 'topic', 'key', 'id'])
    .execute()
  await sql`create index parked_event_replay_index on parked_event (consumer, topic, key)
    where replay_requested_at is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('parked_event').execute()
  await db.schema.dropTable('inbox').execute()
  await db.schema.dropTable('outbox').execute()
}
