import { type CoefficientPrior, logEvidence, type Sample } from './logistic.ts'

/** A sample with the instant of its reaction. */
export interface DatedSample extends Sample {
  at: Date
}

/** Days ago when a taste may have changed. */
const CHANGES_DAYS_AGO = [2, 4, 7, 14, 28, 56]
/** With fewer labels on either side, a change can't be told from noise. */
const MIN_LABELS = 6
/** Log Bayes factor from which on a change is believed. */
const BELIEVED = 1.5
const DAY_MS = 86_400_000

/**
 * Returns the samples since the taste changed, all of them when it didn't. A half-life of 60 days alone would keep a user
 * with a new taste waiting for weeks. A change is believed when the labels before and after it are more probable as two
 * tastes than as one.
 */
export function sinceChange(
  samples: readonly DatedSample[],
  prior: CoefficientPrior,
  now: Date,
): readonly DatedSample[] {
  const splits = CHANGES_DAYS_AGO.map((days) => {
    const changedAtMs = now.getTime() - days * DAY_MS
    return {
      before: samples.filter(({ at }) => at.getTime() < changedAtMs),
      after: samples.filter(({ at }) => at.getTime() >= changedAtMs),
    }
  }).filter(({ before, after }) => before.length >= MIN_LABELS && after.length >= MIN_LABELS)
  if (splits.length === 0) return samples
  let best: { after: readonly DatedSample[]; evidence: number } = {
    after: samples,
    evidence: logEvidence(samples, prior) + BELIEVED,
  }
  for (const { before, after } of splits) {
    const evidence = logEvidence(before, prior) + logEvidence(after, prior)
    if (evidence > best.evidence) best = { after, evidence }
  }
  return best.after
}
