/** A symmetric matrix of `size` rows, stored row by row. */
export interface SquareMatrix {
  size: number
  values: Float64Array
}

export function zeroMatrix(size: number): SquareMatrix {
  return { size, values: new Float64Array(size * size) }
}

/**
 * Returns the lower triangle L with L Lᵀ = matrix.
 *
 * @throws RangeError when the matrix is not positive definite
 */
export function cholesky({ size, values }: SquareMatrix): SquareMatrix {
  const lower = zeroMatrix(size)
  const l = lower.values
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = values[row * size + column] ?? 0
      for (let k = 0; k < column; k++) rest -= (l[row * size + k] ?? 0) * (l[column * size + k] ?? 0)
      if (column < row) l[row * size + column] = rest / (l[column * size + column] ?? 1)
      else if (rest > 0) l[row * size + row] = Math.sqrt(rest)
      else throw new RangeError('The matrix is not positive definite.')
    }
  }
  return lower
}

/** Returns x with L Lᵀ x = right. */
export function solve(lower: SquareMatrix, right: Float64Array): Float64Array {
  const { size, values } = lower
  const x = Float64Array.from(right)
  for (let row = 0; row < size; row++) {
    let rest = x[row] ?? 0
    for (let k = 0; k < row; k++) rest -= (values[row * size + k] ?? 0) * (x[k] ?? 0)
    x[row] = rest / (values[row * size + row] ?? 1)
  }
  for (let row = size - 1; row >= 0; row--) {
    let rest = x[row] ?? 0
    for (let k = row + 1; k < size; k++) rest -= (values[k * size + row] ?? 0) * (x[k] ?? 0)
    x[row] = rest / (values[row * size + row] ?? 1)
  }
  return x
}

/** Returns the inverse of L Lᵀ. */
export function inverse(lower: SquareMatrix): SquareMatrix {
  const { size } = lower
  const result = zeroMatrix(size)
  const unit = new Float64Array(size)
  for (let column = 0; column < size; column++) {
    unit.fill(0)
    unit[column] = 1
    // The inverse is symmetric, so a column is a row.
    result.values.set(solve(lower, unit), column * size)
  }
  return result
}

/** Returns the logarithm of the determinant of L Lᵀ. */
export function logDeterminant({ size, values }: SquareMatrix): number {
  let sum = 0
  for (let row = 0; row < size; row++) sum += 2 * Math.log(values[row * size + row] ?? 1)
  return sum
}
