import { randomUUID } from 'node:crypto'
import { type Capture, type CaptureFile, makeFiles } from './captures.ts'

export interface RobotOptions {
  /** The gateway's address. */
  url: string
  /** The headers of a credential with the scope `moments:write`: `x-api-key`, or `authorization`. */
  credential: Record<string, string>
  robotId: string
  /** Begins the id of each request, so that its log lines can be told apart. */
  requestIdPrefix?: string
  /** Sends a request; tests and `--lose-network` hand in one that fails. */
  send?: typeof fetch
  /** Called after each capture that is uploaded. */
  onUploaded?: (capture: Capture, isNew: boolean) => void
  /** Called before a request is sent again, with its name. */
  onLost?: (what: string, error: unknown) => void
}

/** How a robot was answered when its capture was uploaded. */
interface UploadTarget {
  uploadUUID: string
  method: string
  url: string
  headers: Record<string, string>
}

/** One user's action on a moment, as robots read it. */
export interface MomentAction {
  uuid: string
  momentUUID: string
  action: string
  at: string
}

// A robot at home loses its network for a while; it goes on where it was.
const ATTEMPTS = 8
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
const REQUEST_MS = 30_000

/** An answer that another attempt would not change. */
class Refused extends Error {}

/** A simulated home robot: it uploads captures and reads what users did with them. */
export class Robot {
  readonly #options: RobotOptions
  readonly #send: typeof fetch

  constructor(options: RobotOptions) {
    this.#options = options
    this.#send = options.send ?? fetch
  }

  /**
   * Gives a user a right on the robot, which makes the robot known to the service.
   *
   * @throws Error when the service refuses
   */
  async grant(userId: string, right: 'owner' | 'viewer'): Promise<void> {
    await this.#call('PUT', `/robots/${this.#options.robotId}/access/${userId}`, { right })
  }

  /**
   * Uploads captures in order. A request that broke off is sent again, although the service may have done what it asks
   * for: an upload URL takes the same file twice, and one `sourceId` is one moment.
   *
   * @throws Error when the service refuses a capture, or does not answer for long
   */
  async upload(captures: Capture[]): Promise<void> {
    for (const capture of captures) {
      const files = await makeFiles(capture)
      const isNew = await this.#uploadOne(capture, files)
      this.#options.onUploaded?.(capture, isNew)
    }
  }

  /** Reads every action after the given one, page by page. Without one: from the beginning. */
  async *actions(since?: { at: string; uuid: string }): AsyncGenerator<MomentAction> {
    let after = since
    for (;;) {
      const query = after ? `?${new URLSearchParams({ since: after.at, sinceMomentUUID: after.uuid })}` : ''
      const page = await this.#call<{ data: MomentAction[]; nextSince?: string; nextMomentUUID?: string }>(
        'GET',
        `/robots/${this.#options.robotId}/moment-actions${query}`,
      )
      yield* page.body.data
      const { nextSince, nextMomentUUID } = page.body
      if (page.body.data.length === 0 || !nextSince || !nextMomentUUID) return
      after = { at: nextSince, uuid: nextMomentUUID }
    }
  }

  /** @returns false when the service had the capture already */
  async #uploadOne(capture: Capture, files: CaptureFile[]): Promise<boolean> {
    const { robotId } = this.#options
    const announced = files.map(({ kind, contentType, content, sha256 }) => ({
      kind,
      contentType,
      bytes: content.length,
      sha256,
    }))
    const { body } = await this.#call<{ uploads: UploadTarget[] }>('POST', `/robots/${robotId}/uploads`, {
      files: announced,
    })
    await Promise.all(files.map((file, index) => this.#put(file, body.uploads[index])))
    const media = files.map(({ kind }, index) => ({ kind, uploadUUID: body.uploads[index]?.uploadUUID }))
    const { sourceId, type, title, timeZone } = capture
    const capturedAt = capture.capturedAt.toISOString()
    const moment = { robotUUID: robotId, sourceId, type, title, capturedAt, timeZone, media }
    return (await this.#call('POST', '/moments', moment)).status === 201
  }

  async #put({ content }: CaptureFile, target: UploadTarget | undefined): Promise<void> {
    if (!target) throw new Refused('The service gave too few upload addresses.')
    const { method, url, headers } = target
    await this.#untilAnswered(`${method} of a file`, url, { method, headers, body: new Uint8Array(content) })
  }

  async #call<T = unknown>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
    const { url, credential } = this.#options
    const headers = { ...credential, ...(body && { 'content-type': 'application/json' }) }
    const init = { method, headers, body: body && JSON.stringify(body) }
    const { status, text } = await this.#untilAnswered(`${method} ${path}`, `${url}${path}`, init)
    return { status, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** Sends a request, and again with growing pauses while the network or the service is away. */
  async #untilAnswered(
    what: string,
    url: string,
    init: RequestInit & { headers: Record<string, string> },
  ): Promise<{ status: number; text: string }> {
    for (let failures = 0; ; ) {
      try {
        const headers = { ...init.headers, ...this.#requestId() }
        const answer = await this.#send(url, { ...init, headers, signal: AbortSignal.timeout(REQUEST_MS) })
        await refuseFailure(answer, what)
        return { status: answer.status, text: await answer.text() }
      } catch (error) {
        failures++
        if (error instanceof Refused || failures === ATTEMPTS) throw error
        this.#options.onLost?.(what, error)
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  #requestId(): Record<string, string> {
    const { requestIdPrefix } = this.#options
    return requestIdPrefix === undefined ? {} : { 'x-request-id': `${requestIdPrefix}${randomUUID()}` }
  }
}

/** @throws Refused for 4xx, which another attempt would not change; Error for 5xx and 429 */
async function refuseFailure(answer: Response, what: string): Promise<void> {
  if (answer.ok) return
  const message = `${what} was answered ${answer.status}: ${(await answer.text()).slice(0, 500)}`
  throw answer.status >= 500 || answer.status === 429 ? new Error(message) : new Refused(message)
}
