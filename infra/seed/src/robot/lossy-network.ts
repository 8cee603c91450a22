/**
 * Returns a `fetch` whose every n-th request breaks off: in turn before it is sent, and after the service has answered,
 * when the robot never learns of the answer.
 */
export function lossyNetwork(everyNth: number, send: typeof fetch = fetch): typeof fetch {
  let requests = 0
  return async (input, init) => {
    requests++
    const loss = requests % everyNth === 0 ? Math.floor(requests / everyNth) % 2 : undefined
    if (loss === 0) throw new TypeError('The network is gone.')
    const answer = await send(input, init)
    if (loss === undefined) return answer
    await answer.body?.cancel()
    throw new TypeError('The network is gone before the answer arrived.')
  }
}
