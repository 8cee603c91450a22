import { run } from 'graphile-worker'
import { Agent } from 'undici'

/**
 * graphile-worker with its local queue on. Its task, called `TASK`, makes the very requests that the scheduler makes. Given
 * `BATCHED`, what has finished is also written in batches, which its documentation has for the most speed, at the price
 * that more is done twice after a crash.
 */

interface Payload {
  url: string
  headers: Record<string, string>
  body: string
}

const { DATABASE_URL = '', TASK = '', BATCHED, CONCURRENCY = '64', TIMEOUT_MS = '30000' } = process.env
const concurrency = Number(CONCURRENCY)
const timeoutMs = Number(TIMEOUT_MS)
const agent = new Agent({ connections: concurrency, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })

const runner = await run({
  preset: {
    worker: {
      connectionString: DATABASE_URL,
      maxPoolSize: concurrency + 2,
      concurrentJobs: concurrency,
      localQueue: { size: 500 },
      ...(BATCHED ? { completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
    },
  },
  taskList: {
    async [TASK](payload) {
      const { url, headers, body } = payload as Payload
      const { origin, pathname } = new URL(url)
      const signal = AbortSignal.timeout(timeoutMs)
      const answer = await agent.request({ origin, path: pathname, method: 'POST', headers, body, signal })
      await answer.body.arrayBuffer()
      if (answer.statusCode !== 200) throw new Error(`The target answered ${answer.statusCode}.`)
    },
  },
  logger: undefined,
})
process.send?.('ready')
process.on('disconnect', () => void runner.stop().then(() => process.exit()))
