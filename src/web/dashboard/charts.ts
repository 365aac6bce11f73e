import uPlot from 'uplot'
import { h, setText } from './dom.js'
import type { Mark } from './figures.js'
import type { Sample, Samples } from './samples.js'
import { duration, short } from './text.js'

/** One chart: up to two lines, of which the first has the accent. */
interface Chart {
  readonly title: string
  readonly lines: readonly {
    readonly label: string
    readonly field: Exclude<keyof Sample, 'at'>
  }[]
  readonly format: (value: number) => string
  /** The least that its axis goes up to. */
  readonly least: number
  /** The most, if there is one. */
  readonly most?: number
}

const charts: readonly Chart[] = [
  {
    title: 'Streams',
    lines: [{ label: 'open', field: 'streams' }],
    format: short,
    least: 4,
  },
  {
    title: 'A second',
    lines: [
      { label: 'deliveries', field: 'deliveries' },
      { label: 'pushes', field: 'pushes' },
    ],
    format: short,
    least: 4,
  },
  {
    title: 'Delay',
    lines: [
      { label: 'push to write, p99', field: 'p99' },
      { label: 'event loop', field: 'loopDelay' },
    ],
    format: duration,
    least: 4,
  },
  {
    title: 'Ring',
    lines: [{ label: 'full', field: 'ringFill' }],
    format: (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} %`,
    least: 100,
    most: 100,
  },
]

const height = 132
const markNames: Record<Mark['kind'], string> = { start: 'start', drain: 'drain', gaps: 'gap' }

/** Four charts over the same time, with one crosshair. */
export class Charts {
  readonly element = h('div', { class: 'charts', role: 'group', 'aria-label': 'Live charts' })
  readonly #samples: Samples
  #minutes: number
  #marks: readonly Mark[] = []
  #drawn: { readonly plot: uPlot; readonly chart: Chart; readonly values: HTMLElement[] }[] = []

  /**
   * @param minutes how much is shown.
   * @param signal ends the drawing.
   */
  constructor(samples: Samples, minutes: number, signal: AbortSignal) {
    this.#samples = samples
    this.#minutes = minutes
    // What has another width or other colours is drawn anew.
    const resized = new ResizeObserver(() => {
      this.#resize()
    })
    resized.observe(this.element)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', () => this.#build(), { signal })
    signal.addEventListener('abort', () => {
      resized.disconnect()
      for (const { plot } of this.#drawn) plot.destroy()
    })
  }

  set minutes(minutes: number) {
    this.#minutes = minutes
    this.update(this.#marks)
  }

  /** Shows the samples as they are now. */
  update(marks: readonly Mark[]): void {
    this.#marks = marks
    if (this.#drawn.length === 0) this.#build()
    for (const { plot, chart } of this.#drawn) plot.setData(this.#data(chart))
    this.#tell()
  }

  #build(): void {
    for (const { plot } of this.#drawn) plot.destroy()
    const boxes = charts.map((chart) => {
      // No <output>, which screen readers would read out each second.
      const values = chart.lines.map(() => h('span', { class: 'value' }))
      const text = h('figcaption', {}, h('b', {}, chart.title), ...caption(chart, values))
      return { chart, values, box: h('figure', {}, text) }
    })
    // All of them first: how wide one is depends on the others.
    this.element.replaceChildren(...boxes.map(({ box }) => box))
    this.#drawn = boxes.map(({ chart, values, box }) => {
      const plot = new uPlot(this.#options(chart, box.clientWidth), this.#data(chart), box)
      return { plot, chart, values }
    })
    this.#tell()
  }

  #resize(): void {
    for (const { plot } of this.#drawn) {
      const width = plot.root.parentElement!.clientWidth
      if (width !== plot.width) plot.setSize({ width, height })
    }
  }

  #data({ lines }: Chart): uPlot.AlignedData {
    return [this.#samples.column('at'), ...lines.map(({ field }) => this.#samples.column(field))]
  }

  /** The values under the crosshair, or else the newest. */
  #tell(): void {
    for (const { plot, chart, values } of this.#drawn) {
      chart.lines.forEach((_line, i) => {
        const column = plot.data[i + 1]!
        const value = column[plot.cursor.idx ?? column.length - 1]
        setText(values[i]!, value == null ? '–' : chart.format(value))
      })
    }
  }

  #options(chart: Chart, width: number): uPlot.Options {
    const colour = (name: string): string => this.#colour(name)
    const font = `11px ${getComputedStyle(this.element).fontFamily}`
    const grid = { stroke: colour('--line'), width: 1 }
    const axis = { stroke: colour('--muted'), font, grid, ticks: { show: false } }
    const colours = [colour('--accent'), colour('--second')]
    return {
      width,
      height,
      legend: { show: false },
      cursor: { sync: { key: 'ringcast' }, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: () => this.#span() },
        y: { range: (_plot, _least, most) => [0, chart.most ?? Math.max(chart.least, most * 1.1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 24, values: times },
        {
          ...axis,
          // All alike, so that what is above each other is of one time.
          size: 52,
          space: 34,
          values: (_plot, splits) =>
            splits.map((value) => (value === 0 ? '0' : chart.format(value))),
        },
      ],
      series: [
        {},
        ...chart.lines.map((_line, i) => ({
          stroke: colours[i]!,
          width: 1.5,
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [
          () => {
            this.#tell()
          },
        ],
        draw: [
          (plot) => {
            this.#drawMarks(plot, colour('--bad'), colour('--muted'), font)
          },
        ],
      },
    }
  }

  /** A colour of the style sheet, for a canvas: as it is in the theme that the page has now. */
  #colour(name: string): string {
    const probe = h('span')
    probe.style.color = `var(${name})`
    this.element.append(probe)
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  }

  #span(): [number, number] {
    const end = this.#samples.newest?.at ?? Date.now() / 1000
    // What is not known yet takes no room, but for a first minute.
    const first = Math.min(this.#samples.oldest?.at ?? end, end - 60)
    return [Math.max(first, end - this.#minutes * 60), end]
  }

  #drawMarks(plot: uPlot, bad: string, usual: string, font: string): void {
    const { ctx, bbox } = plot
    const ratio = devicePixelRatio
    const [from, to] = this.#span()
    ctx.save()
    ctx.font = font.replace('11', String(Math.round(10 * ratio)))
    for (const [i, { at, kind }] of this.#marks.entries()) {
      const time = Date.parse(at) / 1000
      if (time < from || time > to) continue
      const x = Math.round(plot.valToPos(time, 'x', true))
      ctx.fillStyle = kind === 'gaps' ? bad : usual
      ctx.fillRect(x, bbox.top, ratio, bbox.height)
      ctx.textAlign = x > bbox.left + bbox.width - 40 * ratio ? 'right' : 'left'
      ctx.fillText(
        markNames[kind],
        x + (ctx.textAlign === 'left' ? 4 : -4) * ratio,
        // Two that are close are not written over each other.
        bbox.top + (10 + 12 * (i % 3)) * ratio,
      )
    }
    ctx.restore()
  }
}

function* caption({ lines }: Chart, values: readonly HTMLElement[]): Iterable<HTMLElement> {
  for (const [i, { label }] of lines.entries()) {
    yield h('span', { class: `line line-${i}` }, values[i], ' ', label)
  }
}

function times(_plot: uPlot, splits: number[]): string[] {
  return splits.map((at) => {
    const date = new Date(at * 1000)
    const two = (n: number): string => String(n).padStart(2, '0')
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`
    return date.getSeconds() === 0 ? time : `${time}:${two(date.getSeconds())}`
  })
}
