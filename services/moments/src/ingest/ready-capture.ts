import type { MediaRow } from '../db/schema.ts'
import type { CheckedCapture } from './capture.ts'

/** A file of a capture as its row will have it. */
export type ReadyMedia = Omit<MediaRow, 'moment_id' | 'position'>

/** A capture whose files have been checked in the store. */
export interface ReadyCapture extends CheckedCapture {
  /** Undefined when the capture is known already: then its files were not checked again. */
  media: ReadyMedia[] | undefined
}
