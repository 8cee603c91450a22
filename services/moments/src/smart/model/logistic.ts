import { cholesky, inverse, logDeterminant, type SquareMatrix, solve, zeroMatrix } from './cholesky.ts'

/** The entries of a feature vector that aren't zero. */
export interface SparseRow {
  indices: readonly number[]
  values: readonly number[]
}

export interface Sample {
  row: SparseRow
  isLiked: boolean
  weight: number
}

/** Independent normal distributions of the coefficients. */
export interface CoefficientPrior {
  means: Float64Array
  variances: Float64Array
}

/** The normal distribution that approximates the posterior of the coefficients (Laplace). */
export interface Posterior {
  means: Float64Array
  covariance: SquareMatrix
}

const MAX_STEPS = 50
const MAX_HALVINGS = 30
const TOLERANCE = 1e-4

/** The mode of the posterior, with the Cholesky factor of the Hessian there. */
interface Mode {
  means: Float64Array
  loss: number
  lower: SquareMatrix
}

/**
 * Fits a Bayesian logistic regression: finds the mode by Newton's method, and takes the inverse of the Hessian there as
 * the covariance.
 */
export function fitLogistic(samples: readonly Sample[], prior: CoefficientPrior): Posterior {
  const { means, lower } = findMode(samples, prior)
  return { means, covariance: inverse(lower) }
}

/** Returns the logarithm of the labels' probability under the prior, by the Laplace approximation. */
export function logEvidence(samples: readonly Sample[], prior: CoefficientPrior): number {
  const used = restrictToUsed(samples, prior)
  const { loss, lower } = findMode(used.samples, used.prior)
  const logVariances = used.prior.variances.reduce((sum, variance) => sum + Math.log(variance), 0)
  return -loss - (logDeterminant(lower) + logVariances) / 2
}

/** Leaves out coefficients that no sample uses: they keep their prior, so the evidence is the same, and cost the most. */
function restrictToUsed(samples: readonly Sample[], { means, variances }: CoefficientPrior) {
  const used = [...new Set(samples.flatMap(({ row }) => row.indices))]
  const positions = new Map(used.map((index, position) => [index, position]))
  return {
    samples: samples.map(({ row, isLiked, weight }): Sample => {
      const indices = row.indices.map((index) => positions.get(index) ?? 0)
      return { row: { indices, values: row.values }, isLiked, weight }
    }),
    prior: {
      means: Float64Array.from(used, (index) => means[index] ?? 0),
      variances: Float64Array.from(used, (index) => variances[index] ?? 1),
    },
  }
}

function findMode(samples: readonly Sample[], prior: CoefficientPrior): Mode {
  let means: Float64Array = Float64Array.from(prior.means)
  let loss = lossAt(means, samples, prior)
  for (let step = 0; step < MAX_STEPS; step++) {
    const { gradient, hessian } = derivativesAt(means, samples, prior)
    const lower = cholesky(hessian)
    const direction = solve(lower, gradient)
    const next = descend(means, direction, (candidate) => ({ loss: lossAt(candidate, samples, prior), limit: loss }))
    if (!next) return { means, loss, lower }
    means = next.means
    loss = next.loss
    // Convergence is quadratic: after this step the error is about the square of the tolerance.
    if (direction.every((change) => Math.abs(change) < TOLERANCE)) return { means, loss, lower }
  }
  return { means, loss, lower: cholesky(derivativesAt(means, samples, prior).hessian) }
}

/** Halves the Newton step until the loss doesn't grow; undefined when no step helps, that is at the optimum. */
function descend(
  means: Float64Array,
  direction: Float64Array,
  measure: (candidate: Float64Array) => { loss: number; limit: number },
): { means: Float64Array; loss: number } | undefined {
  for (let halving = 0; halving < MAX_HALVINGS; halving++) {
    const candidate = means.map((mean, i) => mean - (direction[i] ?? 0) / 2 ** halving)
    const { loss, limit } = measure(candidate)
    if (loss <= limit) return { means: candidate, loss }
  }
  return undefined
}

/** Returns the negative log posterior, without constants. */
export function lossAt(means: Float64Array, samples: readonly Sample[], prior: CoefficientPrior): number {
  let loss = 0
  for (const { row, isLiked, weight } of samples) {
    const logit = dot(row, means)
    loss += weight * (softplus(logit) - (isLiked ? logit : 0))
  }
  for (let i = 0; i < means.length; i++) {
    loss += ((means[i] ?? 0) - (prior.means[i] ?? 0)) ** 2 / (2 * (prior.variances[i] ?? 1))
  }
  return loss
}

function derivativesAt(means: Float64Array, samples: readonly Sample[], prior: CoefficientPrior) {
  const size = means.length
  const hessian = zeroMatrix(size)
  const gradient = means.map((mean, i) => (mean - (prior.means[i] ?? 0)) / (prior.variances[i] ?? 1))
  for (let i = 0; i < size; i++) hessian.values[i * size + i] = 1 / (prior.variances[i] ?? 1)
  for (const { row, isLiked, weight } of samples) {
    const probability = sigmoid(dot(row, means))
    const residual = weight * (probability - (isLiked ? 1 : 0))
    const curvature = weight * probability * (1 - probability)
    for (let a = 0; a < row.indices.length; a++) {
      const i = row.indices[a] ?? 0
      const value = row.values[a] ?? 0
      gradient[i] = (gradient[i] ?? 0) + residual * value
      for (let b = 0; b < row.indices.length; b++) {
        const at = i * size + (row.indices[b] ?? 0)
        hessian.values[at] = (hessian.values[at] ?? 0) + curvature * value * (row.values[b] ?? 0)
      }
    }
  }
  return { gradient, hessian }
}

export interface Prediction {
  /** Mean and variance of the logit. */
  logit: number
  variance: number
  /** Mean of the probability over the posterior, by the probit approximation. */
  probability: number
}

export function predict({ means, covariance }: Posterior, row: SparseRow): Prediction {
  const logit = dot(row, means)
  let variance = 0
  for (let a = 0; a < row.indices.length; a++) {
    const offset = (row.indices[a] ?? 0) * covariance.size
    let sum = 0
    for (let b = 0; b < row.indices.length; b++) {
      sum += (covariance.values[offset + (row.indices[b] ?? 0)] ?? 0) * (row.values[b] ?? 0)
    }
    variance += sum * (row.values[a] ?? 0)
  }
  return { logit, variance, probability: sigmoid(logit / Math.sqrt(1 + (Math.PI * variance) / 8)) }
}

function dot({ indices, values }: SparseRow, coefficients: Float64Array): number {
  let sum = 0
  for (let a = 0; a < indices.length; a++) sum += (coefficients[indices[a] ?? 0] ?? 0) * (values[a] ?? 0)
  return sum
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}

function softplus(logit: number): number {
  return Math.max(0, logit) + Math.log1p(Math.exp(-Math.abs(logit)))
}
