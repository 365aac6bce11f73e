const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'short' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

/** Shows a time as the reader's language and place do: of today the clock, of other days the date too. */
export function showTime(element: HTMLElement, time: string): void {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) {
    element.textContent = time
    return
  }
  const isToday = date.toDateString() === new Date().toDateString()
  element.textContent = (isToday ? clock : day).format(date)
  element.title = whole.format(date)
  if (element instanceof HTMLTimeElement) element.dateTime = time
}
