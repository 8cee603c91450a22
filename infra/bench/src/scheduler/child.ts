import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { guardChild } from '@platform/local/guard.ts'

/** A process of the benchmark that talks to it. It ends when nobody listens any more. */
export interface Child<In> {
  send(message: In): void
  /** The next thing that it says. */
  next<Out>(): Promise<Out>
  stop(): Promise<void>
}

/** Starts a file of this folder. @returns with what it says first */
export async function startChild<In, First>(
  name: string,
  env: Record<string, string> = {},
): Promise<{ child: Child<In>; first: First }> {
  const file = new URL(`./${name}.ts`, import.meta.url)
  const process_: ChildProcess = fork(file, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', NO_LOG_SUCCESS: '1', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  guardChild(process_)
  const ended = once(process_, 'exit')
  const next = async <Out>(): Promise<Out> => {
    const gone = ended.then(() => {
      throw new Error(`${name} has ended.`)
    })
    const [message] = await Promise.race([once(process_, 'message'), gone])
    return message
  }
  const child: Child<In> = {
    send: (message) => void process_.send(message as object),
    next,
    stop: async () => {
      process_.disconnect()
      await ended
    },
  }
  return { child, first: await next<First>() }
}
