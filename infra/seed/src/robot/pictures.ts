import sharp from 'sharp'

// The segments of a digit: x, y, width and height within a cell of 10 by 18. Drawn shapes need no font on the machine.
const SEGMENTS = {
  a: [1, 0, 8, 2],
  b: [8, 1, 2, 8],
  c: [8, 9, 2, 8],
  d: [1, 16, 8, 2],
  e: [0, 9, 2, 8],
  f: [0, 1, 2, 8],
  g: [1, 8, 8, 2],
} as const
type Segment = keyof typeof SEGMENTS

const DIGITS: Record<string, string> = {
  '0': 'abcdef',
  '1': 'bc',
  '2': 'abged',
  '3': 'abgcd',
  '4': 'fgbc',
  '5': 'afgcd',
  '6': 'afgedc',
  '7': 'abc',
  '8': 'abcdefg',
  '9': 'abcdfg',
  '-': 'g',
}

const isSegment = (letter: string): letter is Segment => letter in SEGMENTS

/** Draws digits, colons and dashes as on a clock. One cell is 10 by 18 units, and 14 from the next. */
function clockFace(text: string): string {
  return [...text]
    .map((character, index) => {
      const left = index * 14
      if (character === ':')
        return `<rect x="${left + 4}" y="4" width="2" height="2"/><rect x="${left + 4}" y="12" width="2" height="2"/>`
      return [...(DIGITS[character] ?? '')]
        .filter(isSegment)
        .map((letter) => {
          const [x, y, width, height] = SEGMENTS[letter]
          return `<rect x="${left + x}" y="${y}" width="${width}" height="${height}" rx="0.8"/>`
        })
        .join('')
    })
    .join('')
}

/** The contents of a picture. */
export interface Scene {
  /** `YYYY-MM-DD`, drawn small. */
  date: string
  /** `HH:MM`, drawn large. */
  time: string
  /** Degrees on the colour wheel. */
  hue: number
}

const WIDTH = 1280
const HEIGHT = 720

/** Draws a picture of 1280 by 720: a sky of the scene's colour, a hill, and the time. @returns a JPEG */
export function drawPicture({ date, time, hue }: Scene): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
    <defs><linearGradient id="sky" x1="0" y1="0" x2="0.3" y2="1">
      <stop offset="0" stop-color="hsl(${hue}, 70%, 32%)"/>
      <stop offset="1" stop-color="hsl(${(hue + 50) % 360}, 75%, 66%)"/>
    </linearGradient></defs>
    <rect width="${WIDTH}" height="${HEIGHT}" fill="url(#sky)"/>
    <circle cx="${200 + ((hue * 7) % 880)}" cy="${150 + ((hue * 3) % 160)}" r="70" fill="hsl(${(hue + 60) % 360}, 90%, 85%)" opacity="0.8"/>
    <ellipse cx="${WIDTH / 2}" cy="${HEIGHT + 120}" rx="${WIDTH * 0.75}" ry="300" fill="hsl(${(hue + 200) % 360}, 30%, 22%)"/>
    <g fill="white" transform="translate(376 270) scale(8)">${clockFace(time)}</g>
    <g fill="white" opacity="0.85" transform="translate(430 470) scale(3)">${clockFace(date)}</g>
  </svg>`
  return sharp(Buffer.from(svg)).jpeg({ quality: 82 }).toBuffer()
}

/** Makes a small version of a picture. @returns a WebP, 320 pixels wide */
export const drawThumbnail = (picture: Buffer): Promise<Buffer> =>
  sharp(picture).resize({ width: 320 }).webp({ quality: 75 }).toBuffer()

const SAMPLES_PER_SECOND = 8_000

/** Makes half a second of a tone. @returns a WAV: 8 bits, mono */
export function makeTone(hertz: number): Buffer {
  const samples = SAMPLES_PER_SECOND / 2
  const wav = Buffer.alloc(44 + samples)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(36 + samples, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(SAMPLES_PER_SECOND, 24)
  wav.writeUInt32LE(SAMPLES_PER_SECOND, 28)
  wav.writeUInt16LE(1, 32)
  wav.writeUInt16LE(8, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(samples, 40)
  for (let at = 0; at < samples; at++) {
    const fade = 1 - at / samples
    wav[44 + at] = 128 + Math.round(90 * fade * Math.sin((2 * Math.PI * hertz * at) / SAMPLES_PER_SECOND))
  }
  return wav
}
