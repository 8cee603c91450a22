import { createHash } from 'node:crypto'
import { drawPicture, drawThumbnail, makeTone } from './pictures.ts'

/** One capture that a robot is going to upload. */
export interface Capture {
  /** The robot's own id. The same plan gives the same ids, so that a second run adds nothing. */
  sourceId: string
  type: string
  title: string
  capturedAt: Date
  timeZone: string
}

/** Where a robot is, from a day on. */
export interface Stay {
  timeZone: string
  /** Days before the end of the plan. */
  fromDay: number
}

export interface CapturePlan {
  /** The last day of the plan ends here. */
  until: Date
  days: number
  perDay: number
  /** Begins the ids of the captures. */
  name: string
  stays: Stay[]
}

const SUBJECTS = [
  { type: 'photo', title: 'Morning light in the kitchen' },
  { type: 'pet', title: 'The cat on the sofa' },
  { type: 'visitor', title: 'Someone at the door' },
  { type: 'photo', title: 'Flowers on the table' },
  { type: 'pet', title: 'The dog waits for a walk' },
  { type: 'playtime', title: 'Blocks on the floor' },
] as const

const DAY_MS = 86_400_000
// Between 07:00 and 22:00: a home is dark at night.
const FIRST_HOUR = 7
const HOURS = 15

/** Plans captures, oldest first. The same plan gives the same captures. */
export function planCaptures({ until, days, perDay, name, stays }: CapturePlan): Capture[] {
  const lastDay = Math.floor(until.getTime() / DAY_MS) * DAY_MS
  return Array.from({ length: days * perDay }, (_, index) => {
    const day = days - 1 - Math.floor(index / perDay)
    const sourceId = `${name}-${new Date(lastDay - day * DAY_MS).toISOString().slice(0, 10)}-${index % perDay}`
    const chance = createHash('sha256').update(sourceId).digest()
    const hour = FIRST_HOUR + (HOURS * ((index % perDay) + chance.readUInt8(0) / 256)) / perDay
    const stay = stays.findLast(({ fromDay }) => day <= fromDay) ?? stays[0]
    const capturedAt = new Date(Math.round(lastDay - day * DAY_MS + hour * 3_600_000))
    return {
      sourceId,
      ...(SUBJECTS[chance.readUInt8(1) % SUBJECTS.length] ?? SUBJECTS[0]),
      capturedAt,
      timeZone: stay?.timeZone ?? 'UTC',
    }
  }).filter(({ capturedAt }) => capturedAt <= until)
}

/** One file of a capture, as it is announced and sent. */
export interface CaptureFile {
  kind: 'image' | 'thumbnail' | 'audio' | 'metadata'
  contentType: string
  content: Buffer
  /** Hexadecimal. */
  sha256: string
}

/** Makes the four files of a capture: a picture with the local time drawn into it, its thumbnail, a tone, metadata. */
export async function makeFiles(capture: Capture): Promise<CaptureFile[]> {
  const { capturedAt, timeZone, sourceId, type } = capture
  const local = Temporal.Instant.fromEpochMilliseconds(capturedAt.getTime()).toZonedDateTimeISO(timeZone)
  const time = local.toPlainTime().toString({ smallestUnit: 'minute' })
  const hue = Math.round((local.hour * 60 + local.minute) / 4)
  const picture = await drawPicture({ date: local.toPlainDate().toString(), time, hue })
  const metadata = { sourceId, type, battery: 40 + (hue % 60), brightness: Math.abs(Math.sin(local.hour / 8)) }
  return [
    toFile('image', 'image/jpeg', picture),
    toFile('thumbnail', 'image/webp', await drawThumbnail(picture)),
    toFile('audio', 'audio/wav', makeTone(220 + hue)),
    toFile('metadata', 'application/json', Buffer.from(JSON.stringify(metadata))),
  ]
}

function toFile(kind: CaptureFile['kind'], contentType: string, content: Buffer): CaptureFile {
  return { kind, contentType, content, sha256: createHash('sha256').update(content).digest('hex') }
}
