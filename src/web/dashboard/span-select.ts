import type { Charts } from './charts.js'
import { h } from './dom.js'
import type { ViewState } from './view-state.js'

const spans = ['2', '10', '60']
const defaultSpan = '10'

/** How many minutes the charts show, by the URL. */
export function spanOf(view: ViewState): string {
  const minutes = view.get('minutes')
  return spans.includes(minutes) ? minutes : defaultSpan
}

/** Lets one choose how much of the past the charts show. */
export function spanSelect(view: ViewState, charts: Charts): HTMLElement {
  const select = h(
    'select',
    { 'aria-label': 'How much of the past' },
    ...spans.map((minutes) => h('option', { value: minutes }, `last ${minutes} min`)),
  )
  const set = (): void => {
    select.value = spanOf(view)
    charts.minutes = Number(select.value)
  }
  select.addEventListener('change', () => {
    view.set({ minutes: select.value === defaultSpan ? '' : select.value })
    set()
  })
  view.onChange(set)
  select.value = spanOf(view)
  return select
}
