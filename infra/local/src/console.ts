import pc from 'picocolors'

const COLOURS = [pc.cyan, pc.magenta, pc.yellow, pc.green, pc.blue, pc.red]

/** What `start` shows: short lines for people. Colours only on a terminal, and never with NO_COLOR. */
export interface Console {
  /** A line of the supervisor's own. */
  say(line: string): void
  /** A fault of the supervisor's own, or of something it runs. */
  warn(line: string): void
  /** A line that the process `name` wrote, after its name. */
  relay(name: string, line: string): void
}

/** @param names the processes, for the width of the first column */
export function createConsole(names: string[], write: (text: string) => void = writeOut): Console {
  const width = Math.max(...names.map((name) => name.length))
  const prefix = (name: string) => {
    const colour = COLOURS[names.indexOf(name) % COLOURS.length] ?? pc.white
    return colour(`${name.padEnd(width)} │`)
  }
  return {
    say: (line) => write(`${line}\n`),
    warn: (line) => write(`${pc.red('!')} ${line}\n`),
    relay: (name, line) => write(`${prefix(name)} ${line}\n`),
  }
}

// The terminal, or whoever reads, may go first: that is no reason to leave others running.
process.stdout.on('error', () => {})

function writeOut(text: string): void {
  process.stdout.write(text)
}

/** The address of a link, a name or a command that stands out in a line. */
export const strong: (text: string) => string = pc.bold
export const faint: (text: string) => string = pc.dim
