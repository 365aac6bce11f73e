import type { Result } from './report.js'
import { shown } from './report.js'

const width = 840
const barLeft = 172
const barWidth = 420
const rowHeight = 26
const panelHead = 52

/** A panel of the picture: one figure of one shape, a bar for each row. */
interface Panel {
  readonly title: string
  readonly shape: string
  readonly figure: string
}

const panels: readonly Panel[] = [
  { title: 'Server CPU a delivery, paced (µs, less is better)', shape: 'paced', figure: 'cpuUs' },
  {
    title: 'Deliveries a second in a burst (more is better)',
    shape: 'burst',
    figure: 'deliveries',
  },
  { title: 'Memory of an idle stream (kB, less is better)', shape: 'idle', figure: 'kbAStream' },
]

/** The comparison with the peers as an SVG that reads on light and on dark. */
export function picture(results: readonly Result[]): string {
  const parts: string[] = []
  const machines = new Set<string>()
  let top = 16
  for (const panel of panels) {
    const result = results.find(({ shape }) => shape === panel.shape)
    if (result === undefined) continue
    const rows = Object.entries(result.rows).flatMap(([name, figures]) => {
      const value = figures[panel.figure]
      return value === undefined ? [] : [{ name, value }]
    })
    parts.push(drawPanel(panel, rows, top))
    machines.add(result.machine)
    top += panelHead + rows.length * rowHeight + 12
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top + 24}" role="img" aria-label="Ringcast beside its peers">
<style>
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .note { font-size: 11px; fill: #656d76 }
  rect { fill: #b6bec8 }
  rect.own { fill: #0b6bcb }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #8d96a0 }
    rect { fill: #4b5563 }
    rect.own { fill: #4aa3ff }
  }
</style>
${parts.join('\n')}
<text class="note" x="8" y="${top + 8}">${escape([...machines].join(' and '))}</text>
</svg>
`
}

function drawPanel(
  { title }: Panel,
  rows: readonly { name: string; value: number }[],
  top: number,
): string {
  const largest = Math.max(...rows.map(({ value }) => value))
  const bars = rows.map(({ name, value }, index) => {
    const y = top + panelHead - 16 + index * rowHeight
    const length = Math.max((value / largest) * barWidth, 2)
    return (
      `<text x="${barLeft - 10}" y="${y + 14}" text-anchor="end">${escape(name)}</text>` +
      `<rect${name.startsWith('ringcast') ? ' class="own"' : ''} x="${barLeft}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2"/>` +
      `<text x="${barLeft + length + 8}" y="${y + 14}">${shown(value)}</text>`
    )
  })
  return [`<text class="title" x="8" y="${top + 20}">${escape(title)}</text>`, ...bars].join('\n')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
